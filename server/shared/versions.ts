// Which turns of a log are the conversation, and which stand beside it as other versions of it. The
// log is the only truth: whoever folds the same chunks with these functions has the same
// conversation. Where a turn hangs never changes; siblings are derived, stored nowhere.

export interface Placed {
  id: string;
  /** `seq` of its first chunk. What follows a turn always has a greater one. */
  from: number;
}

/** Turns that left the conversation together, in their order. */
export interface Branch<T> {
  /** The turn they follow; null at the beginning of the chat. */
  after: string | null;
  turns: readonly T[];
}

export interface Versions<T> {
  /** The conversation, as it is shown and told to the model. */
  turns: readonly T[];
  others: readonly Branch<T>[];
}

/** Takes a turn and all after it out of the conversation: a rewind, or another version of it. */
export function withoutTurnsFrom<T extends Placed>(
  versions: Versions<T>,
  id: string | undefined,
): Versions<T> {
  const { turns, others } = versions;
  const gone = id === undefined ? undefined : findTurn(versions, id);
  if (!gone) return { turns, others };
  // Logs of older companions name turns that had left already: then what came since leaves.
  const at = turns.findIndex(({ from }) => from >= gone.from);
  return at < 0 ? { turns, others } : cutAt({ turns, others }, at);
}

/** Brings a turn back, with what it follows and what followed it when it left. */
export function withVersion<T extends Placed>(versions: Versions<T>, id: string): Versions<T> {
  const { turns, others } = versions;
  if (turns.some((turn) => turn.id === id)) return { turns, others };
  const branch = others.find(({ turns: those }) => those.some((turn) => turn.id === id));
  if (!branch) return { turns, others };
  const rest = { turns, others: others.filter((one) => one !== branch) };
  const { after } = branch;
  const base = after === null ? rest : withVersion(rest, after);
  const at = after === null ? -1 : base.turns.findLastIndex((turn) => turn.id === after);
  const cut = cutAt(base, at + 1);
  return { turns: [...cut.turns, ...branch.turns], others: cut.others };
}

function cutAt<T extends Placed>({ turns, others }: Versions<T>, at: number): Versions<T> {
  const gone = turns.slice(at);
  if (gone.length === 0) return { turns, others };
  const branch = { after: turns[at - 1]?.id ?? null, turns: gone };
  return { turns: turns.slice(0, at), others: [...others, branch] };
}

export function findTurn<T extends Placed>(
  { turns, others }: Versions<T>,
  id: string,
): T | undefined {
  const isIt = (turn: T): boolean => turn.id === id;
  return turns.find(isIt) ?? others.flatMap((branch) => branch.turns).find(isIt);
}

/**
 * Ids of all versions of the message at `index`, the oldest first; behind the last one, of what was
 * taken back there. `isAsked`: whether a turn has a message; the others (an agent chosen by hand)
 * go along with what follows them.
 */
export function versionsAt<T extends Placed>(
  { turns, others }: Versions<T>,
  index: number,
  isAsked: (turn: T) => boolean,
): readonly string[] {
  const here = turns[index];
  if (here && !isAsked(here)) return [];
  const asked = turns.slice(0, index).findLastIndex(isAsked);
  const places = new Set<string | null>([turns[asked]?.id ?? null]);
  for (const { id } of turns.slice(asked + 1, index)) places.add(id);
  const found = here ? [here] : [];
  // A branch may hang on a turn without a message that has left, too: then its head is looked at.
  for (let left = others, known = -1; known < places.size; ) {
    known = places.size;
    const near = left.filter(({ after }) => places.has(after));
    left = left.filter(({ after }) => !places.has(after));
    for (const branch of near) {
      const first = branch.turns.findIndex(isAsked);
      const version = branch.turns[first];
      if (version) found.push(version);
      const head = first < 0 ? branch.turns : branch.turns.slice(0, first);
      for (const { id } of head) places.add(id);
    }
  }
  return found.toSorted((a, b) => a.from - b.from).map(({ id }) => id);
}

// The versions of a chat by its log: the same that the web app folds (`shared/versions.ts`), with
// which turn has hidden which.
import { isRecord } from "../shared/json.ts";
import {
  findTurn,
  type Placed,
  type Versions,
  withoutTurnsFrom,
  withVersion,
} from "../shared/versions.ts";

interface TurnRow {
  id: string;
  /** Cursor just before its first chunk. */
  after_seq: number;
}

/** A chunk that changes what the conversation is. */
export interface VersionChange {
  seq: number;
  /** The turn that says it. */
  by: string;
  /** `replaced`: by a message; the others are turns without one. */
  what: "replaced" | "rewound" | "version_chosen";
  turn_id: string;
}

export function toVersionChange(chunk: {
  seq: number;
  turn_id: string | null;
  type: string;
  metadata: unknown;
}): VersionChange | undefined {
  const { seq, turn_id: by, type, metadata } = chunk;
  if (by === null || !isRecord(metadata)) return undefined;
  const { state, replaces_turn_id, chosen_turn_id } = metadata;
  const isChoice = type === "status" && state === "version_chosen";
  const turn_id = isChoice ? chosen_turn_id : replaces_turn_id;
  if (typeof turn_id !== "string") return undefined;
  if (isChoice) return { seq, by, what: "version_chosen", turn_id };
  if (type === "user_message") return { seq, by, what: "replaced", turn_id };
  return type === "status" && state === "rewound"
    ? { seq, by, what: "rewound", turn_id }
    : undefined;
}

export interface Replayed {
  versions: Versions<Placed>;
  /** By the id of a turn that is not part of the conversation: what has hidden it. */
  hiddenBy: ReadonlyMap<string, string>;
}

export function replayVersions(
  turns: readonly TurnRow[],
  changes: readonly VersionChange[],
): Replayed {
  const byTurn = new Map(changes.map((change) => [change.by, change]));
  let versions: Versions<Placed> = { turns: [], others: [] };
  const hiddenBy = new Map<string, string>();
  /** A rewind or a choice: nothing hangs on it, but it is hidden with what was there before it. */
  let unplaced: Placed[] = [];
  for (const { id, after_seq } of turns.toSorted((a, b) => a.after_seq - b.after_seq)) {
    const turn = { id, from: after_seq + 1 };
    const change = byTurn.get(id);
    if (change) {
      const shown = [...versions.turns, ...unplaced];
      const from = findTurn(versions, change.turn_id)?.from ?? Number.POSITIVE_INFINITY;
      const isChoice = change.what === "version_chosen";
      unplaced = isChoice ? [] : unplaced.filter((one) => one.from < from);
      versions = (isChoice ? withVersion : withoutTurnsFrom)(versions, change.turn_id);
      for (const one of versions.turns) hiddenBy.delete(one.id);
      const kept = new Set([...versions.turns, ...unplaced]);
      for (const one of shown) if (!kept.has(one)) hiddenBy.set(one.id, id);
    }
    if (change && change.what !== "replaced") unplaced.push(turn);
    else versions = { ...versions, turns: [...versions.turns, turn] };
  }
  return { versions, hiddenBy };
}

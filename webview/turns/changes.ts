// What a turn has changed in files, and what was decided of it since.
import type { ChunkOf } from "../../server/protocol/chunks.ts";
import type { SessionLog, Turn, TurnChange } from "./model.ts";

/** What a call's result says of its file stands for what an earlier one of the turn said. */
export function withChange(turn: Turn, { metadata }: ChunkOf<"tool_result">): Turn {
  const { changed, changed_by_command: byCommand } = metadata ?? {};
  if (byCommand) return { ...turn, byCommands: [...(turn.byCommands ?? []), byCommand] };
  if (!changed) return turn;
  const { path, is_new: isNew, added, removed } = changed;
  const change: TurnChange = { path, isNew, added, removed, decided: null };
  const others = (turn.changes ?? []).filter((one) => one.path !== path);
  return { ...turn, changes: [...others, change] };
}

type Decided = Extract<NonNullable<ChunkOf<"status">["metadata"]>, { state: "change_decided" }>;

export function withDecision(log: SessionLog, metadata: Decided): SessionLog {
  const { changed_turn_id, path, kept = 0, undone = 0, open = 0, added, removed } = metadata;
  const decided = kept + undone === 0 ? null : { kept, undone, open };
  const decide = (turn: Turn): Turn => {
    if (turn.id !== changed_turn_id || !turn.changes) return turn;
    const changes = turn.changes.map((one) =>
      one.path === path
        ? { ...one, added: added ?? one.added, removed: removed ?? one.removed, decided }
        : one,
    );
    return { ...turn, changes };
  };
  const others = log.others.map((branch) => ({ ...branch, turns: branch.turns.map(decide) }));
  return { ...log, turns: log.turns.map(decide), others };
}

// The log went back: it is read again from its beginning, and what is not in it any more
// stays readable beside it.

import type { LogReset } from "../../server/protocol/stream-events.ts";
import type { Gone } from "./model.ts";
import { answerText, emptyLog, isOpen, type SessionLog, type Turn } from "./model.ts";

export function resetLog(log: SessionLog, reset: LogReset): SessionLog {
  // It may go back again while it is read again.
  const shown = log.before ?? { turns: log.turns, cursor: log.cursor };
  const before = { ...shown, same: reset.resume_after, until: reset.last_seq };
  return settled({ ...emptyLog(log.id), gone: log.gone, before });
}

/** Once all is here again: what is missing of that which was shown. */
export function settled(log: SessionLog): SessionLog {
  const { before } = log;
  if (!before || log.cursor < before.until) return log;
  const all = [...log.turns, ...log.others.flatMap(({ turns }) => turns)];
  const there = new Map(all.map((turn) => [turn.id, turn]));
  const missing = before.turns.filter((turn) => {
    const now = there.get(turn.id);
    return !now || answerText(now).length < answerText(turn).length;
  });
  const first = missing[0];
  if (!first) return { ...log, before: null };
  const from = before.same > 0 ? before.same : first.from - 1;
  const gone: Gone = {
    count: (log.gone?.count ?? 0) + Math.max(1, before.cursor - from),
    turns: [...(log.gone?.turns ?? []), ...missing.map(closed)],
    afterTurnId: log.turns.at(-1)?.id ?? null,
  };
  return { ...log, before: null, gone };
}

/** Nobody can answer its calls or stop it any more. */
function closed(turn: Turn): Turn {
  const parts = turn.parts.map((part) =>
    part.kind === "tool" && part.waitsFor !== null ? { ...part, waitsFor: null } : part,
  );
  return { ...turn, parts, status: isOpen(turn) ? "interrupted" : turn.status };
}

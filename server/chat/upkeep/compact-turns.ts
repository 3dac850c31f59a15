import { setTimeout as delay } from "node:timers/promises";
import { compactStep, STEP_ROWS, turnsToCompact } from "../../db/tables/compaction.ts";
import { appendsEnded } from "../../db/tables/epochs.ts";
import { lockSession } from "../../db/tables/sessions.ts";
import { ChatError } from "../../errors.ts";
import { every, type Repeating } from "../../shared/every.ts";
import type { ChatDeps } from "../deps.ts";

/** Whoever watches an answer reads its chunks, not their snapshot. */
const AFTER_MS = 10 * 60_000;
const LOOK_MS = 60_000;
const TURNS_AT_ONCE = 50;

/** Between two steps, so that streams go first. */
const REST_MS = 20;

type CompactionDeps = Pick<ChatDeps, "newUnitOfWork" | "reader" | "log" | "closing">;

/** Compacts turns that ended a while ago, for as long as the companion lives. */
export function compactInBackground(deps: CompactionDeps): Repeating {
  return every(
    LOOK_MS,
    () => compactTurns(deps, Date.now() - AFTER_MS),
    (err) => deps.log.warn({ err }, "finished turns could not be compacted"),
  );
}

/** Compacts all turns that ended before, step by step; resolves with their number. */
export async function compactTurns(
  deps: CompactionDeps,
  endedBefore: number,
  stepRows = STEP_ROWS,
): Promise<number> {
  let compacted = 0;
  for (;;) {
    const turns = await turnsToCompact(deps.reader, endedBefore, TURNS_AT_ONCE);
    if (turns.length === 0) return compacted;
    await appendsEnded(deps.reader);
    for (const turn of turns) {
      while (!(await step(deps, turn, stepRows))) await delay(REST_MS);
      compacted++;
      if (deps.closing.aborted) return compacted;
      await delay(REST_MS);
    }
  }
}

async function step(
  { newUnitOfWork, closing }: CompactionDeps,
  turn: { turnId: string; sessionId: string },
  stepRows: number,
): Promise<boolean> {
  if (closing.aborted) return true;
  const uow = newUnitOfWork(turn);
  try {
    return await uow.commit("compact_turn", async (trx) => {
      await lockSession(trx, turn.sessionId);
      return await compactStep(trx, turn, stepRows);
    });
  } catch (thrown) {
    // Deleted meanwhile.
    if (thrown instanceof ChatError && thrown.code === "not_found") return true;
    throw thrown;
  }
}

// Answers that their vendor holds: noted with the turn before their first word, gone on
// with by the next companion.
import { setTimeout as delay } from "node:timers/promises";
import { textBetween } from "../../db/tables/chunks.ts";
import { lastPosition } from "../../db/tables/messages.ts";
import { releaseLease } from "../../db/tables/sessions.ts";
import { setHeldAnswer } from "../../db/tables/turns.ts";
import { ChatError } from "../../errors.ts";
import type { ResolvedModel } from "../../providers/catalog.ts";
import type { EventStream, HeldAnswer, ProviderRequest } from "../../providers/provider.ts";
import { ENDINGS, type Ending } from "./close-turn.ts";
import { type Run, writeStep } from "./run.ts";
import { type StoredPart, skipStored } from "./skip-stored.ts";

/** Keys live in memory alone: after a restart a window has to bring them again. */
const KEY_WAIT_MS = 60_000;
const KEY_LOOK_MS = 100;

/** Codes of an answer whose rest nobody gives. */
const NOT_GIVEN = /^(?:upstream_\w+|key_missing|model_unknown)$/;

/** From now on a companion that comes after this one can go on with the answer. */
export async function noteHeld(run: Run, { id, at }: HeldAnswer): Promise<void> {
  if (run.held?.id === id) return;
  await run.batch?.flush();
  run.held = { id, at };
  const held = { id, at, tries: 0, seq: run.turn.lastSeq };
  await writeStep(run, "hold_answer", (trx) => setHeldAnswer(trx, run.turn.turnId, held));
}

/** The model of a step; one whose answer is gone on with may have to wait for its key. */
export async function resolveHolder(run: Run, id: string): Promise<ResolvedModel> {
  const { deps, controller, held } = run;
  if (!run.goesOn) return deps.resolveModel(id);
  const deadline = performance.now() + KEY_WAIT_MS;
  for (;;) {
    const resolved = resolveWithKey(run, id);
    if (resolved && (!held || resolved.provider.held?.isHere(held))) return resolved;
    if (performance.now() > deadline) {
      if (!resolved) return deps.resolveModel(id);
      throw new ChatError("upstream_cut", "It was asked of another address than the present one.");
    }
    await delay(KEY_LOOK_MS, undefined, { signal: controller.signal }).catch(() =>
      controller.signal.throwIfAborted(),
    );
  }
}

function resolveWithKey({ deps }: Run, id: string): ResolvedModel | undefined {
  try {
    return deps.resolveModel(id);
  } catch (thrown) {
    if (thrown instanceof ChatError && thrown.code === "key_missing") return undefined;
    throw thrown;
  }
}

/** The answer of this step: a new one, or the one in whose middle another companion went away. */
export async function beginAnswer(
  run: Run,
  { provider }: ResolvedModel,
  request: ProviderRequest,
): Promise<{ batches: EventStream; stored: StoredPart | undefined }> {
  const { signal } = run.controller;
  const anew = { ...request, hold: true };
  if (!run.goesOn) return { batches: provider.stream(anew, signal), stored: undefined };
  const { sessionId, turnId } = run.turn;
  const { reader } = run.deps;
  const where = { sessionId, turnId, after: await lastPosition(reader, turnId) };
  run.text = await textBetween(reader, where);
  if (!run.held || !provider.held) {
    run.begun = run.text;
    return { batches: provider.stream({ ...anew, begun: run.text }, signal), stored: undefined };
  }
  const reasoning = await textBetween(reader, where, "reasoning");
  run.stored = skipStored({ text: run.text, reasoning });
  return { batches: provider.held.replay(run.held, request, signal), stored: run.stored };
}

/** What becomes of a turn in whose answer something failed. */
export function endingOfHeld(run: Run, ending: Ending): Ending {
  const isPast = run.stored?.isPast ?? run.text !== (run.begun ?? "");
  if (!run.goesOn || isPast || !NOT_GIVEN.test(ending.code)) return ending;
  return {
    ...ENDINGS.server_restarted,
    message: `The companion went away in the middle of the answer, and could not go on with it. ${ending.message} What had arrived is kept.`,
    hint: ending.hint,
  };
}

/**
 * At an orderly end: the next companion goes on with the answer as after a crash, but
 * need not wait for the lease.
 */
export async function leaveHeld(run: Run): Promise<void> {
  await run.batch?.flush();
  await writeStep(run, "hold_answer", (trx) => releaseLease(trx, run.turn.sessionId));
}

/** The vendor need not make what nobody wants. Never rejects. */
export async function cancelHeld(run: Run, modelId: string): Promise<void> {
  const { deps, held, turn } = run;
  if (!held) return;
  try {
    const { provider } = deps.resolveModel(modelId);
    if (provider.held?.isHere(held)) await provider.held.cancel(held);
  } catch (err) {
    deps.log.info({ err, turn_id: turn.turnId }, "an answer at the vendor could not be cancelled");
  }
}

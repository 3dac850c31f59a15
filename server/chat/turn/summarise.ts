// A long conversation goes on with a summary of its older turns: asked of the model outside of
// the conversation, committed as one step, shown, and taken back at a click. The log and the
// history keep every word.
import { v7 as uuid } from "uuid";
import type { Trx } from "../../db/tables/schema.ts";
import { findSession } from "../../db/tables/sessions.ts";
import {
  activeSummary,
  hasUndone,
  insertSummary,
  type SummaryRow,
  setUndone,
} from "../../db/tables/summaries.ts";
import { findOpenTurn } from "../../db/tables/turns.ts";
import {
  asMaterial,
  asStored,
  countToSummarise,
  FULL_SHARE,
  KEPT_SHARE,
  SUMMARY_PROMPT,
} from "../../domain/summary.ts";
import { ChatError } from "../../errors.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import type { ResolvedModel } from "../../providers/catalog.ts";
import type { ProviderRequest, Usage } from "../../providers/provider.ts";
import { attachmentTokens, estimateTokens } from "../../shared/tokens.ts";
import type { ChatDeps } from "../deps.ts";
import { refuseWhileRunning } from "../log/refuse-while-running.ts";
import { askAside } from "./ask-aside.ts";
import {
  estimateHistory,
  knownSize,
  promptMessages,
  sizeOf,
  type Told,
} from "./prompt-messages.ts";
import { addUsage, type Run, writeStep } from "./run.ts";

const TIMEOUT_MS = 120_000;
const MAX_SUMMARY_CHARS = 20_000;

/**
 * Before a step: if what the model would be told fills over 80 % of what it can read, older turns
 * are summarised; true if they were. Not in a chat where somebody took a summary back, and not
 * with the demo. Rejects only when the turn is stopped; where it cannot be done the answer is
 * tried with all that was said.
 */
export async function summariseIfFull(
  run: Run,
  resolved: ResolvedModel,
  request: ProviderRequest,
): Promise<boolean> {
  const { deps, turn, controller } = run;
  const isFirst = turn.begins !== undefined && run.steps === 1;
  const known = run.contextTokens || (isFirst ? 0 : await knownSize(deps.reader, turn.sessionId));
  const estimated = measure(request);
  const size = Math.max(known, estimated);
  if (size <= resolved.contextWindow * FULL_SHARE || run.summaryFailed || isDemo(resolved)) {
    return false;
  }
  try {
    if (await hasUndone(deps.reader, turn.sessionId)) return false;
    const told = await promptMessages(deps.reader, turn.sessionId);
    // Messages are estimated; where the model counts more, so much less of them fits.
    const count = countIn(told, resolved.contextWindow * KEPT_SHARE * (estimated / size));
    if (count === 0) return false;
    const made = await makeSummary(resolved, told, count, controller.signal);
    addUsage(run, made.usage);
    await writeStep(run, "summarise", async (trx, append) => {
      await store(trx, turn.sessionId, made.summary);
      await append([made.chunk]);
    });
    run.contextTokens = 0;
    return true;
  } catch (err) {
    controller.signal.throwIfAborted();
    run.summaryFailed = true;
    deps.log.warn({ err, turn_id: turn.turnId }, "older messages could not be summarised");
    return false;
  }
}

/**
 * By hand: all turns but the newest. Rejects with `session_busy`, `invalid_request`, or
 * what the model's server did.
 */
export async function summariseNow(deps: ChatDeps, sessionId: string): Promise<void> {
  const session = await findSession(deps.reader, sessionId);
  deps.turns.refuseWhenDraining();
  refuseWhileRunning(session.turn?.status);
  const resolved = deps.resolveModel(session.model);
  const told = await promptMessages(deps.reader, sessionId);
  const count = countIn(told, 0);
  if (count === 0 || isDemo(resolved)) {
    throw new ChatError(
      "invalid_request",
      isDemo(resolved)
        ? "The demo answers from a script and cannot summarise."
        : "There is nothing to summarise: all but the newest question is summarised already.",
      { hint: isDemo(resolved) ? "Choose a real model first." : "Go on with the chat." },
    );
  }
  const made = await makeSummary(resolved, told, count, deps.closing);
  await deps.write({ operation: "summarise", sessionId }, async ({ trx, append }) => {
    refuseWhileRunning((await findOpenTurn(trx, sessionId))?.status);
    // Somebody else was faster.
    const active = await activeSummary(trx, sessionId);
    if (active && active.until_position >= made.summary.until_position) return;
    await store(trx, sessionId, made.summary);
    await append([made.chunk]);
  });
}

/**
 * From the next step on the model is told again what was said. Taking effect once; rejects with
 * `not_found`, `session_busy`.
 */
export async function undoSummary(deps: ChatDeps, sessionId: string, id: string): Promise<void> {
  await deps.write({ operation: "undo_summary", sessionId }, async ({ trx, append }) => {
    refuseWhileRunning((await findOpenTurn(trx, sessionId))?.status);
    const outcome = await setUndone(trx, sessionId, id);
    if (outcome === "unknown") throw new ChatError("not_found", "There is no such summary.");
    if (outcome === "known") return;
    const { stored } = await promptMessages(trx, sessionId);
    const context_tokens = estimateHistory(stored);
    await append([
      { type: "status", metadata: { state: "summary_undone", summary_id: id, context_tokens } },
    ]);
  });
}

/**
 * What a request measures, in tokens, by our estimate; signatures and ciphers of
 * thinking say nothing of it.
 */
export function measure(request: ProviderRequest): number {
  const text = JSON.stringify(request, (name, value: unknown) =>
    name === "thinking" || name === "attachments" ? undefined : value,
  );
  const attached = request.messages.flatMap((one) =>
    one.role === "user" ? (one.attachments ?? []) : [],
  );
  return estimateTokens(text) + attachmentTokens(attached);
}

/** A script cannot judge what matters. */
function isDemo({ providerName }: ResolvedModel): boolean {
  return providerName === "demo";
}

function countIn({ rows }: Told, keep: number): number {
  const sizes = rows.map((row) => ({ turnId: row.turn_id, tokens: sizeOf(row) }));
  return countToSummarise(sizes, keep);
}

type NewSummary = Pick<SummaryRow, "id" | "until_turn_id" | "until_position" | "content">;

async function makeSummary(
  resolved: ResolvedModel,
  told: Told,
  count: number,
  signal: AbortSignal,
): Promise<{ summary: NewSummary; chunk: NewChunk; usage: Usage | undefined }> {
  const last = told.rows[count - 1];
  if (!last) throw new TypeError("a summary of nothing");
  const before = told.stored.length - told.rows.length;
  const { text, usage } = await ask(resolved, told, before + count, signal);
  const summary = {
    id: uuid(),
    until_turn_id: last.turn_id,
    until_position: last.position,
    content: text,
  };
  const left = [asStored(text), ...told.stored.slice(before + count)];
  const chunk: NewChunk = {
    type: "status",
    content: text,
    metadata: {
      state: "summarised",
      summary_id: summary.id,
      until_turn_id: summary.until_turn_id,
      context_tokens: estimateHistory(left),
    },
  };
  return { summary, chunk, usage };
}

async function ask(
  resolved: ResolvedModel,
  { stored }: Told,
  count: number,
  signal: AbortSignal,
): Promise<{ text: string; usage: Usage | undefined }> {
  // Two characters a token at worst, and room for the answer.
  const content = asMaterial(stored.slice(0, count), resolved.contextWindow * 1.5);
  const limits = { maxChars: MAX_SUMMARY_CHARS, timeoutMs: TIMEOUT_MS };
  const said = await askAside(resolved, { system: SUMMARY_PROMPT, content }, limits, signal);
  const whole = said.text.slice(0, MAX_SUMMARY_CHARS);
  const text = whole.replaceAll("\0", "\uFFFD").toWellFormed().trim();
  if (text === "") throw new ChatError("upstream_malformed", "The model gave no summary.");
  return { text, usage: said.usage };
}

async function store(trx: Trx, session_id: string, summary: NewSummary): Promise<void> {
  await insertSummary(trx, { ...summary, session_id, created_at: Date.now(), undone_at: null });
}

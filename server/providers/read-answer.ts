// One answer: asked for, heard to its end, over several connections if it must be, and judged.
import { ChatError } from "../errors.ts";
import type { Batches } from "./batches.ts";
import { backOff, isPassing, withRetries } from "./failures/retry.ts";
import {
  cutError,
  emptyError,
  goneError,
  lastWordsError,
  networkError,
  onlyThoughtError,
  strayError,
  streamError,
  tooLongError,
} from "./failures/upstream-errors.ts";
import {
  type Asked,
  addressOf,
  type Heard,
  hear,
  open,
  type WireProviderDeps,
} from "./hear-answer.ts";
import type { ToolDefinition } from "./provider.ts";
import { createDraft, type Draft } from "./wire/answer.ts";
import type { SkippedKind } from "./wire/answer-state.ts";
import type { EventReader, WireFormat } from "./wire/format.ts";

export interface Ask {
  format: WireFormat;
  request: Asked;
  model: string;
  tools: readonly ToolDefinition[];
  /** The answer that is read once more; undefined for a new one. */
  held?: string | undefined;
  /** An answer without a word is no fault. */
  mayBeEmpty: boolean;
  /**
   * Whether the model's thinking begins in its prompt, as far as is known, and who wants to know.
   */
  thinkingBegun: boolean;
  onThinkingBegun(begun: boolean): void;
}

/** Resolves when the answer is whole; all its events are pushed then. Rejects with a ChatError. */
export async function readAnswer(
  deps: WireProviderDeps,
  ask: Ask,
  batches: Batches,
): Promise<void> {
  const { access, maxAnswerChars } = deps;
  const { thinkingBegun, format } = ask;
  const tools = format.writesCalls ? ask.tools : [];
  const at = addressOf(access);
  const draft = createDraft({ maxChars: maxAnswerChars, thinkingBegun, at, tools });
  if (ask.held !== undefined) draft.hold(ask.held);
  const reader = format.createReader(draft);
  try {
    const hearing: Hearing = { deps, ask, draft, reader, batches };
    const heard = await hearPauses(hearing, await hearOut(hearing)).catch((thrown: unknown) => {
      draft.close();
      batches.push(draft.take());
      throw thrown;
    });
    // A server that ends with [DONE] but gives no reason has still said that it is done.
    if (heard.sawDone && draft.state.reason === undefined) draft.finish("other");
    draft.close();
    if (draft.state.thinkingBegun !== undefined) ask.onThinkingBegun(draft.state.thinkingBegun);
    const failure = judge(deps, ask, draft, heard);
    if (!failure) draft.conclude();
    batches.push(draft.take());
    if (failure) throw failure;
  } catch (thrown) {
    batches.left.throwIfAborted();
    throw thrown instanceof ChatError ? thrown : networkError(access, thrown);
  } finally {
    for (const [kind, count] of Object.entries(draft.state.skipped)) {
      deps.onSkipped(access.vendor.name, kind as SkippedKind, count);
    }
  }
}

interface Hearing {
  deps: WireProviderDeps;
  ask: Ask;
  draft: Draft;
  reader: EventReader;
  batches: Batches;
}

/** An answer that its vendor has paused goes on with what it said so far, as one answer. */
async function hearPauses(hearing: Hearing, first: Heard): Promise<Heard> {
  const { deps, draft, reader, batches } = hearing;
  const { state } = draft;
  let { request } = hearing.ask;
  let heard = first;
  for (;;) {
    reader.end(heard.sawDone);
    const body = state.failure || state.tooLong ? undefined : reader.goOn?.(request.body ?? {});
    if (!body) return heard;
    request = { ...request, body };
    const ask = { ...hearing.ask, request };
    const { progress } = state;
    await withRetries(
      async () => {
        draft.reopen();
        heard = await hearOut({ ...hearing, ask });
      },
      () => state.progress !== progress,
      deps.retryBaseMs,
      batches.left,
    );
  }
}

/**
 * Where the vendor holds the answer, a connection that breaks off in its middle is followed
 * by another that goes on after the last event that was told; for as long as there is an
 * event of it from time to time.
 */
async function hearOut(hearing: Hearing): Promise<Heard> {
  const { deps, ask, draft, batches } = hearing;
  const { state } = draft;
  const paths = ask.format.held;
  let asked = ask.request;
  let isWhole = false;
  let alive = performance.now();
  /** Since the last event. */
  let first: ChatError | undefined;
  for (let tried = 0; ; tried += 1) {
    const { reached } = state;
    const heard = await hearOnce(hearing, asked);
    batches.left.throwIfAborted();
    const failure = "code" in heard ? heard : (heard.failure ?? cutError(deps.access));
    const isDone = !("code" in heard) && heard.sawDone;
    if (!paths || state.held === undefined || isDone || isOver(state)) {
      if ("code" in heard) throw heard;
      return heard;
    }
    if ("code" in heard && !isPassing(heard)) {
      if (isWhole || heard.code !== "upstream_rejected") throw goneError(deps.access, heard);
      // What is not streamed any more may still be there.
      isWhole = true;
      asked = { path: paths.whole(state.held, ask.model), headers: paths.headers };
      continue;
    }
    const now = performance.now();
    if (state.reached !== reached || (isWhole && !("code" in heard))) {
      alive = now;
      tried = 0;
      first = undefined;
    }
    first ??= failure;
    if (now - alive > deps.patienceMs) throw first;
    await backOff(failure, deps.retryBaseMs * 2 ** Math.min(tried, 3), batches.left);
    deps.onResumed(deps.access.vendor.name, "cut");
    draft.resume();
    asked = {
      path: isWhole
        ? paths.whole(state.held, ask.model)
        : paths.stream(state.held, state.reached, ask.model),
      headers: paths.headers,
    };
  }
}

/** One connection. What kept it from beginning is its outcome, too. */
async function hearOnce(
  { deps, draft, reader, batches }: Hearing,
  asked: Asked,
): Promise<Heard | ChatError> {
  try {
    const { response, deadline } = await open(deps, asked, batches.left);
    return await hear({ deps, response, deadline, draft, reader, batches });
  } catch (thrown) {
    batches.left.throwIfAborted();
    return thrown instanceof ChatError ? thrown : networkError(deps.access, thrown);
  }
}

function isOver({ reason, ended, failure, tooLong }: Draft["state"]): boolean {
  return reason !== undefined || ended || failure !== undefined || tooLong;
}

/** What stands against an answer; undefined: nothing. */
function judge(
  { access, maxAnswerChars }: WireProviderDeps,
  { mayBeEmpty }: Ask,
  { state }: Draft,
  heard: Heard,
): ChatError | undefined {
  if (state.tooLong) return tooLongError(access, maxAnswerChars);
  if (state.failure) return streamError(access, state.failure.said, heard.retryAfter);
  if (state.reason !== undefined) {
    const saysWhy = state.reason === "content_filter" || state.reason === "length";
    if (state.answered || saysWhy || mayBeEmpty) return undefined;
    return state.empty ? emptyError(access) : onlyThoughtError(access);
  }
  const { stray, type, lastWords } = heard;
  const isAnswer = state.understood || !state.empty;
  if (isAnswer && lastWords !== "") return lastWordsError(access, lastWords);
  if (heard.failure) return heard.failure;
  if (isAnswer || stray === undefined) return cutError(access);
  return stray === "" ? emptyError(access) : strayError(access, type, stray);
}

// What is known of one answer while it comes, whichever format it comes in.
import type { ThinkingPart } from "../../protocol/stored/thinking.ts";
import type { FinishReason, ProviderEvent, Usage } from "../provider.ts";
import type { Limits, SkippedKind, State } from "./answer-state.ts";
import { createWords } from "./answer-words.ts";
import { type Calls, createCalls } from "./calls.ts";

/** What a reader of a format tells. */
export interface Answer {
  text(words: string): void;
  reasoning(words: string): void;
  readonly calls: Calls;
  /** Characters of a call's arguments that have come: they count, too. */
  argued(characters: number): void;
  /** Thinking that stood in the text, between tags, as it came. */
  tagged(): string;
  /**
   * The vendor's own record of its thinking, to be sent back as it is, at this place of the answer.
   */
  keep(data: Record<string, unknown>): void;
  /** The last word counts. */
  usage(usage: Usage | undefined): void;
  /**
   * The model has ended; there may be more to read. `why` is the server's word for it,
   * told if nothing else was.
   */
  finish(reason: FinishReason, why?: string): void;
  /** The vendor's end mark: nothing more is to come. */
  end(): void;
  /**
   * The server tells of an error, in its own words. `isEnd`: it is how the model has ended, and not
   * what happened after that.
   */
  fail(said: unknown, how?: { isEnd: true }): void;
  skip(kind: SkippedKind): void;
  /** The vendor's name for the answer, where the vendor holds it. */
  hold(id: string): void;
  /**
   * All up to this event has been told, by its number or name; "": it has none.
   * False: it was told before.
   */
  reach(event: string | number): boolean;
}

type Place = Pick<Draft, "hold" | "reach" | "resume">;

/** The same, for whoever reads the connection. */
export interface Draft extends Answer {
  /** The events since the last time. */
  take(): ProviderEvent[];
  /** Over another connection: numbered events up to where it stands are not taken for new. */
  resume(): void;
  /** After a pause: more is to come, over another connection. */
  reopen(): void;
  /** All that can come has come: what was held back may be taken. */
  close(): void;
  /** The answer is whole: its thinking, calls and end may be taken. */
  conclude(): void;
  readonly state: Readonly<State>;
}

export function createDraft(limits: Limits): Draft {
  const state: State = {
    progress: 0,
    reason: undefined,
    ended: false,
    failure: undefined,
    tooLong: false,
    isOver: false,
    empty: true,
    answered: false,
    wentOn: false,
    understood: false,
    skipped: {},
    thinkingBegun: undefined,
    held: undefined,
    reached: undefined,
  };
  const words = createWords(state, limits);
  const calls = createCalls();
  const parts: ThinkingPart[] = [];
  let usage: Usage | undefined;
  let why = "";
  const skip = (kind: SkippedKind): void => {
    state.skipped[kind] = (state.skipped[kind] ?? 0) + 1;
  };

  return {
    state,
    calls,
    text: words.text,
    reasoning: words.reasoning,
    tagged: words.tagged,
    argued(characters) {
      state.answered = true;
      words.count(characters);
    },
    keep(data) {
      words.pause();
      state.understood = true;
      parts.push({ text: words.shown(), calls: calls.count(), data });
    },
    usage(told) {
      if (!told) return;
      state.understood = true;
      // Nothing but 0 only means that this event does not tell it.
      if (!usage || told.input_tokens > 0 || told.output_tokens > 0) usage = told;
    },
    finish(reason, told = "") {
      state.understood = true;
      why ||= told;
      words.pause();
      // A refusal that was told stays one, whatever reason the end gives.
      if (state.reason !== "content_filter") state.reason = reason;
    },
    end() {
      state.understood = true;
      state.ended = true;
      state.isOver = true;
    },
    fail(said, how) {
      words.pause();
      // All of the answer was told: what goes wrong then is none of its reader's business.
      if (state.reason !== undefined && state.answered && !state.wentOn && !how?.isEnd) {
        skip("late_error");
        return;
      }
      state.failure ??= { said };
      state.isOver = true;
    },
    skip,
    ...createPlace(state, (id) =>
      words.tell({ type: "held", answer: { id, at: limits.at ?? "" } }),
    ),
    take: words.take,
    reopen() {
      state.reason = undefined;
      state.ended = false;
      state.isOver = state.tooLong || state.failure !== undefined;
    },
    close: () => words.end(why),
    conclude() {
      const isWhole = state.reason !== "length" && state.reason !== "content_filter";
      if (isWhole && calls.count() === 0) calls.add(words.written() ?? []);
      const finished = calls.finished();
      if (finished.nameless > 0) state.skipped.nameless_call = finished.nameless;
      if (finished.repeated > 0) state.skipped.repeated_call = finished.repeated;
      if (parts.length > 0) words.tell({ type: "thinking", parts });
      for (const call of finished.calls) words.tell({ type: "tool_call", ...call });
      words.tell({
        type: "finish",
        reason: reasonOf(state.reason ?? "other", finished.calls.length),
        usage,
      });
    },
  };
}

/**
 * By what was sent: "stop" with calls ends agents early, "tool_calls" without any makes them loop.
 */
function reasonOf(reason: FinishReason, calls: number): FinishReason {
  if (calls > 0) return reason === "stop" || reason === "other" ? "tool_calls" : reason;
  return reason === "tool_calls" ? "stop" : reason;
}

/** Where an answer that the vendor holds stands. */
function createPlace(state: State, onHeld: (id: string) => void): Place {
  let reached: string | number | undefined;
  let resumedAfter = Number.NEGATIVE_INFINITY;
  return {
    hold(id) {
      if (id === "" || state.held !== undefined) return;
      state.held = id;
      onHeld(id);
    },
    reach(event) {
      if (event === "") return true;
      if (typeof event === "number" && event <= resumedAfter) return false;
      reached = event;
      state.reached = String(event);
      return true;
    },
    resume() {
      if (typeof reached === "number") resumedAfter = reached;
    },
  };
}

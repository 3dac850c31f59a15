// What is known of one answer while it comes, whichever format it comes in.
import type { ThinkingPart } from "../../protocol/stored/thinking.ts";
import { createTextCleaner } from "../clean-text.ts";
import type { FinishReason, ProviderEvent, Usage } from "../provider.ts";
import { type Calls, createCalls } from "./calls.ts";
import { createThinkTags } from "./think-tags.ts";

/** Why an event, or a part of one, was left out. A closed list: it is a metric's label. */
export const SKIPPED_KINDS = [
  "empty",
  "ping",
  "not_json",
  "unknown_event",
  "unknown_block",
  "unknown_delta",
  "nameless_call",
  "repeated_call",
] as const;
export type SkippedKind = (typeof SKIPPED_KINDS)[number];

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
  /** The server tells of an error, in its own words. */
  fail(said: unknown): void;
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

interface State {
  /** Grows with all that tells something. */
  progress: number;
  reason: FinishReason | undefined;
  ended: boolean;
  failure: { said: unknown } | undefined;
  tooLong: boolean;
  /** Whether it said anything to a person or to a tool; blanks say nothing. */
  empty: boolean;
  /** Whether anything at all was understood. */
  understood: boolean;
  skipped: Partial<Record<SkippedKind, number>>;
  /**
   * Whether the model's thinking begins in its prompt, so that only its end is told;
   * undefined: nothing shows it.
   */
  thinkingBegun: boolean | undefined;
  held: string | undefined;
  /** The last event that was told. */
  reached: string | undefined;
}

interface Limits {
  maxChars: number;
  thinkingBegun?: boolean;
  at?: string;
}

export function createDraft(limits: Limits): Draft {
  const state: State = {
    progress: 0,
    reason: undefined,
    ended: false,
    failure: undefined,
    tooLong: false,
    empty: true,
    understood: false,
    skipped: {},
    thinkingBegun: undefined,
    held: undefined,
    reached: undefined,
  };
  const texts = createTextCleaner();
  const thoughts = createTextCleaner();
  const calls = createCalls();
  const parts: ThinkingPart[] = [];
  let events: ProviderEvent[] = [];
  let usage: Usage | undefined;
  let why = "";
  let chars = 0;
  let shown = 0;

  const count = (characters: number, isBlank = false): void => {
    state.progress += 1;
    state.understood = true;
    if (!isBlank) state.empty = false;
    chars += characters;
    if (chars > limits.maxChars) state.tooLong = true;
  };
  const say = (type: "text" | "reasoning", words: string): void => {
    if (words === "" || state.tooLong) return;
    const clean = (type === "text" ? texts : thoughts).add(words);
    if (type === "text") shown += clean.length;
    if (clean !== "") events.push({ type, text: clean });
    count(words.length, state.empty && words.trim() === "");
  };
  const tags = createThinkTags(limits.thinkingBegun ?? false, {
    text: (words) => say("text", words),
    reasoning: (words) => say("reasoning", words),
    begun: (inPrompt) => {
      state.thinkingBegun = inPrompt;
    },
  });

  return {
    state,
    calls,
    text: (words) => {
      if (words !== "") tags.add(words);
    },
    reasoning(words) {
      if (words !== "") tags.toldBeside();
      say("reasoning", words);
    },
    tagged: tags.raw,
    argued: (characters) => count(characters),
    keep(data) {
      tags.pause();
      state.understood = true;
      parts.push({ text: shown, calls: calls.count(), data });
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
      // A refusal that was told stays one, whatever reason the end gives.
      if (state.reason !== "content_filter") state.reason = reason;
    },
    end() {
      state.understood = true;
      state.ended = true;
    },
    fail(said) {
      state.failure ??= { said };
    },
    skip(kind) {
      state.skipped[kind] = (state.skipped[kind] ?? 0) + 1;
    },
    ...createPlace(state, (id) =>
      events.push({ type: "held", answer: { id, at: limits.at ?? "" } }),
    ),
    take() {
      tags.pause();
      const taken = events;
      events = [];
      return taken;
    },
    reopen() {
      state.reason = undefined;
      state.ended = false;
    },
    close() {
      tags.end(state.reason === "length");
      if (state.empty) say("text", why);
      for (const type of ["reasoning", "text"] as const) {
        const rest = (type === "text" ? texts : thoughts).rest();
        if (rest !== "") events.push({ type, text: rest });
      }
    },
    conclude() {
      const finished = calls.finished();
      if (finished.nameless > 0) state.skipped.nameless_call = finished.nameless;
      if (finished.repeated > 0) state.skipped.repeated_call = finished.repeated;
      if (parts.length > 0) events.push({ type: "thinking", parts });
      for (const call of finished.calls) events.push({ type: "tool_call", ...call });
      events.push({
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

// What stands of one answer while it comes.
import type { FinishReason, ToolDefinition } from "../provider.ts";

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
  "late_error",
] as const;
export type SkippedKind = (typeof SKIPPED_KINDS)[number];

export interface State {
  /** Grows with all that tells something. */
  progress: number;
  reason: FinishReason | undefined;
  ended: boolean;
  failure: { said: unknown } | undefined;
  tooLong: boolean;
  /** One of the three: what else comes is not read. */
  isOver: boolean;
  /** Whether it said anything to a person or to a tool; blanks say nothing. */
  empty: boolean;
  /** Whether there are words or calls in it; thinking alone is no answer. */
  answered: boolean;
  /** Words or calls came after its end was told: the end is not to be relied on. */
  wentOn: boolean;
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

export interface Limits {
  maxChars: number;
  thinkingBegun?: boolean;
  at?: string;
  /** Those that the model was offered. */
  tools?: readonly ToolDefinition[];
}

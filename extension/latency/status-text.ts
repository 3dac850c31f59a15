// What the status bar says, as data; pure, so that every state can be read in a test.
import { type Figures, formatSeconds } from "./latency.ts";

export type StatusInput =
  | { state: "stopped" | "starting" | "replacing" | "away" }
  | { state: "failed"; message: string }
  | {
      state: "ready";
      figures: Figures;
      /** The p95 shown before, for a minute without commits. */
      lastP95: number | undefined;
      slowSeconds: number;
      /** The last poll was not answered. */
      unanswered: boolean;
      /**
       * Why nothing can be stored, in a few words and in a sentence; undefined while storing works.
       */
      storage: { label: string; message: string } | undefined;
    };

export interface StatusText {
  text: string;
  severity: "none" | "warning" | "error";
  /** For screen readers: a sentence. */
  spoken: { key: SpokenKey; value: string };
}

/** Sentences that the caller translates; `{0}` is the value. */
export const SPOKEN = {
  stopped: "Streamkeeper: the companion server is not running",
  starting: "Streamkeeper: the companion server is starting",
  replacing: "Streamkeeper: an older companion server finishes its answers",
  away: "Streamkeeper: the companion server is away",
  failed: "Streamkeeper: {0}",
  idle: "Streamkeeper: no commits in the last minute",
  latency: "Streamkeeper: commit latency {0}, 95th percentile of the last minute",
  slow: "Streamkeeper: commits are slow, {0}, 95th percentile of the last minute",
  storage: "Streamkeeper: {0}",
  failing: "Streamkeeper: {0} commits failed in the last minute",
} as const;
export type SpokenKey = keyof typeof SPOKEN;

export function toStatusText(input: StatusInput): StatusText {
  switch (input.state) {
    case "stopped":
      return say("$(circle-slash) Streamkeeper", "none", "stopped");
    case "starting":
    case "replacing":
      return say("$(loading~spin) Streamkeeper", "none", input.state);
    case "away":
      return say("$(error) Streamkeeper", "error", "away");
    case "failed":
      return say("$(error) Streamkeeper", "error", "failed", input.message);
    case "ready":
      return toLatencyText(input);
  }
}

function toLatencyText(input: Extract<StatusInput, { state: "ready" }>): StatusText {
  const { figures } = input;
  const p95 = figures.p95 ?? input.lastP95;
  const value = p95 === undefined ? "–" : formatSeconds(p95);
  const text = `$(database) ${value}`;
  if (input.unanswered) return say(text, "error", "away");
  if (input.storage) {
    return say(`$(error) ${input.storage.label}`, "error", "storage", input.storage.message);
  }
  if (figures.errors > 0) return say(text, "error", "failing", String(figures.errors));
  if (figures.p95 === undefined) return say(text, "none", "idle");
  if (figures.p95 > input.slowSeconds) return say(text, "warning", "slow", value);
  return say(text, "none", "latency", value);
}

function say(
  text: string,
  severity: StatusText["severity"],
  key: SpokenKey,
  value = "",
): StatusText {
  return { text, severity, spoken: { key, value } };
}

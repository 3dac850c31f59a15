/**
 * Why a call waits for a person's word; `metadata.asks_because` of its `tool_call`. A plan
 * always does, and says none.
 */
export const ASK_REASONS = [
  "not_allowed",
  "secret_path",
  "steering_path",
  "untrusted_workspace",
  "wider_agent",
  "unknown_tool",
  // Whatever allows its tool: what it does has to be seen.
  "dangerous",
  // All else would run, but nobody can know what this command does.
  "unclear_command",
] as const;
export type AskReason = (typeof ASK_REASONS)[number];
/**
 * Why a call has no result that its tool gave, in `metadata.outcome` of its `tool_result`;
 * absent where the tool failed.
 */
export const CALL_OUTCOMES = [
  // A person said no.
  "rejected",
  // A rule did, or there is no such tool.
  "denied",
  // The turn ended first.
  "stopped",
] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

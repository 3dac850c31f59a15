/** Why a call has no result that its tool gave, in `metadata.outcome` of its `tool_result`; absent where the tool failed. */
export const CALL_OUTCOMES = [
  // A person said no.
  "rejected",
  // A rule did, or there is no such tool.
  "denied",
  // The turn ended first.
  "stopped",
] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

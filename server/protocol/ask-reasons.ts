/** Why a call waits for a person's word; `metadata.asks_because` of its `tool_call`. A plan always does, and says none. */
export const ASK_REASONS = [
  "not_allowed",
  "secret_path",
  "steering_path",
  "untrusted_workspace",
  "wider_agent",
  "unknown_tool",
] as const;
export type AskReason = (typeof ASK_REASONS)[number];

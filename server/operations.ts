/** The micro-transactions of the program: the closed list behind the `operation` label of the metrics. */
export const OPERATIONS = [
  "create_session",
  "update_session",
  "delete_session",
  "import_messages",
  "add_user_message",
  "append_chunks",
  "agent_switched",
  "tool_call",
  "tool_decision",
  "tool_result",
  "complete_turn",
  "fail_turn",
  "interrupt_turn",
  "request_cancel",
  "renew_lease",
  "recover_turns",
  "compact_turn",
  "probe_storage",
  "repair",
] as const;
export type Operation = (typeof OPERATIONS)[number];

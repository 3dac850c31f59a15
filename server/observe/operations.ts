interface OperationFacts {
  /** What it means when its work is rolled back; a client that may not do a thing is refused so. */
  rollback: "failure" | "refusal";
  /** Nobody waits for it. */
  background?: true;
}

/**
 * The micro-transactions of the program: the closed list behind the `operation` label of the
 * metrics. Alerts derive from it what they count (`npm run monitoring`).
 */
const TABLE = {
  create_session: { rollback: "refusal" },
  update_session: { rollback: "refusal" },
  claim_title: { rollback: "failure", background: true },
  title_session: { rollback: "failure", background: true },
  rewind_session: { rollback: "refusal" },
  choose_version: { rollback: "refusal" },
  delete_session: { rollback: "refusal" },
  restore_session: { rollback: "refusal" },
  purge_session: { rollback: "refusal", background: true },
  remove_unsent: { rollback: "failure", background: true },
  import_messages: { rollback: "refusal", background: true },
  import_chat: { rollback: "refusal", background: true },
  fork_session: { rollback: "refusal" },
  add_user_message: { rollback: "refusal" },
  queue_message: { rollback: "refusal" },
  change_queue: { rollback: "refusal" },
  send_queued: { rollback: "refusal" },
  steer_turn: { rollback: "failure" },
  append_chunks: { rollback: "failure" },
  hold_answer: { rollback: "failure" },
  agent_switched: { rollback: "failure" },
  tool_call: { rollback: "failure" },
  tool_decision: { rollback: "refusal" },
  tool_result: { rollback: "refusal" },
  claim_call: { rollback: "failure" },
  tool_output: { rollback: "failure" },
  plan_step: { rollback: "failure" },
  summarise: { rollback: "refusal" },
  undo_summary: { rollback: "refusal" },
  ask_again: { rollback: "refusal" },
  decide_changes: { rollback: "refusal" },
  set_approval_level: { rollback: "refusal" },
  remove_approval_rule: { rollback: "refusal" },
  complete_turn: { rollback: "failure" },
  fail_turn: { rollback: "failure" },
  interrupt_turn: { rollback: "failure" },
  request_cancel: { rollback: "refusal" },
  renew_lease: { rollback: "failure" },
  recover_turns: { rollback: "failure", background: true },
  compact_turn: { rollback: "failure", background: true },
  probe_storage: { rollback: "failure" },
  begin_epoch: { rollback: "failure" },
  renew_witness: { rollback: "failure" },
  repair: { rollback: "failure" },
} as const satisfies Record<string, OperationFacts>;

export type Operation = keyof typeof TABLE;

export const OPERATIONS = Object.keys(TABLE) as readonly Operation[];

export function isOperation(name: string): name is Operation {
  return Object.hasOwn(TABLE, name);
}

/** Those that are so. */
export function operationsThat(are: Partial<OperationFacts>): readonly Operation[] {
  const facts: Readonly<Record<Operation, OperationFacts>> = TABLE;
  return OPERATIONS.filter((operation) => {
    const { rollback, background } = facts[operation];
    return (are.rollback ?? rollback) === rollback && (are.background ?? background) === background;
  });
}

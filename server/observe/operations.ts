interface OperationFacts {
  /** Its work also refuses what a client may not do; that rolls back, too, and is no failure. */
  refusable?: true;
  /** Nobody waits for it. */
  background?: true;
}

/**
 * The micro-transactions of the program: the closed list behind the `operation` label of the metrics. Alerts derive
 * from it what they leave out (`npm run monitoring`).
 */
const TABLE = {
  create_session: { refusable: true },
  update_session: { refusable: true },
  rewind_session: { refusable: true },
  delete_session: { refusable: true },
  import_messages: { refusable: true, background: true },
  import_chat: { refusable: true, background: true },
  fork_session: { refusable: true },
  add_user_message: { refusable: true },
  append_chunks: {},
  hold_answer: {},
  agent_switched: {},
  tool_call: {},
  tool_decision: { refusable: true },
  tool_result: { refusable: true },
  claim_call: {},
  tool_output: {},
  plan_step: {},
  summarise: { refusable: true },
  undo_summary: { refusable: true },
  ask_again: { refusable: true },
  complete_turn: {},
  fail_turn: {},
  interrupt_turn: {},
  request_cancel: { refusable: true },
  renew_lease: {},
  recover_turns: { background: true },
  compact_turn: { background: true },
  probe_storage: {},
  begin_epoch: {},
  renew_witness: {},
  repair: {},
} as const satisfies Record<string, OperationFacts>;

export type Operation = keyof typeof TABLE;

export const OPERATIONS = Object.keys(TABLE) as readonly Operation[];

/** Those that are so. */
export function operationsThat(are: keyof OperationFacts): readonly Operation[] {
  const facts: Readonly<Record<Operation, OperationFacts>> = TABLE;
  return OPERATIONS.filter((operation) => facts[operation][are]);
}

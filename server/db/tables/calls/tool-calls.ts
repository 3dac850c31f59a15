import type { Selectable } from "kysely";
import type { ToolKind } from "../../../protocol/offers.ts";
import type { Reader, ToolCallStatus, ToolCallsTable, Trx } from "../schema.ts";

const OPEN = ["waiting_decision", "waiting_result"] as const satisfies readonly ToolCallStatus[];

function isOpen(status: ToolCallStatus): boolean {
  return (OPEN as readonly ToolCallStatus[]).includes(status);
}

export type ToolCallRow = Selectable<ToolCallsTable>;

export interface NewToolCall {
  session_id: string;
  call_id: string;
  turn_id: string;
  tool_name: string;
  arguments: Record<string, unknown>;
  position: number;
  kind: ToolKind | null;
  status: ToolCallStatus;
  result?: string;
  error?: string;
}

export async function insertToolCall(trx: Trx, call: NewToolCall): Promise<void> {
  const now = Date.now();
  await trx
    .insertInto("tool_calls")
    .values({
      ...call,
      arguments: JSON.stringify(call.arguments),
      created_at: now,
      ended_at: isOpen(call.status) ? null : now,
    })
    .execute();
}

export async function findToolCall(
  reader: Reader,
  sessionId: string,
  callId: string,
): Promise<ToolCallRow | undefined> {
  return await reader
    .selectFrom("tool_calls")
    .selectAll()
    .where("session_id", "=", sessionId)
    .where("call_id", "=", callId)
    .executeTakeFirst();
}

/** What the turn waits for, in the order in which it was asked for. */
export async function openToolCalls(
  reader: Reader,
  where: { sessionId: string; turnId?: string },
): Promise<ToolCallRow[]> {
  return await reader
    .selectFrom("tool_calls")
    .selectAll()
    .where("session_id", "=", where.sessionId)
    .where("status", "in", OPEN)
    .$if(where.turnId !== undefined, (query) => query.where("turn_id", "=", where.turnId ?? ""))
    .orderBy("created_at")
    .orderBy("position")
    .execute();
}

export interface ToolCallChange {
  status: ToolCallStatus;
  decision?: "approve" | "edit" | "reject";
  arguments?: Record<string, unknown>;
  decided_by?: string | null;
  result?: string;
  error?: string;
}

/** Moves a call on from `from`, once: false if it had moved before. */
export async function moveToolCall(
  trx: Trx,
  call: { session_id: string; call_id: string },
  from: ToolCallStatus,
  change: ToolCallChange,
): Promise<boolean> {
  const { arguments: changed, ...rest } = change;
  const result = await trx
    .updateTable("tool_calls")
    .set({
      ...rest,
      ...(changed ? { arguments: JSON.stringify(changed) } : {}),
      ...(isOpen(change.status) ? {} : { ended_at: Date.now(), claim_expires_at: null }),
    })
    .where("session_id", "=", call.session_id)
    .where("call_id", "=", call.call_id)
    .where("status", "=", from)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/**
 * Any id the session has not used, starting from the model's own; some servers number
 * their calls anew each time.
 */
export async function freeCallId(
  reader: Reader,
  sessionId: string,
  wanted: string,
): Promise<string> {
  const plain = wanted.replaceAll(/[^A-Za-z0-9_.:-]/g, "_").slice(0, 100) || "call";
  for (let n = 1; ; n++) {
    const id = n === 1 ? plain : `${plain}-${n}`;
    if (!(await findToolCall(reader, sessionId, id))) return id;
  }
}

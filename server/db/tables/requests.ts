import type { Selectable } from "kysely";
import type { Reader, RequestsTable, Trx } from "./schema.ts";

export type RequestRow = Selectable<RequestsTable>;

/** Behind the hash of a message that a person took back before it was sent: it never is. */
export const TAKEN_BACK = " taken back";

/**
 * Remembers a client's request with its effect, for ever; a second one with the same id
 * violates the primary key.
 */
export async function insertRequest(
  trx: Trx,
  request: Omit<RequestRow, "created_at">,
): Promise<void> {
  await trx.insertInto("requests").values(requestRow(request)).execute();
}

export function requestRow(request: Omit<RequestRow, "created_at">): RequestRow {
  return { ...request, created_at: Date.now() };
}

export async function setRequestTurn(trx: Trx, requestId: string, turnId: string): Promise<void> {
  await requestTurnUpdate(trx, requestId, turnId).execute();
}

export function requestTurnUpdate(trx: Trx, requestId: string, turnId: string) {
  return trx.updateTable("requests").set({ turn_id: turnId }).where("request_id", "=", requestId);
}

/** It asked for a message that a person has taken back before it was sent: it never is. */
export async function takeRequestBack(
  trx: Trx,
  { request_id, body_hash }: Pick<RequestRow, "request_id" | "body_hash">,
): Promise<void> {
  await trx
    .updateTable("requests")
    .set({ body_hash: body_hash + TAKEN_BACK, created_at: Date.now() })
    .where("request_id", "=", request_id)
    .execute();
}

export async function findRequest(
  reader: Reader,
  requestId: string,
): Promise<RequestRow | undefined> {
  return await reader
    .selectFrom("requests")
    .selectAll()
    .where("request_id", "=", requestId)
    .executeTakeFirst();
}

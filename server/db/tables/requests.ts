import type { Selectable } from "kysely";
import type { Reader, RequestsTable, Trx } from "./schema.ts";

export type RequestRow = Selectable<RequestsTable>;

/**
 * Remembers a client's request with its effect, for ever; a second one with the same id
 * violates the primary key.
 */
export async function insertRequest(
  trx: Trx,
  request: Omit<RequestRow, "created_at">,
): Promise<void> {
  await requestInsert(trx, request).execute();
}

export function requestInsert(trx: Trx, request: Omit<RequestRow, "created_at">) {
  return trx.insertInto("requests").values({ ...request, created_at: Date.now() });
}

export async function setRequestTurn(trx: Trx, requestId: string, turnId: string): Promise<void> {
  await requestTurnUpdate(trx, requestId, turnId).execute();
}

export function requestTurnUpdate(trx: Trx, requestId: string, turnId: string) {
  return trx.updateTable("requests").set({ turn_id: turnId }).where("request_id", "=", requestId);
}

export async function setRequestHash(trx: Trx, requestId: string, bodyHash: string): Promise<void> {
  await trx
    .updateTable("requests")
    .set({ body_hash: bodyHash })
    .where("request_id", "=", requestId)
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

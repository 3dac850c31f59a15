// Messages that wait until the answer before them has ended. What is sent leaves the table in the
// transaction that stores it in the conversation.
import type { Selectable } from "kysely";
import type { AttachmentRef } from "../../protocol/attachments.ts";
import type { ClientMessage, MessageRequest } from "../../protocol/requests.ts";
import {
  type HeldBecause,
  QUEUE,
  type Queue,
  type QueuedMessage,
} from "../../protocol/stream-events.ts";
import type { QueuedMessagesTable, Reader, Trx } from "./schema.ts";

export type QueuedRow = Selectable<QueuedMessagesTable>;

type UserMessage = Extract<ClientMessage, { type: "user_message" }>;

/** What was asked; the contents of what is attached are in their own table. */
export interface QueuedBody {
  request: Omit<MessageRequest, "message" | "session_id" | "when_busy">;
  message: Omit<UserMessage, "attachments">;
  attachments: AttachmentRef[];
}

export function bodyOf({ body }: Pick<QueuedRow, "body">): QueuedBody {
  return JSON.parse(body) as QueuedBody;
}

/** In the order in which they are sent: first what a person wants to be read now. */
export async function queueOf(reader: Reader, sessionId: string): Promise<QueuedRow[]> {
  return await reader
    .selectFrom("queued_messages")
    .selectAll()
    .where("session_id", "=", sessionId)
    .orderBy("steers", "desc")
    .orderBy("position")
    .execute();
}

export async function findQueued(
  reader: Reader,
  sessionId: string,
  id: string,
): Promise<QueuedRow | undefined> {
  return await reader
    .selectFrom("queued_messages")
    .selectAll()
    .where("session_id", "=", sessionId)
    .where("id", "=", id)
    .executeTakeFirst();
}

export async function insertQueued(
  trx: Trx,
  row: Omit<QueuedRow, "created_at" | "version" | "held">,
): Promise<void> {
  await trx
    .insertInto("queued_messages")
    .values({ ...row, version: 1, held: null, created_at: Date.now() })
    .execute();
  await noteChange(trx, row.session_id);
}

export async function changeQueued(
  trx: Trx,
  { session_id, id, version }: QueuedRow,
  change: { body?: string; steers?: number; held?: null },
): Promise<void> {
  await trx
    .updateTable("queued_messages")
    .set({ ...change, version: version + 1 })
    .where("session_id", "=", session_id)
    .where("id", "=", id)
    .execute();
  await noteChange(trx, session_id);
}

export async function removeQueued(
  trx: Trx,
  { session_id, id }: Pick<QueuedRow, "session_id" | "id">,
): Promise<void> {
  await trx
    .deleteFrom("queued_messages")
    .where("session_id", "=", session_id)
    .where("id", "=", id)
    .execute();
  await noteChange(trx, session_id);
}

/** What waits is not sent by itself from now on. */
export async function holdQueue(
  trx: Trx,
  sessionId: string,
  because: HeldBecause,
): Promise<boolean> {
  return await setHeld(trx, sessionId, because);
}

/** The database went back: what waits in these sessions, or in all, may have been sent before. */
export async function holdQueues(trx: Trx, sessionIds?: readonly string[]): Promise<void> {
  await trx
    .updateTable("queued_messages")
    .set({ held: "restored" satisfies HeldBecause })
    .where("held", "is", null)
    .$if(sessionIds !== undefined, (query) => query.where("session_id", "in", sessionIds ?? []))
    .execute();
}

export async function releaseQueue(trx: Trx, sessionId: string): Promise<boolean> {
  return await setHeld(trx, sessionId, null);
}

async function setHeld(trx: Trx, sessionId: string, held: HeldBecause | null): Promise<boolean> {
  const result = await trx
    .updateTable("queued_messages")
    .set({ held })
    .where("session_id", "=", sessionId)
    .where("held", held === null ? "is not" : "is", null)
    .executeTakeFirst();
  if (result.numUpdatedRows === 0n) return false;
  await noteChange(trx, sessionId);
  return true;
}

/** Other companions look for this. */
async function noteChange(trx: Trx, sessionId: string): Promise<void> {
  await trx
    .updateTable("sessions")
    .set((eb) => ({ queue_changes: eb("queue_changes", "+", 1) }))
    .where("id", "=", sessionId)
    .execute();
}

/** Whether something waits that the running turn is to be told. */
export async function hasSteering(reader: Reader, sessionId: string): Promise<boolean> {
  const row = await reader
    .selectFrom("queued_messages")
    .select("id")
    .where("session_id", "=", sessionId)
    .where("steers", "=", 1)
    .where("held", "is", null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Sessions where something waits and nothing runs that it would have to wait for. */
export async function idleQueues(reader: Reader): Promise<string[]> {
  const rows = await reader
    .selectFrom("queued_messages")
    .select("session_id")
    .distinct()
    .where("held", "is", null)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("turns")
            .select("turns.id")
            .whereRef("turns.session_id", "=", "queued_messages.session_id")
            .where("turns.status", "in", ["running", "waiting"]),
        ),
      ),
    )
    .limit(1_000)
    .execute();
  return rows.map(({ session_id }) => session_id);
}

export function toQueued(row: QueuedRow): QueuedMessage {
  const { message, attachments } = bodyOf(row);
  const context = message.context?.map(({ type, label }) => ({ type, label }));
  return {
    id: row.id,
    version: row.version,
    content: message.content,
    ...(context && { context }),
    ...(attachments.length > 0 && { attachments }),
    steers: row.steers === 1,
    ...(row.held !== null && { held: row.held }),
    created_at: new Date(row.created_at).toISOString(),
  };
}

/** As its readers are told. */
export async function readQueue(reader: Reader, sessionId: string): Promise<Queue> {
  const messages = (await queueOf(reader, sessionId)).map(toQueued);
  return { type: QUEUE, session_id: sessionId, messages };
}

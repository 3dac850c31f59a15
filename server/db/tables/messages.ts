import type { Selectable } from "kysely";
import { v7 as uuid } from "uuid";
import type { AttachmentRef } from "../../protocol/attachments.ts";
import type { ChangedFile, DecidedHunks } from "../../protocol/changes.ts";
import type { SentInstruction } from "../../protocol/instructions.ts";
import type { Thinking } from "../../protocol/stored/thinking.ts";
import type { MessagesTable, Reader, Trx } from "./schema.ts";
import { indexInsert, isPostgres, NEXT_SEARCH_ID } from "./search.ts";
import { type Statement, together } from "./together.ts";

export type MessageRow = Selectable<MessagesTable>;

export interface NewMessage {
  session_id: string;
  turn_id: string;
  position: number;
  role: MessageRow["role"];
  content: string;
  status: MessageRow["status"];
  metadata: MessageMetadata;
}

/** What a message carries beside its text. */
export interface MessageMetadata {
  context?: { type: string; label: string; content: string; uri?: string | undefined }[];
  /** What people had written down for the model; the texts are in their own table. */
  instructions?: SentInstruction[];
  attachments?: AttachmentRef[];
  tool_calls?: { call_id: string; tool_name: string; arguments: Record<string, unknown> }[];
  call_id?: string;
  tool_name?: string;
  /** What the call made of a file, and what a person has decided of it since. */
  changed?: ChangedFile;
  decided?: DecidedHunks;
  agent_type?: string;
  model?: string;
  /** For the history alone: no reader is told. */
  thinking?: Thinking;
  /** Of the turn up to here, all kinds; the turn's row has only the sums. */
  usage?: {
    input_tokens: number;
    cache_read_tokens?: number;
    cache_write_tokens?: number;
    output_tokens: number;
    reasoning_tokens?: number;
  };
  /** Of a user message that a plan has written. */
  subtask_id?: string;
  plan_id?: string;
}

export async function insertMessage(trx: Trx, message: NewMessage): Promise<void> {
  await insertMessageRows(trx, [messageRow(message)]);
}

export type NewMessageRow = Omit<MessageRow, "search_id">;

export function messageRow(message: NewMessage): NewMessageRow {
  // Models may say anything; Postgres stores neither NUL nor half a character.
  const content = message.content.replaceAll("\0", "\uFFFD").toWellFormed();
  const metadata = JSON.stringify(message.metadata);
  return { ...message, content, id: uuid(), metadata, created_at: Date.now() };
}

/** As they are, and so that a search finds them. */
export async function insertMessageRows(trx: Trx, rows: readonly NewMessageRow[]): Promise<void> {
  if (isPostgres(trx)) await trx.insertInto("messages").values(rows).execute();
  else for (const row of rows) await together(trx, messageInsert(trx, row));
}

/** Postgres numbers and indexes by itself. */
export function messageInsert(trx: Trx, row: NewMessageRow): Statement[] {
  const insert = trx.insertInto("messages");
  if (isPostgres(trx)) return [insert.values(row)];
  return [insert.values({ ...row, search_id: NEXT_SEARCH_ID }), indexInsert(row)];
}

export async function setMetadata(trx: Trx, id: string, metadata: MessageMetadata): Promise<void> {
  const changed = { metadata: JSON.stringify(metadata) };
  await trx.updateTable("messages").set(changed).where("id", "=", id).execute();
}

interface Part {
  turnId?: string | undefined;
  /** A position: only what comes after it. */
  after?: number | undefined;
}

/** The conversation, or a part of it, in order, without what was replaced by a retry or an edit. */
export async function conversation(
  reader: Reader,
  sessionId: string,
  { turnId, after }: Part = {},
): Promise<MessageRow[]> {
  return await reader
    .selectFrom("messages")
    .innerJoin("turns", "turns.id", "messages.turn_id")
    .selectAll("messages")
    .where("messages.session_id", "=", sessionId)
    .where("turns.replaced_by", "is", null)
    .$if(turnId !== undefined, (query) => query.where("messages.turn_id", "=", turnId ?? ""))
    .$if(after !== undefined, (query) => query.where("messages.position", ">", after ?? 0))
    .orderBy("messages.position")
    .execute();
}

export async function turnMessages(reader: Reader, turnId: string): Promise<MessageRow[]> {
  return await reader
    .selectFrom("messages")
    .selectAll()
    .where("turn_id", "=", turnId)
    .orderBy("position")
    .execute();
}

/** `position` of the turn's newest message; 0 if it has none. */
export async function lastPosition(reader: Reader, turnId: string): Promise<number> {
  const row = await reader
    .selectFrom("messages")
    .select((eb) => eb.fn.max("position").as("position"))
    .where("turn_id", "=", turnId)
    .executeTakeFirst();
  return row?.position ?? 0;
}

export function metadataOf(message: Pick<MessageRow, "metadata">): MessageMetadata {
  return JSON.parse(message.metadata) as MessageMetadata;
}

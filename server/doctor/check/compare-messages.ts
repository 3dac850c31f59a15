// What readers were shown stands in the log; what models are told stands in the messages. Where
// they say different things the log is right: somebody has seen it.
import type { ChunkRow } from "../../db/tables/chunks.ts";
import { insertMessage } from "../../db/tables/messages.ts";
import type { Reader, Trx } from "../../db/tables/schema.ts";
import { lockSession } from "../../db/tables/sessions.ts";

/** An answer whose message is not what its log says, or is not there. */
export interface WrongMessage {
  session_id: string;
  turn_id: string;
  position: number;
  is: "missing" | "different";
  /** By the log. */
  said: string;
}

/** Chunks that are compared at a time. */
const AT_ONCE = 20_000;

/**
 * Looked at twice where something seems wrong: a companion may have stored more between two reads.
 */
export async function findWrongMessages(reader: Reader): Promise<WrongMessage[]> {
  const wrong: WrongMessage[] = [];
  for (const sessionIds of await batches(reader)) {
    const found = await wrongIn(reader, sessionIds);
    if (found.length === 0) continue;
    const again = await wrongIn(reader, [...new Set(found.map(({ session_id }) => session_id))]);
    wrong.push(...again.filter((one) => found.some((before) => isSame(one, before))));
  }
  return wrong;
}

function isSame(one: WrongMessage, other: WrongMessage): boolean {
  return (
    one.session_id === other.session_id &&
    one.position === other.position &&
    one.said === other.said
  );
}

async function batches(reader: Reader): Promise<string[][]> {
  const sessions = await reader
    .selectFrom("sessions")
    .select(["id", "last_seq"])
    .orderBy("id")
    .execute();
  const all: string[][] = [];
  let size = AT_ONCE;
  for (const { id, last_seq } of sessions) {
    size += last_seq + 1;
    if (size > AT_ONCE) {
      all.push([]);
      size = last_seq;
    }
    all.at(-1)?.push(id);
  }
  return all;
}

interface Payload {
  token?: string;
  content?: string;
  text_of?: { position: number; at: number; length: number };
  metadata?: { of?: string; lost?: boolean };
}

interface MessageRow {
  session_id: string;
  turn_id: string;
  position: number;
  role: string;
  content: string;
}

const SAYS = ["assistant_message", "snapshot", "done", "error", "interrupted"];

async function wrongIn(reader: Reader, sessionIds: readonly string[]): Promise<WrongMessage[]> {
  const chunks: ChunkRow[] = await reader
    .selectFrom("chunks")
    .select(["session_id", "seq", "turn_id", "type", "payload"])
    .where("session_id", "in", sessionIds)
    .where("type", "in", SAYS)
    .orderBy("seq")
    .execute();
  const messages: MessageRow[] = await reader
    .selectFrom("messages")
    .select(["session_id", "turn_id", "position", "role", "content"])
    .where("session_id", "in", sessionIds)
    .orderBy("position")
    .execute();
  const messagesOf = Map.groupBy(messages, ({ session_id }) => session_id);
  const chunksOf = Map.groupBy(chunks, ({ session_id, turn_id }) => `${session_id} ${turn_id}`);
  return [...chunksOf.values()].flatMap((ofTurn) =>
    wrongInTurn(ofTurn, messagesOf.get(ofTurn[0]?.session_id ?? "") ?? []),
  );
}

/**
 * An answer's message stands at its last word or after it: at the calls it ends in,
 * or at the end of the turn.
 */
function wrongInTurn(chunks: readonly ChunkRow[], messages: readonly MessageRow[]): WrongMessage[] {
  const [first] = chunks;
  if (!first || first.turn_id === null) return [];
  const { session_id, turn_id } = first;
  const answers = messages.filter((one) => one.turn_id === turn_id && one.role === "assistant");
  const end = chunks.find(({ type }) => type !== "assistant_message" && type !== "snapshot")?.seq;
  const said = new Map<number | undefined, string>();
  let isWhole = true;
  for (const chunk of chunks) {
    const text = textOf(chunk, messages);
    if (text === undefined) isWhole = false;
    const at = (answers.find(({ position }) => position >= chunk.seq) ?? answers.at(-1))?.position;
    const place = at !== undefined && (at >= chunk.seq || at === end) ? at : end;
    said.set(place, (said.get(place) ?? "") + (text ?? ""));
  }
  return [...said].flatMap(([position, text]): WrongMessage[] => {
    // Nothing was said, or the turn has not ended.
    if (text === "" || position === undefined) return [];
    const wrong = { session_id, turn_id, position, said: asStored(text) };
    const message = messages.find((one) => one.position === position);
    if (!message) return [{ ...wrong, is: "missing" }];
    const differs = message.role === "assistant" && message.content !== wrong.said;
    return differs && isWhole ? [{ ...wrong, is: "different" }] : [];
  });
}

/** What a chunk says of the answer; undefined if that is lost. */
function textOf(chunk: ChunkRow, messages: readonly MessageRow[]): string | undefined {
  if (chunk.type !== "assistant_message" && chunk.type !== "snapshot") return "";
  const payload = parsed(chunk.payload);
  if (!payload || payload.metadata?.lost) return undefined;
  if (chunk.type === "assistant_message") return payload.token ?? "";
  if (payload.metadata?.of !== "assistant_message") return "";
  const { text_of } = payload;
  if (!text_of) return payload.content ?? "";
  const content = messages.find(({ position }) => position === text_of.position)?.content;
  return content?.slice(text_of.at, text_of.at + text_of.length);
}

function parsed(payload: string): Payload | undefined {
  try {
    return JSON.parse(payload) as Payload;
  } catch {
    return undefined;
  }
}

/** As `insertMessage` keeps it. */
function asStored(text: string): string {
  return text.replaceAll("\0", "\uFFFD").toWellFormed();
}

/**
 * Lets the message say what the log says; looked at again with the session locked.
 * Whether it had to be mended.
 */
export async function mendMessage(trx: Trx, found: WrongMessage): Promise<boolean> {
  const { session_id, turn_id, position } = found;
  await lockSession(trx, session_id);
  const wrong = (await wrongIn(trx, [session_id])).find((one) => one.position === position);
  if (!wrong) return false;
  if (wrong.is === "missing") {
    const message = { role: "assistant", status: "partial", metadata: {} } as const;
    await insertMessage(trx, { session_id, turn_id, position, content: wrong.said, ...message });
    return true;
  }
  await copyBack(trx, wrong);
  await trx
    .updateTable("messages")
    .set({ content: wrong.said })
    .where("session_id", "=", session_id)
    .where("position", "=", position)
    .execute();
  return true;
}

/** Chunks that only refer to the message get their text back first: it is not to change with it. */
async function copyBack(trx: Trx, { session_id, position }: WrongMessage): Promise<void> {
  const message = await trx
    .selectFrom("messages")
    .select("content")
    .where("session_id", "=", session_id)
    .where("position", "=", position)
    .executeTakeFirst();
  const rows = await trx
    .selectFrom("chunks")
    .select(["seq", "payload"])
    .where("session_id", "=", session_id)
    .where("payload", "like", '%"text_of"%')
    .execute();
  for (const { seq, payload } of rows) {
    const text_of = parsed(payload)?.text_of;
    if (text_of?.position !== position) continue;
    const content = message?.content.slice(text_of.at, text_of.at + text_of.length);
    const entries = Object.entries(parsed(payload) ?? {}).map(([key, value]) =>
      key === "text_of" ? ["content", content] : [key, value],
    );
    await trx
      .updateTable("chunks")
      .set({ payload: JSON.stringify(Object.fromEntries(entries)) })
      .where("session_id", "=", session_id)
      .where("seq", "=", seq)
      .execute();
  }
}

// All rows of one chat: read for a file, stored from one.

import { ChatError } from "../../errors.ts";
import type { ChatFileLine, WholeChat } from "../../protocol/stored/chat-file.ts";
import { findAttachments, insertAttachments } from "./attachments.ts";
import { chunksAfter } from "./chunks.ts";
import { compacted } from "./compaction.ts";
import { farFence } from "./epochs.ts";
import { insertMessageRows, metadataOf } from "./messages.ts";
import type { Reader, Trx } from "./schema.ts";
import { noSuchSession } from "./sessions.ts";

const PAGE = 500;
const ROWS_PER_INSERT = 100;
/** A step that comes between the reads makes them begin again; deltas do not. */
const MAX_TRIES = 50;

/**
 * The chat as it stood at one moment, though it is read in several statements. `upTo`: the last
 * `seq` that counts. Rejects with `not_found`, and with `session_busy` where it never stood still.
 */
export async function readWholeChat(reader: Reader, sessionId: string): Promise<WholeChat> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const before = await lastSeqOf(reader, sessionId);
    const rows = await readRows(reader, sessionId);
    if (!(await hasStep(reader, sessionId, before))) {
      const chunks = await readLog(reader, sessionId, before);
      const attachments = await readAttachments(reader, sessionId, rows.messages);
      return { ...rows, head: { ...rows.head, last_seq: before }, attachments, chunks };
    }
  }
  throw new ChatError("session_busy", "This chat changed the whole time while it was read.", {
    hint: "Nothing is lost. Try again when its answer has ended.",
  });
}

async function lastSeqOf(reader: Reader, sessionId: string): Promise<number> {
  const row = await reader
    .selectFrom("sessions")
    .select("last_seq")
    .where("id", "=", sessionId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  if (!row) throw noSuchSession();
  // On SQLite the newest words are in the log before the session's row says so.
  const newest = await reader
    .selectFrom("chunks")
    .select("seq")
    .where("session_id", "=", sessionId)
    .orderBy("seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return Math.max(row.last_seq, newest?.seq ?? 0);
}

/** Whether more than words has been added since. */
async function hasStep(reader: Reader, sessionId: string, after: number): Promise<boolean> {
  const step = await reader
    .selectFrom("chunks")
    .select("seq")
    .where("session_id", "=", sessionId)
    .where("seq", ">", after)
    .where("type", "not in", ["assistant_message", "reasoning"])
    .limit(1)
    .executeTakeFirst();
  return step !== undefined;
}

async function readRows(
  reader: Reader,
  sessionId: string,
): Promise<Omit<WholeChat, "attachments" | "chunks">> {
  const session = await reader
    .selectFrom("sessions")
    .select(["id", "title", "agent_type", "model", "created_at", "updated_at", "last_seq"])
    .where("id", "=", sessionId)
    .executeTakeFirst();
  if (!session) throw noSuchSession();
  const turns = await reader
    .selectFrom("turns")
    .select(TURN)
    .where("session_id", "=", sessionId)
    .orderBy("after_seq")
    .orderBy("id")
    .execute();
  const messages = await reader
    .selectFrom("messages")
    .select(MESSAGE)
    .where("session_id", "=", sessionId)
    .orderBy("position")
    .orderBy("id")
    .execute();
  const calls = await reader
    .selectFrom("tool_calls")
    .select(TOOL_CALL)
    .where("session_id", "=", sessionId)
    .orderBy("created_at")
    .orderBy("position")
    .orderBy("call_id")
    .execute();
  const plans = await reader
    .selectFrom("plans")
    .select(PLAN)
    .where("session_id", "=", sessionId)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  const subtasks = await reader
    .selectFrom("subtasks")
    .innerJoin("plans", "plans.id", "subtasks.plan_id")
    .select(SUBTASK)
    .where("plans.session_id", "=", sessionId)
    .orderBy("subtasks.plan_id")
    .orderBy("subtasks.position")
    .execute();
  const summaries = await reader
    .selectFrom("summaries")
    .select(SUMMARY)
    .where("session_id", "=", sessionId)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  const instructions = await reader
    .selectFrom("instructions")
    .select(["id", "content"])
    .where("session_id", "=", sessionId)
    .orderBy("id")
    .execute();
  return {
    head: { line: "chat", version: 1, ...session },
    turns: turns.map((row) => ({ line: "turn", ...row })),
    messages: messages.map((row) => ({ line: "message", ...row })),
    tool_calls: calls.map((row) => ({ line: "tool_call", ...row })),
    plans: plans.map((row) => ({ line: "plan", ...row })),
    subtasks: subtasks.map((row) => ({ line: "subtask", ...row })),
    summaries: summaries.map((row) => ({ line: "summary", ...row })),
    instructions: instructions.map((row) => ({ line: "instruction", ...row })),
  };
}

const TURN = [
  "id",
  "status",
  "agent_type",
  "model",
  "after_seq",
  "started_at",
  "ended_at",
  "error_code",
  "input_tokens",
  "output_tokens",
  "replaced_by",
  "client_id",
  "workspace",
  "steps",
  "switches",
  "sampling",
] as const;

const MESSAGE = [
  "id",
  "turn_id",
  "position",
  "role",
  "content",
  "status",
  "metadata",
  "created_at",
] as const;

const TOOL_CALL = [
  "call_id",
  "turn_id",
  "tool_name",
  "arguments",
  "status",
  "decision",
  "result",
  "error",
  "created_at",
  "ended_at",
  "position",
  "decided_by",
  "kind",
  "output_length",
] as const;

const PLAN = ["id", "turn_id", "call_id", "summary", "status", "created_at"] as const;

const SUBTASK = [
  "subtasks.plan_id",
  "subtasks.position",
  "subtasks.id",
  "subtasks.title",
  "subtasks.description",
  "subtasks.agent_type",
  "subtasks.depends_on",
  "subtasks.status",
] as const;

const SUMMARY = [
  "id",
  "until_turn_id",
  "until_position",
  "content",
  "created_at",
  "undone_at",
] as const;

/** Once it is known that the chat stood still: they may be large, and never change. */
async function readAttachments(
  reader: Reader,
  sessionId: string,
  messages: WholeChat["messages"],
): Promise<WholeChat["attachments"]> {
  const refs = messages.flatMap((message) => metadataOf(message).attachments ?? []);
  const hashes = [...new Set(refs.map(({ hash }) => hash))].toSorted();
  const found = await findAttachments(reader, sessionId, hashes);
  return hashes.flatMap((id) => {
    const content = found.get(id);
    if (!content) return [];
    const { hash: _id, ...row } = content;
    return [{ line: "attachment" as const, id, ...row }];
  });
}

type ChunkLine = WholeChat["chunks"][number];

/**
 * The log up to `upTo`, compact whether it has been compacted or not: what a file says does
 * not change with the time.
 */
async function readLog(reader: Reader, sessionId: string, upTo: number): Promise<ChunkLine[]> {
  const lines: ChunkLine[] = [];
  let open: Parameters<typeof compacted>[0] = [];
  for (let cursor = 0; cursor < upTo; ) {
    const page = await chunksAfter(reader, sessionId, cursor, PAGE);
    cursor = page.at(-1)?.seq ?? upTo;
    const rows = page.flatMap(({ type, seq, session_id: _s, turn_id, is_final: _f, ...rest }) =>
      seq > upTo ? [] : [{ seq, turn_id: turn_id ?? null, type, payload: JSON.stringify(rest) }],
    );
    const runs = compacted([...open, ...rows]);
    // Its run may go on in the next page.
    open = cursor < upTo ? runs.splice(-1) : [];
    for (const { payload, ...row } of runs) {
      lines.push({ line: "chunk", ...row, payload: JSON.parse(payload) as ChunkLine["payload"] });
    }
  }
  return lines;
}

/** Stores a chat that is not here yet. Its log is compacted later, like any other. */
export async function insertWholeChat(trx: Trx, chat: WholeChat): Promise<void> {
  const { line: _line, version: _version, ...session } = chat.head;
  const session_id = session.id;
  await trx
    .insertInto("sessions")
    .values({
      ...session,
      // No append of one that had this id may find its own number here.
      lease_fence: farFence(),
      workspace: chat.turns.findLast(({ workspace }) => workspace !== null)?.workspace ?? null,
    })
    .execute();
  const turns = chat.turns.map((line) => ({
    ...rowOf(line),
    session_id,
    compact_from: line.after_seq,
  }));
  for (const rows of batchesOf(turns)) await trx.insertInto("turns").values(rows).execute();
  const messages = chat.messages.map((line) => ({ ...rowOf(line), session_id }));
  for (const rows of batchesOf(messages)) await insertMessageRows(trx, rows);
  const calls = chat.tool_calls.map((line) => ({ ...rowOf(line), session_id }));
  for (const rows of batchesOf(calls)) await trx.insertInto("tool_calls").values(rows).execute();
  const plans = chat.plans.map((line) => ({ ...rowOf(line), session_id }));
  for (const rows of batchesOf(plans)) await trx.insertInto("plans").values(rows).execute();
  const subtasks = chat.subtasks.map(rowOf);
  for (const rows of batchesOf(subtasks)) await trx.insertInto("subtasks").values(rows).execute();
  const summaries = chat.summaries.map((line) => ({ ...rowOf(line), session_id }));
  for (const rows of batchesOf(summaries)) await trx.insertInto("summaries").values(rows).execute();
  const instructions = chat.instructions.map((line) => ({ ...rowOf(line), session_id }));
  for (const rows of batchesOf(instructions)) {
    await trx.insertInto("instructions").values(rows).execute();
  }
  await insertAttachments(
    trx,
    session_id,
    chat.attachments.map((line) => {
      const { id: hash, ...row } = rowOf(line);
      return { hash, ...row };
    }),
  );
  const chunks = chat.chunks.map(({ line: _line, payload, ...row }) => ({
    ...row,
    session_id,
    payload: JSON.stringify(payload),
  }));
  for (const rows of batchesOf(chunks)) await trx.insertInto("chunks").values(rows).execute();
}

/** Ids of this chat that are in use already, by itself or by another. */
export async function idsInUse(trx: Trx, chat: WholeChat): Promise<string[]> {
  const { head, turns, messages, plans, summaries } = chat;
  const found: string[] = [];
  const look = async (
    table: "sessions" | "turns" | "messages" | "plans" | "summaries",
    lines: readonly { id: string }[],
  ): Promise<void> => {
    for (const rows of batchesOf(lines)) {
      const ids = rows.map(({ id }) => id);
      const hits = await trx.selectFrom(table).select("id").where("id", "in", ids).execute();
      found.push(...hits.map(({ id }) => id));
    }
  };
  await look("sessions", [head]);
  await look("turns", turns);
  await look("messages", messages);
  await look("plans", plans);
  await look("summaries", summaries);
  return found;
}

export async function sessionExists(trx: Trx, id: string): Promise<boolean> {
  const row = await trx
    .selectFrom("sessions")
    .select("id")
    .where("id", "=", id)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  return row !== undefined;
}

export async function setTimes(
  trx: Trx,
  { id, updated_at }: Pick<WholeChat["head"], "id" | "updated_at">,
): Promise<void> {
  await trx.updateTable("sessions").set({ updated_at }).where("id", "=", id).execute();
}

/** The ids of all chats, the oldest first, from `after` on. */
export async function sessionIdsAfter(
  reader: Reader,
  after: { created_at: number; id: string } | undefined,
  limit: number,
): Promise<{ created_at: number; id: string }[]> {
  return await reader
    .selectFrom("sessions")
    .select(["created_at", "id"])
    .where("deleted_at", "is", null)
    .$if(after !== undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb("created_at", ">", after?.created_at ?? 0),
          eb.and([eb("created_at", "=", after?.created_at ?? 0), eb("id", ">", after?.id ?? "")]),
        ]),
      ),
    )
    .orderBy("created_at")
    .orderBy("id")
    .limit(limit)
    .execute();
}

function rowOf<Line extends ChatFileLine>({ line: _line, ...row }: Line): Omit<Line, "line"> {
  return row;
}

function batchesOf<T>(rows: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(rows.length / ROWS_PER_INSERT) }, (_, index) =>
    rows.slice(index * ROWS_PER_INSERT, (index + 1) * ROWS_PER_INSERT),
  );
}

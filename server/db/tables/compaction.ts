// The log of a finished turn, made small: what its messages say is not kept a second time, chunk by
// chunk. A run of deltas becomes one `snapshot`, and a chunk whose `content` is that of a message
// refers to it. Readers get the same text: `withTexts` puts it back.
import type { StreamChunk } from "../../protocol/chunks.ts";
import { turnMessages } from "./messages.ts";
import type { Reader, Trx } from "./schema.ts";

/** The text of a chunk is a part of the message at `position`; counted in UTF-16 units. */
interface TextOf {
  position: number;
  at: number;
  length: number;
}

const DELTAS = ["assistant_message", "reasoning", "tool_output"] as const;

/** What a row adds to: the answer, the thoughts, or the output of one call. */
interface Delta {
  of: (typeof DELTAS)[number];
  call_id?: string;
}

/** Looked at in one transaction: a few milliseconds. */
export const STEP_ROWS = 500;

interface Row {
  seq: number;
  turn_id: string | null;
  type: string;
  payload: string;
}

/** What of a chunk's payload matters here; the rest is kept as it is. */
interface Payload {
  token?: string;
  content?: string;
  text_of?: TextOf;
  call_id?: string;
  metadata?: { from_seq?: number; of?: string; lost?: boolean; state?: string; cut?: boolean };
}

/** Finished turns that may be compacted, the oldest first. */
export async function turnsToCompact(
  reader: Reader,
  endedBefore: number,
  limit: number,
): Promise<{ turnId: string; sessionId: string }[]> {
  return await reader
    .selectFrom("turns")
    .select(["id as turnId", "session_id as sessionId"])
    .where("compact_from", "is not", null)
    .where("ended_at", "<", endedBefore)
    .orderBy("ended_at")
    .limit(limit)
    .execute();
}

/**
 * Compacts the next `stepRows` (at least 2) of a finished turn and returns whether all of it is
 * compact now. Call with the session's row locked.
 */
export async function compactStep(
  trx: Trx,
  { turnId, sessionId }: { turnId: string; sessionId: string },
  stepRows: number,
): Promise<boolean> {
  const turn = await trx
    .selectFrom("turns")
    .select("compact_from")
    .where("id", "=", turnId)
    .executeTakeFirst();
  if (turn?.compact_from == null) return true;
  const rows = await trx
    .selectFrom("chunks")
    .select(["seq", "turn_id", "type", "payload"])
    .where("session_id", "=", sessionId)
    .where("seq", ">=", turn.compact_from)
    .where("turn_id", "=", turnId)
    .orderBy("seq")
    .limit(stepRows)
    .execute();
  const messages = await turnMessages(trx, turnId);
  for (const run of runsOf(rows)) {
    const compact = compactRun(run, messages);
    if (!compact) continue;
    const last = run.at(-1)?.seq ?? 0;
    if (run.length > 1) {
      await trx
        .deleteFrom("chunks")
        .where("session_id", "=", sessionId)
        .where("seq", ">=", run[0]?.seq ?? last)
        .where("seq", "<", last)
        .execute();
    }
    await trx
      .updateTable("chunks")
      .set(compact)
      .where("session_id", "=", sessionId)
      .where("seq", "=", last)
      .execute();
  }
  const isLast = rows.length < stepRows;
  await trx
    .updateTable("turns")
    // The newest row again: its run may go on.
    .set({ compact_from: isLast ? null : (rows.at(-1)?.seq ?? null) })
    .where("id", "=", turnId)
    .execute();
  return isLast;
}

/**
 * Rows of a log, all texts in place, as they stand once their turns are compact. The last one may
 * go on: hand it in again before the rows that follow.
 */
export function compacted(rows: readonly Row[]): Row[] {
  return runsOf(rows).flatMap((run) => {
    const last = run.at(-1);
    return last ? [{ ...last, ...compactRun(run, []) }] : [];
  });
}

/** Puts the texts that compacted chunks only refer to back into them. */
export async function withTexts(
  reader: Reader,
  sessionId: string,
  chunks: readonly StreamChunk[],
): Promise<StreamChunk[]> {
  const positions = chunks.flatMap((chunk) => textOf(chunk)?.position ?? []);
  if (positions.length === 0) return [...chunks];
  const messages = await reader
    .selectFrom("messages")
    .select(["position", "content"])
    .where("session_id", "=", sessionId)
    .where("position", "in", [...new Set(positions)])
    .execute();
  const contents = new Map(messages.map(({ position, content }) => [position, content]));
  return chunks.map((chunk) => {
    const where = textOf(chunk);
    if (!where) return chunk;
    const content = (contents.get(where.position) ?? "").slice(where.at, where.at + where.length);
    // In the place where it was, so that the chunk reads as it did.
    return Object.fromEntries(
      Object.entries(chunk).map(([key, value]) =>
        key === "text_of" ? ["content", content] : [key, value],
      ),
    ) as StreamChunk;
  });
}

function textOf(chunk: object): TextOf | undefined {
  return (chunk as Payload).text_of;
}

function payloadOf({ payload }: Row): Payload {
  return JSON.parse(payload) as Payload;
}

/**
 * Rows that add to the same and follow each other, with the snapshot of those before;
 * any other row by itself.
 */
function runsOf(rows: readonly Row[]): Row[][] {
  const runs: Row[][] = [];
  let last: Delta | undefined;
  for (const row of rows) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    const delta = deltaOf(row);
    if (
      run &&
      before &&
      delta &&
      row.type !== "snapshot" &&
      last?.of === delta.of &&
      last.call_id === delta.call_id &&
      row.seq === before.seq + 1
    ) {
      run.push(row);
    } else {
      runs.push([row]);
    }
    last = delta;
  }
  return runs;
}

function deltaOf(row: Row): Delta | undefined {
  if (row.type === "assistant_message" || row.type === "reasoning") return { of: row.type };
  if (row.type !== "snapshot" && row.type !== "status") return undefined;
  const { metadata, call_id } = payloadOf(row);
  // What a repair has put in the place of lost chunks stays as it is: it says so.
  if (metadata?.lost) return undefined;
  const kind = row.type === "status" ? metadata?.state : metadata?.of;
  const of = DELTAS.find((delta) => delta === kind);
  return of && { of, ...(call_id === undefined ? {} : { call_id }) };
}

interface Message {
  position: number;
  content: string;
}

/** What the last row of the run becomes; undefined: it stays as it is. */
function compactRun(
  run: readonly Row[],
  messages: readonly Message[],
): { type: string; payload: string } | undefined {
  const [first, ...others] = run;
  if (!first) return undefined;
  const delta = deltaOf(first);
  if (!delta) return referToMessage(first, messages);
  if (first.type === "snapshot" && others.length === 0) return undefined;
  const begun = payloadOf(first);
  const { of, ...call } = delta;
  const isCut = run.some((row) => payloadOf(row).metadata?.cut);
  const metadata = {
    from_seq: begun.metadata?.from_seq ?? first.seq,
    of,
    ...(isCut ? { cut: true } : {}),
  };
  const more = others.map((row) => payloadOf(row).token ?? "").join("");
  const text_of = begun.text_of
    ? longer(begun.text_of, more, messages)
    : saidIn(messages, (begun.token ?? begun.content ?? "") + more);
  const said = begun.text_of
    ? textIn(messages, begun.text_of)
    : (begun.token ?? begun.content ?? "");
  const text = text_of ? { text_of } : { content: said + more };
  return { type: "snapshot", payload: JSON.stringify({ ...text, ...call, metadata }) };
}

/** A message, or what a tool gave: its chunk has the text of a message of the turn. */
function referToMessage(
  row: Row,
  messages: readonly Message[],
): { type: string; payload: string } | undefined {
  const payload = payloadOf(row);
  const text_of = payload.content === undefined ? undefined : saidIn(messages, payload.content);
  if (!text_of) return undefined;
  const entries = Object.entries(payload).map(([key, value]) =>
    key === "content" ? ["text_of", text_of] : [key, value],
  );
  return { type: row.type, payload: JSON.stringify(Object.fromEntries(entries)) };
}

/** Worth a reference, which takes some bytes itself. */
const MIN_LENGTH = 60;

/** Where one of the messages has this text. Any place will do: it is the text that counts. */
function saidIn(messages: readonly Message[], text: string): TextOf | undefined {
  if (text.length < MIN_LENGTH) return undefined;
  for (const { position, content } of messages) {
    const at = content.indexOf(text);
    if (at >= 0) return { position, at, length: text.length };
  }
  return undefined;
}

function longer(begun: TextOf, more: string, messages: readonly Message[]): TextOf | undefined {
  const wanted = { ...begun, length: begun.length + more.length };
  return textIn(messages, wanted) === textIn(messages, begun) + more ? wanted : undefined;
}

function textIn(messages: readonly Message[], { position, at, length }: TextOf): string {
  const content = messages.find((message) => message.position === position)?.content ?? "";
  return content.slice(at, at + length);
}

// A chat as lines of a file, and back. Each line ends with a hash over itself and the line
// before, so that what was changed, lost or cut off shows; each chat begins a chain of its own,
// so that it harms no other.
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { ChatFileLine, type WholeChat } from "../../protocol/stored/chat-file.ts";
import type { FileLine } from "../chat.ts";

/** After so long the streams have their turn. */
const SLICE_MS = 5;

/** Before the first line of a chat. */
const START = "";
const SEAL = /^([\s\S]*),"hash":"([0-9a-f]{64})"\}\r?$/;

function hashOf(before: string, body: string): string {
  return createHash("sha256").update(`${before}\n${body}`).digest("hex");
}

function seal(line: ChatFileLine, before: string): { text: string; hash: string } {
  const body = JSON.stringify(line);
  const hash = hashOf(before, body);
  return { text: `${body.slice(0, -1)},"hash":"${hash}"}\n`, hash };
}

/**
 * The lines of a chat, in the order in which it can be stored as far as it came; the hash of the
 * last is that of the whole.
 */
export function* sealedLines(chat: WholeChat): Generator<{ text: string; hash: string }, void> {
  let before = START;
  for (const line of inOrder(chat)) {
    const sealed = seal(line, before);
    yield sealed;
    before = sealed.hash;
  }
}

/** Of the whole chat, in the event loop that serves every stream. */
export async function hashOfChat(chat: WholeChat): Promise<string> {
  let last = START;
  let since = performance.now();
  for (const { hash } of sealedLines(chat)) {
    last = hash;
    if (performance.now() - since < SLICE_MS) continue;
    await setImmediate();
    since = performance.now();
  }
  return last;
}

/** The last line; `hashes`: of all chats before it, in their order. */
export function endLine(hashes: readonly string[]): string {
  return seal({ line: "end", chats: hashes.length }, hashes.join("\n")).text;
}

/** The log, and before the first chunk of each turn its rows. */
function* inOrder(chat: WholeChat): Generator<ChatFileLine> {
  const { head, turns, messages, tool_calls, plans, subtasks, summaries, chunks } = chat;
  yield head;
  yield* chat.instructions;
  yield* chat.attachments;
  const messagesOf = byKey(messages, ({ turn_id }) => turn_id);
  const callsOf = byKey(tool_calls, ({ turn_id }) => turn_id);
  const plansOf = byKey(plans, ({ turn_id }) => turn_id);
  const subtasksOf = byKey(subtasks, ({ plan_id }) => plan_id);
  const summariesOf = byKey(summaries, ({ until_turn_id }) => until_turn_id);
  let next = 0;
  const logUntil = function* (seq: number): Generator<ChatFileLine> {
    for (let chunk = chunks[next]; chunk && chunk.seq <= seq; chunk = chunks[++next]) yield chunk;
  };
  for (const turn of turns) {
    yield* logUntil(turn.after_seq);
    yield turn;
    yield* messagesOf(turn.id);
    yield* callsOf(turn.id);
    for (const plan of plansOf(turn.id)) {
      yield plan;
      yield* subtasksOf(plan.id);
    }
    yield* summariesOf(turn.id);
  }
  yield* logUntil(Number.POSITIVE_INFINITY);
}

/** The rows of each key, in their order: a chat of thousands of turns is gone through once. */
function byKey<Row>(rows: readonly Row[], keyOf: (row: Row) => string): (key: string) => Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return (key) => groups.get(key) ?? [];
}

/** What of a chat was in a file. */
export interface ReadChat {
  chat: WholeChat | undefined;
  /** Of its last sound line; of the whole if nothing is damaged. */
  hash: string;
  /** What was wrong first, for people; undefined: nothing. */
  damage: string | undefined;
}

/**
 * Chats as they come, then whether the file was whole. Damage ends the chat
 * it is in, and that alone.
 */
export async function* readChats(
  lines: AsyncIterable<FileLine>,
): AsyncGenerator<ReadChat, { damage: string | undefined }> {
  let reading: Reading | undefined;
  let hashes: string[] = [];
  let problem: string | undefined;
  let end: string | undefined = CUT_OFF;
  for await (const { number, text } of lines) {
    if (text.trim() === "") continue;
    const begun = beginningOf(text);
    if (begun) {
      if (reading) yield finished(reading, hashes);
      reading = begun;
      end = CUT_OFF;
      continue;
    }
    if (text.startsWith(END)) {
      if (reading) yield finished(reading, hashes);
      reading = undefined;
      end = endProblem(text, hashes);
      problem ??= end;
      // Files can be put together: another may follow.
      hashes = [];
      continue;
    }
    // Lines that belong to no chat: its first line is what was damaged.
    reading ??= { chat: undefined, size: 0, hash: START, damage: undefined };
    reading.damage ??= readInto(reading, number, text);
  }
  if (reading) yield finished(reading, hashes);
  return { damage: problem ?? end };
}

/** UTF-16 units of one chat: it is held whole until it is stored. */
const MAX_CHAT = 256 * 1024 * 1024;

interface Reading {
  chat: WholeChat | undefined;
  size: number;
  hash: string;
  damage: string | undefined;
}

function beginningOf(text: string): Reading | undefined {
  const opened = open(text, START);
  if (opened?.line.line !== "chat") return undefined;
  const chat: WholeChat = {
    head: opened.line,
    turns: [],
    messages: [],
    tool_calls: [],
    plans: [],
    subtasks: [],
    summaries: [],
    instructions: [],
    attachments: [],
    chunks: [],
  };
  return { chat, size: text.length, hash: opened.hash, damage: undefined };
}

const END = '{"line":"end",';
const CUT_OFF = "The file was cut off: its last line is missing.";

/** What is wrong with the last line, which knows all chats before it. */
function endProblem(text: string, hashes: readonly string[]): string | undefined {
  const opened = open(text, hashes.join("\n"));
  return opened?.line.line === "end" && opened.line.chats === hashes.length
    ? undefined
    : "The file does not have all chats that it was made with.";
}

/** Adds the line to the chat that is being read; returns what is wrong with it, if anything. */
function readInto(reading: Reading, number: number, text: string): string | undefined {
  const { chat } = reading;
  if (!chat) return `Line ${number} is not the beginning of a chat, or was changed.`;
  reading.size += text.length;
  if (reading.size > MAX_CHAT) return `At line ${number} it is too large to be imported.`;
  const opened = open(text, reading.hash);
  if (!opened) return `Line ${number} is damaged, or was changed, or a line before it is missing.`;
  reading.hash = opened.hash;
  add(chat, opened.line);
  return undefined;
}

function add(chat: WholeChat, line: ChatFileLine): void {
  switch (line.line) {
    case "turn":
      return void chat.turns.push(line);
    case "message":
      return void chat.messages.push(line);
    case "tool_call":
      return void chat.tool_calls.push(line);
    case "plan":
      return void chat.plans.push(line);
    case "subtask":
      return void chat.subtasks.push(line);
    case "summary":
      return void chat.summaries.push(line);
    case "instruction":
      return void chat.instructions.push(line);
    case "attachment":
      return void chat.attachments.push(line);
    case "chunk":
      return void chat.chunks.push(line);
    case "chat":
    case "end":
  }
}

function finished({ chat, hash, damage }: Reading, hashes: string[]): ReadChat {
  hashes.push(hash);
  const isWhole = chat !== undefined && chat.chunks.at(-1)?.seq === chat.head.last_seq;
  const missing = isWhole ? undefined : "The end of this chat is missing.";
  const problem = damage ?? missing;
  return { chat, hash, damage: problem };
}

/** The line, if it is sound and says something that is known. */
function open(text: string, before: string): { line: ChatFileLine; hash: string } | undefined {
  const [, open, hash = ""] = SEAL.exec(text) ?? [];
  if (open === undefined || hashOf(before, `${open}}`) !== hash) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(`${open}}`);
  } catch {
    return undefined;
  }
  const line = ChatFileLine.safeParse(value).data;
  return line && { line, hash };
}

// The companion writes JSON lines into a file of its own, because it outlives the window that
// started it; every window follows that file.
import { type FSWatcher, watch } from "node:fs";
import { type FileHandle, mkdir, open, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isRecord, parseJson } from "../../server/shared/json.ts";

const MAX_BYTES = 5 * 1024 * 1024;
const READ_BYTES = 64 * 1024;

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

export interface LogEntry {
  level: LogLevel;
  text: string;
}

export function logPath(dataDir: string): string {
  return join(dataDir, "logs", "companion.log");
}

/** Opened for appending, private, the previous one moved aside when it has grown large. */
export async function openLog(path: string): Promise<FileHandle> {
  if ((await sizeOf(path)) > MAX_BYTES) await rename(path, path.replace(/\.log$/, ".1.log"));
  return open(path, "a", 0o600);
}

export async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

/**
 * One line of pino's as text for people: message first, then the fields that are not in every line.
 */
export function parseLogLine(line: string): LogEntry {
  const fields = parseJson(line);
  if (!isRecord(fields)) return { level: "info", text: line };
  const { level, time: _time, pid: _pid, msg, ...rest } = fields;
  const details = Object.entries(rest).map(([name, value]) => `${name}=${toText(value)}`);
  return {
    level: toLevel(level),
    text: [typeof msg === "string" ? msg : "", ...details].join(" ").trim(),
  };
}

/** Where in a chat a line of the log belongs, and which words of it say so. */
export interface LogPlace {
  session_id: string;
  turn_id?: string | undefined;
  /** In UTF-16 units from the start of the line. */
  from: number;
  to: number;
}

/** Of a line as it is shown; undefined if it belongs to no chat. */
export function placeOf(line: string): LogPlace | undefined {
  const [session, turn] = ["session_id", "turn_id"].map((name) =>
    new RegExp(` (${name}=([\\w-]{1,64}))(?= |$)`).exec(line),
  );
  const words = turn ?? session;
  if (!session?.[2] || !words?.[1]) return undefined;
  const from = words.index + 1;
  return {
    session_id: session[2],
    turn_id: turn?.[2],
    from,
    to: from + words[1].length,
  };
}

function toText(value: unknown): string {
  return typeof value === "string" && !/[\s"=]/.test(value) ? value : JSON.stringify(value);
}

function toLevel(level: unknown): LogLevel {
  switch (level) {
    case "trace":
    case "debug":
    case "warn":
    case "error":
      return level;
    case "fatal":
      return "error";
    default:
      return "info";
  }
}

/** What Node prints around an uncaught error. */
const NOISE = /^\s+at |^Node\.js v|^\s*\^+\s*$|^\s*[{}]\s*$/;

/** Whether the companion `pid` says `words` in its log after `offset` before `signal` aborts. */
export async function says(
  path: string,
  offset: number,
  { pid, words, signal }: { pid: number; words: string; signal: AbortSignal },
): Promise<boolean> {
  while (!signal.aborted) {
    const { text } = await readFrom(path, offset);
    const isIt = (line: string) => line.includes(`"pid":${pid},`) && line.includes(words);
    if (text.split("\n").some(isIt)) return true;
    await delay(25, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

/** Why a process ended, as far as it said so after `offset`: its last error or plain line. */
export async function lastWords(path: string, offset: number): Promise<string> {
  const lines = (await readFrom(path, offset)).text.split("\n").filter((line) => line.trim());
  const telling = lines.filter((line) =>
    line.startsWith("{") ? parseLogLine(line).level === "error" : !NOISE.test(line),
  );
  const last =
    telling.findLast((line) => /^(\w*Error\b|\{)/.test(line)) ?? telling.at(-1) ?? lines.at(-1);
  return last === undefined ? "" : parseLogLine(last).text.slice(0, 500);
}

export interface LogTail {
  /** Reads what has come since, now. */
  flush(): Promise<void>;
  close(): void;
}

/** Calls `onEntry` for every line written after `offset`, until closed. */
export async function followLog(
  path: string,
  offset: number,
  onEntry: (entry: LogEntry) => void,
): Promise<LogTail> {
  let position = offset;
  let rest = "";
  let reading = Promise.resolve();

  const read = async (): Promise<void> => {
    const size = await sizeOf(path);
    if (size < position) position = 0; // rotated
    for (;;) {
      const part = await readFrom(path, position);
      if (part.bytes === 0) return;
      position += part.bytes;
      const lines = (rest + part.text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim()) onEntry(parseLogLine(line));
    }
  };
  const flush = (): Promise<void> => {
    reading = reading.then(read, read);
    return reading;
  };

  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const watcher: FSWatcher = watch(dirname(path), { persistent: false }, () => void flush());
  watcher.on("error", () => watcher.close());
  return { flush, close: () => watcher.close() };
}

async function readFrom(path: string, offset: number): Promise<{ text: string; bytes: number }> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch {
    return { text: "", bytes: 0 };
  }
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, offset);
    // Only whole lines, so that no character is cut in two; a longer line than the
    // buffer is passed on as it is.
    const end = buffer.lastIndexOf(0x0a, bytesRead - 1) + 1;
    const bytes = end > 0 ? end : bytesRead === READ_BYTES ? bytesRead : 0;
    return { text: buffer.toString("utf8", 0, bytes), bytes };
  } finally {
    await file.close();
  }
}

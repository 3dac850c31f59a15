// The companion's chat on a real database, with a model that plays a script.

import type { AcceptedTurn, Chat, FileParts } from "../../server/chat/chat.ts";
import { createChat } from "../../server/chat/create-chat.ts";
import type { ChatDeps } from "../../server/chat/deps.ts";
import { recoverTurns } from "../../server/chat/turn/recover-turns.ts";
import { createChatDeps } from "../../server/compose.ts";
import { RecentTransactions } from "../../server/db/commit/recent-transactions.ts";
import { unitsOfWork } from "../../server/db/commit/units-of-work.ts";
import { openDatabase } from "../../server/db/open.ts";
import { type DatabaseSource, type OpenedDatabase } from "../../server/db/opened-database.ts";
import type { Tool } from "../../server/domain/tools.ts";
import { createMetrics, type Metrics } from "../../server/observe/metrics.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { SAMPLING_FIELDS } from "../../server/protocol/sampling.ts";
import type { ExportFormat } from "../../server/protocol/served-requests.ts";
import type { Provider, ProviderEvent, ProviderRequest } from "../../server/providers/provider.ts";
import { checkWritten, metadataOf } from "./any-chunk.ts";
import type { Engine, TestDatabase } from "./engines.ts";
import { memoryLog } from "./log.ts";

/** What the model says, one entry per request it gets; a function decides by the request. */
export type Script = (
  request: ProviderRequest,
  signal: AbortSignal,
) => AsyncIterable<ProviderEvent> | Iterable<ProviderEvent>;

export const FINISH: ProviderEvent = { type: "finish", reason: "stop", usage: undefined };
export const text = (value: string): ProviderEvent => ({ type: "text", text: value });

/** Rejects when the signal aborts; else waits for ever. */
export function stall(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
}

export const COUNT_TOOL: Tool = {
  name: "count_words",
  description: "counts",
  parameters: { type: "object" },
  kind: "other",
  rule: "ask",
  run: (args) => String(String(args["text"]).split(" ").length),
};
export const CLIENT_TOOL: Tool = {
  name: "read_file",
  description: "reads",
  parameters: { type: "object" },
  kind: "read",
  rule: "allow",
  run: "client",
};

export interface TestChat {
  chat: Chat;
  deps: ChatDeps;
  database: OpenedDatabase;
  metrics: Metrics;
  lines: ReturnType<typeof memoryLog>["lines"];
  /** What the model was asked, in order. */
  requests: ProviderRequest[];
  /** Goes away as a crash would: nothing is ended, the database is cut off. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

export async function openChat(source: DatabaseSource, script: Script): Promise<TestChat> {
  const { log, lines } = memoryLog();
  const metrics = createMetrics("test");
  const database = await openDatabase(source, log);
  const requests: ProviderRequest[] = [];
  const provider: Provider = {
    name: "scripted",
    takes: SAMPLING_FIELDS,
    tools: [COUNT_TOOL, CLIENT_TOOL],
    async *stream(request, signal) {
      requests.push(structuredClone(request));
      for await (const event of script(request, signal)) {
        signal.throwIfAborted();
        yield [event];
      }
    },
  };
  const closing = new AbortController();
  const recent = new RecentTransactions(1);
  const models = {
    resolve: (id: string | null | undefined) => ({
      provider,
      providerName: "scripted",
      model: "model",
      id: id ?? "scripted/model",
      contextWindow: WINDOWS[id ?? ""] ?? 128_000,
      inputs: ["image", "file"] as const,
    }),
    list: () => Promise.reject(new Error("no models here")),
    setKey: () => {},
    removeKey: () => {},
    wake: () => {},
  };
  const newUnitOfWork = unitsOfWork(database, { metrics, log, recent });
  const parts = { database, models, newUnitOfWork, recent, installation: "", log, metrics };
  const deps = createChatDeps(parts, closing.signal);
  await recoverTurns(deps);
  return {
    chat: createChat(deps),
    deps,
    database,
    metrics,
    lines,
    requests,
    async crash() {
      void deps.storage.stop();
      closing.abort();
      await database.close();
    },
    async close() {
      void deps.storage.stop();
      closing.abort();
      await deps.turns.drain();
      await database.close();
    },
  };
}

/** Models of the script that can read little. */
const WINDOWS: Record<string, number> = { "scripted/small": 1_000 };

/** Lends a chat on a fresh database. */
export async function withChat(
  engine: Engine,
  script: Script,
  body: (chat: TestChat, database: TestDatabase) => Promise<void>,
): Promise<void> {
  const database = await engine.create();
  try {
    const chat = await openChat(database.source, script);
    try {
      await body(chat, database);
    } finally {
      await chat.close();
    }
  } finally {
    await database.remove();
  }
}

export function say(
  chat: Chat,
  content: string,
  more: {
    session_id?: string;
    request_id?: string;
    replaces_turn_id?: string;
    model?: string;
    workspace?: string;
  } = {},
): Promise<AcceptedTurn> {
  const { replaces_turn_id, ...request } = more;
  const replaces = replaces_turn_id === undefined ? {} : { replaces_turn_id };
  return chat.startTurn({
    ...request,
    message: { type: "user_message", content, ...replaces },
  });
}

/** The chat as a file. */
export async function exportedText(
  chat: Chat,
  sessionId: string,
  format: ExportFormat,
): Promise<string> {
  return await textOf((await chat.exportChat(sessionId, format)).parts);
}

export async function textOf(parts: FileParts): Promise<string> {
  const read: Uint8Array[] = [];
  for await (const part of parts) read.push(part);
  return Buffer.concat(read).toString();
}

/** The chunks that the request which started this turn would get. */
export async function read(chat: Chat, turn: AcceptedTurn): Promise<StreamChunk[]> {
  const until = { pause_of: turn.turn_id };
  const chunks = await collect(chat, turn.session_id, { after: turn.after, until });
  for (const chunk of chunks) checkWritten(chunk);
  return chunks;
}

export async function collect(
  chat: Chat,
  sessionId: string,
  options: Parameters<Chat["stream"]>[1],
): Promise<StreamChunk[]> {
  const chunks: StreamChunk[] = [];
  const signal = new AbortController().signal;
  for await (const batch of chat.stream(sessionId, options, signal)) {
    chunks.push(...batch.map((frame) => frame.chunk));
  }
  return chunks;
}

/**
 * One short line per chunk; deltas that follow each other are joined, since how they
 * are cut is up to timing.
 */
export function transcript(chunks: readonly StreamChunk[]): string[] {
  const lines: string[] = [];
  for (const chunk of chunks) {
    const { type } = chunk;
    const { code, to_agent, state } = metadataOf(chunk);
    const previous = lines.at(-1);
    if (type === "assistant_message" && previous?.startsWith("assistant_message ")) {
      lines[lines.length - 1] = previous + chunk.token;
      continue;
    }
    const detail =
      chunk.token ??
      code ??
      to_agent ??
      state ??
      chunk.error ??
      chunk.content ??
      chunk.tool_name ??
      "";
    lines.push(detail === "" ? type : `${type} ${detail}`);
  }
  return lines;
}

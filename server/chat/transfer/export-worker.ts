// A thread that makes files of chats. Whatever is in a chat (ten thousand messages, a tool's
// hundred megabytes, pictures) is read, hashed and turned into bytes here, on either engine; what
// is left for the event loop that serves every stream is to hand them on. See export-thread.ts.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { toStorageError } from "../../db/engine/storage-errors.ts";
import { openReader, type ReadonlyDatabase } from "../../db/open-readonly.ts";
import type { DatabaseSource } from "../../db/opened-database.ts";
import { type ToldError, toTold } from "../../errors.ts";
import { textsOf, type Wanted } from "./export-chats.ts";

export interface ExportThreadData {
  source: DatabaseSource;
}

/** Each message that comes over the port asks for the next part of the file. */
export type ToExportWorker = { wanted: Wanted; port: MessagePort } | "end";

/** Undefined: that was the last. */
export type FromExportWorker = { part: Bytes | undefined } | { failed: ToldError };

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * About as much goes from thread to thread and to the socket at a time: a message is worth its
 * while then, and a picture of 10 MB is not written in one go.
 */
const PART_BYTES = 256 * 1024;

const { source } = workerData as ExportThreadData;
const encoder = new TextEncoder();
let database: ReadonlyDatabase | undefined;

parentPort?.on("message", (message: ToExportWorker) => {
  if (message === "end") {
    // A Postgres would write of a client that went without a word.
    void database?.close();
    parentPort?.close();
    return;
  }
  const { wanted, port } = message;
  const parts = partsOf(wanted);
  port.on("message", () => void answer(port, parts));
});

async function answer(port: MessagePort, parts: AsyncGenerator<Bytes, void>): Promise<void> {
  try {
    const part = (await parts.next()).value ?? undefined;
    port.postMessage({ part } satisfies FromExportWorker, part ? [part.buffer] : []);
  } catch (thrown) {
    port.postMessage({ failed: toTold(thrown) } satisfies FromExportWorker);
  }
}

async function* partsOf(wanted: Wanted): AsyncGenerator<Bytes, void> {
  let held = "";
  for await (const text of textsOf(opened().reader, wanted)) {
    held += text;
    if (held.length < PART_BYTES) continue;
    yield* inParts(held);
    held = "";
  }
  yield* inParts(held);
}

function* inParts(text: string): Generator<Bytes, void> {
  const bytes = encoder.encode(text);
  // Copies: what is handed over must own all of its memory.
  for (let at = 0; at < bytes.length; at += PART_BYTES) yield bytes.slice(at, at + PART_BYTES);
}

function opened(): ReadonlyDatabase {
  try {
    return (database ??= openReader(source));
  } catch (thrown) {
    throw toStorageError(thrown, "reading");
  }
}

// Reads that may take long on SQLite, as a driver of Kysely whose one connection is the thread of
// reading-worker.ts. It begins with the first of them: most companions are never searched.

import { Worker } from "node:worker_threads";
import SQLite from "better-sqlite3";
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { programFile } from "../../program-file.ts";
import type { FromReadingWorker, ReadingThreadData, ToReadingWorker } from "./reading-worker.ts";

/** @param refusal why nothing may be read any more: the thread would open another file. */
export function readingThreadDialect(path: string, refusal: () => Error | undefined): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => threadDriver(path, refusal),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

interface Asked {
  resolve(rows: unknown[]): void;
  reject(error: Error): void;
}

function threadDriver(path: string, refusal: () => Error | undefined): Driver {
  let worker: Worker | undefined;
  let lastId = 0;
  const asked = new Map<number, Asked>();

  const start = (): Worker => {
    const started = startWorker({ path });
    const fail = (error: Error) => {
      if (worker !== started) return;
      // The next one to ask gets another.
      worker = undefined;
      for (const { reject } of asked.values()) reject(error);
      asked.clear();
    };
    started.on("message", (answer: FromReadingWorker) => {
      const waiting = asked.get(answer.id);
      asked.delete(answer.id);
      if (asked.size === 0) started.unref();
      if ("rows" in answer) waiting?.resolve(answer.rows);
      else waiting?.reject(toError(answer));
    });
    started.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
    started.on("exit", () => fail(new Error("The reading thread has ended.")));
    return started;
  };

  const ask = (sql: string, parameters: readonly unknown[]): Promise<unknown[]> => {
    const refused = refusal();
    if (refused) return Promise.reject(refused);
    const asking = worker ?? start();
    worker = asking;
    return new Promise((resolve, reject) => {
      const id = ++lastId;
      asked.set(id, { resolve, reject });
      asking.ref();
      asking.postMessage({ id, sql, parameters } satisfies ToReadingWorker);
    });
  };

  const connection: DatabaseConnection = {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const rows = await ask(sql, parameters);
      return { rows: rows.map(withBuffers) as R[] };
    },
    streamQuery: () => {
      throw new TypeError("Nobody reads by stream; a page is asked for after the other.");
    },
  };
  const refuse = () => Promise.reject(new TypeError("A reader has no transactions."));
  return {
    init: async () => {},
    acquireConnection: () => Promise.resolve(connection),
    releaseConnection: async () => {},
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    destroy: async () => {
      await worker?.terminate();
    },
  };
}

/** Between threads a Buffer becomes an array of bytes. */
function withBuffers(row: unknown): unknown {
  if (typeof row !== "object" || row === null) return row;
  for (const [column, value] of Object.entries(row)) {
    if (!(value instanceof Uint8Array)) continue;
    const { buffer, byteOffset, byteLength } = value;
    Object.assign(row, { [column]: Buffer.from(buffer, byteOffset, byteLength) });
  }
  return row;
}

function toError({ code, message }: { code: string; message: string }): Error {
  return code === "" ? new Error(message) : new SQLite.SqliteError(message, code);
}

function startWorker(workerData: ReadingThreadData): Worker {
  const file = programFile("reading-worker", import.meta.url);
  const worker = new Worker(file, { workerData, name: "reading-worker" });
  worker.unref();
  return worker;
}

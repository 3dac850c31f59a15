// A thread of its own for reads that may take long on SQLite (a search, an export): a statement
// blocks this thread and not the event loop that serves every stream. See reading-thread.ts.
import { parentPort, workerData } from "node:worker_threads";
import SQLite from "better-sqlite3";
import { nativeBinding } from "./native-binding.ts";
import { addSearchFunctions } from "./search-functions.ts";
import { withStatementCache } from "./statement-cache.ts";

export interface ReadingThreadData {
  path: string;
}

export interface ToReadingWorker {
  id: number;
  sql: string;
  parameters: readonly unknown[];
}

/** What came of the statement with this `id`. */
export type FromReadingWorker = { id: number } & (
  | { rows: Record<string, unknown>[] }
  | { code: string; message: string }
);

const { path } = workerData as ReadingThreadData;
const database = new SQLite(path, { readonly: true, timeout: 1_000, ...nativeBinding() });
database.pragma("trusted_schema = OFF");
addSearchFunctions(database);
const statements = withStatementCache(database);

parentPort?.on("message", ({ id, sql, parameters }: ToReadingWorker) => {
  parentPort?.postMessage({ id, ...answer(sql, parameters) } satisfies FromReadingWorker);
});

function answer(sql: string, parameters: readonly unknown[]) {
  try {
    const statement = statements.prepare(sql);
    return { rows: statement.all(...parameters) as Record<string, unknown>[] };
  } catch (error) {
    const code = error instanceof SQLite.SqliteError ? error.code : "";
    return { code, message: error instanceof Error ? error.message : String(error) };
  }
}

// What is stored, seen past the companion: by a connection of the test's own.
import SQLite from "better-sqlite3";
import pg from "pg";

export interface StorageView {
  rows<T>(sqlite: string, parameters?: readonly unknown[]): Promise<T[]>;
  /** What the engine finds wrong with the file; empty: nothing. */
  integrity(): Promise<string[]>;
  close(): Promise<void>;
}

/** `database`: a path or a postgres URL. Queries are written with `?` for their parameters. */
export function viewStorage(database: string): StorageView {
  return database.startsWith("postgres") ? viewPostgres(database) : viewSqlite(database);
}

function viewSqlite(path: string): StorageView {
  const file = new SQLite(path, { readonly: true, timeout: 5_000 });
  return {
    rows: <T>(text: string, parameters: readonly unknown[] = []) =>
      Promise.resolve(file.prepare(text).all(...parameters) as T[]),
    integrity: () => Promise.resolve(faultsOf(path)),
    close() {
      file.close();
      return Promise.resolve();
    },
  };
}

/**
 * By a connection of its own: FTS5 keeps what it knew of an index from one check to the next, and
 * calls the parts that others have merged since "corruption found reading blob". Each statement but
 * this pragma looks whether somebody has written (`fts5NewTransaction` in its source).
 */
function faultsOf(path: string): string[] {
  const file = new SQLite(path, { readonly: true, timeout: 5_000 });
  try {
    const checked = file.pragma("integrity_check") as { integrity_check: string }[];
    const dangling = file.pragma("foreign_key_check") as unknown[];
    return [
      ...checked.map((row) => row.integrity_check).filter((said) => said !== "ok"),
      ...dangling.map((row) => `dangling: ${JSON.stringify(row)}`),
    ];
  } finally {
    file.close();
  }
}

function viewPostgres(url: string): StorageView {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on("error", () => {});
  return {
    async rows<T>(text: string, parameters: readonly unknown[] = []) {
      let n = 0;
      const numbered = text.replaceAll("?", () => `$${++n}`);
      return (await pool.query(numbered, [...parameters])).rows as T[];
    },
    // Postgres checks its pages when it reads them; a query over all rows is that.
    async integrity() {
      await pool.query("select count(length(payload)) from chunks");
      await pool.query("select count(length(content)) from messages");
      return [];
    },
    close: () => pool.end(),
  };
}

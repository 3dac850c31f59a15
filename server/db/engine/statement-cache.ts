import type SQLite from "better-sqlite3";

/** Kysely prepares anew for every query; our statements are few, so each is prepared once. */
export function withStatementCache(database: SQLite.Database) {
  const prepared = new Map<string, SQLite.Statement>();
  return {
    prepare(text: string): SQLite.Statement {
      let statement = prepared.get(text);
      if (!statement) {
        statement = database.prepare(text);
        // Multi-row inserts differ by their row count; the bound keeps odd sizes from piling up.
        if (prepared.size >= 500) prepared.clear();
        prepared.set(text, statement);
      }
      return statement;
    },
    close: () => database.close(),
  };
}

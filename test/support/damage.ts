// Breaks a SQLite file on purpose, in ways that disks, programs and bugs do.
import { closeSync, openSync, writeSync } from "node:fs";
import SQLite from "better-sqlite3";

/** Runs statements that the companion never would. */
export function tamper(path: string, ...statements: string[]): void {
  const database = new SQLite(path);
  // The schema may be written, too.
  database.unsafeMode();
  database.pragma("foreign_keys = OFF");
  try {
    for (const statement of statements) database.exec(statement);
  } finally {
    database.close();
  }
}

/** Runs a statement while an index is not known, so that it does not fit its table afterwards. */
export function forgetIndex(path: string, name: string, statement: string): void {
  const [index] = query<{ tbl_name: string; rootpage: number; sql: string }>(
    path,
    "select tbl_name, rootpage, sql from sqlite_schema where name = ?",
    name,
  );
  if (!index) throw new Error(`no index ${name}`);
  tamper(path, `pragma writable_schema = on; delete from sqlite_schema where name = '${name}'`);
  tamper(path, statement);
  const { tbl_name, rootpage, sql } = index;
  tamper(
    path,
    `pragma writable_schema = on;
     insert into sqlite_schema values ('index', '${name}', '${tbl_name}', ${rootpage}, '${sql}')`,
  );
}

/** Rows of a query, read from outside. */
export function query<T>(path: string, statement: string, ...values: unknown[]): T[] {
  const database = new SQLite(path, { readonly: true });
  try {
    return database.prepare<unknown[], T>(statement).all(...values);
  } finally {
    database.close();
  }
}

/**
 * Writes over the first bytes of every `nth` leaf page that a table or an index has: what is on
 * such a page cannot be read any more. With `nth` over 1 the last one is left alone, to which new
 * rows go. Returns how many.
 */
export function scribble(path: string, name: string, nth = 2): number {
  tamper(path, "pragma wal_checkpoint(truncate)");
  const pages = query<{ pageno: number }>(
    path,
    "select pageno from dbstat where name = ? and pagetype = 'leaf' order by path",
    name,
  ).filter((_, index, all) => index % nth === nth - 1 && (nth === 1 || index < all.length - 1));
  const [size] = query<{ page_size: number }>(path, "select page_size from pragma_page_size");
  const file = openSync(path, "r+");
  const noise = Buffer.alloc(200, 0xa5);
  for (const { pageno } of pages) {
    writeSync(file, noise, 0, noise.length, (pageno - 1) * (size?.page_size ?? 4096));
  }
  closeSync(file);
  return pages.length;
}

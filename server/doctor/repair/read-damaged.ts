// Reads what can be read of a SQLite file with damaged pages: SQLite gives up at the first of them,
// so a table is read in ranges of its row ids, which are halved around each place that fails.
import { randomUUID } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import SQLite from "better-sqlite3";
import { nativeBinding } from "../../db/engine/native-binding.ts";
import { isLogAlone, rebuildFromLog } from "../../db/engine/write-ahead-log.ts";
import { ChatError } from "../../errors.ts";
import { databaseFiles } from "../files/database-files.ts";

export type Row = Record<string, unknown>;

export interface DamagedFile {
  /**
   * All rows of a table that can be read, a few hundred at a time; none if not
   * even the table is known.
   */
  rows(table: string): Generator<Row[]>;
  /** Stretches of row ids so far that could not be read. */
  readonly lostPlaces: number;
  close(): void;
}

const AT_ONCE = 500;
/** Of contents of attachments, which may have 13 MB each. */
const LARGE_AT_ONCE = 4;

/** Throws `ChatError` if SQLite cannot make anything of the file. It is never written. */
export function openDamaged(path: string): DamagedFile {
  const rebuilt = isLogAlone(path) ? `${path}.${randomUUID()}.${process.pid}.tmp` : undefined;
  if (rebuilt !== undefined) rebuildFromLog(`${path}-wal`, rebuilt);
  const removeRebuilt = () => {
    for (const file of rebuilt === undefined ? [] : databaseFiles(rebuilt))
      rmSync(file, { force: true });
  };
  if (rebuilt !== undefined && !existsSync(rebuilt)) throw unreadable(path);
  const database = new SQLite(rebuilt ?? path, {
    readonly: true,
    timeout: 5_000,
    ...nativeBinding(),
  });
  try {
    // Goes on though some entry of the schema cannot be understood.
    database.unsafeMode();
    database.pragma("writable_schema = on");
    database.pragma("trusted_schema = OFF");
    // Tells pages that are noise from pages with rows.
    database.pragma("cell_size_check = on");
    database.prepare("select name from sqlite_schema limit 1").get();
  } catch (cause) {
    database.close();
    removeRebuilt();
    throw unreadable(path, cause);
  }
  let lostPlaces = 0;
  return {
    *rows(table) {
      if (isUnknownTo(database, table)) return;
      const places = { count: 0 };
      yield* readTable(database, table, places);
      lostPlaces += places.count;
    },
    get lostPlaces() {
      return lostPlaces;
    },
    close() {
      database.close();
      removeRebuilt();
    },
  };
}

/** Another version had no such table, or made it a view: nothing of it is lost. */
function isUnknownTo(database: SQLite.Database, table: string): boolean {
  try {
    const found = database
      .prepare("select 1 from sqlite_schema where name = ? and type = 'table'")
      .get(table);
    const all = database.prepare("select count(*) from sqlite_schema").pluck().get();
    return found === undefined && Number(all) > 0;
  } catch {
    return false;
  }
}

function unreadable(path: string, cause?: unknown): ChatError {
  return new ChatError("storage_corrupt", `Nothing in ${path} can be read.`, {
    cause,
    hint: "Go back to a backup. It was left as it is; `sqlite3 FILE .recover` may find more.",
  });
}

function* readTable(
  database: SQLite.Database,
  table: string,
  places: { count: number },
): Generator<Row[]> {
  const atOnce = table === "blobs" ? LARGE_AT_ONCE : AT_ONCE;
  let many: SQLite.Statement<[number, number], Row>;
  let one: SQLite.Statement<[number], Row>;
  try {
    const select = `select rowid as "row id", * from "${table}" not indexed`;
    many = database.prepare(`${select} where rowid between ? and ? order by rowid limit ${atOnce}`);
    // Does not look at the row after it, which may be on the next page.
    one = database.prepare(`${select} where rowid = ?`);
  } catch {
    places.count++;
    return;
  }
  const last = lastRowId(database, table);
  if (last === undefined) {
    places.count++;
    return;
  }
  // From the last to be read to the next.
  const ranges = [{ from: FIRST, to: last }];
  let lostUntil = -1;
  for (let range = ranges.pop(); range; range = ranges.pop()) {
    const { from, to } = range;
    if (from > to) continue;
    let rows: Row[];
    try {
      rows = from === to ? one.all(from) : many.all(from, to);
    } catch {
      if (from < to) {
        const middle = Math.floor((from + to) / 2);
        ranges.push({ from: middle + 1, to }, { from, to: middle });
      } else {
        if (lostUntil !== from - 1) places.count++;
        lostUntil = from;
      }
      continue;
    }
    if (rows.length === atOnce) ranges.push({ from: Number(rows.at(-1)?.["row id"]) + 1, to });
    if (rows.length > 0) yield rows;
  }
}

/** The tail's first place; SQLite itself begins with 1. */
const FIRST = 0;

/**
 * Where nothing tells how far the ids go. Each of them beyond the last row
 * costs a few microseconds.
 */
const FURTHEST = 2_000_000;

/** Undefined if no row can be found at all. */
function lastRowId(database: SQLite.Database, table: string): number | undefined {
  const ask = (how: string) =>
    Number(database.prepare(`select max(rowid) from "${table}" ${how}`).pluck().get() ?? 0);
  try {
    return ask("not indexed");
  } catch {
    if (isRootLost(database, table)) return undefined;
  }
  // The last page is a damaged one; an index has the ids, too.
  for (const name of indexesOf(database, table)) {
    try {
      return ask(`indexed by "${name}"`);
    } catch {
      // Nor can this one be read.
    }
  }
  return FURTHEST;
}

/**
 * Every way to a row leads over the first page of its table. To try each id without it takes a
 * minute for a table of none.
 */
function isRootLost(database: SQLite.Database, table: string): boolean {
  try {
    const type = database
      .prepare("select pagetype from dbstat where name = ? and path = '/'")
      .pluck()
      .get(table);
    return type === "corrupted";
  } catch {
    return false;
  }
}

function indexesOf(database: SQLite.Database, table: string): string[] {
  try {
    return database
      .prepare<[string], string>(
        "select name from sqlite_schema where type = 'index' and tbl_name = ? and coalesce(sql, '') not like '% where %'",
      )
      .pluck()
      .all(table);
  } catch {
    return [];
  }
}

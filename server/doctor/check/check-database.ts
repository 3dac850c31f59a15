import { sql } from "kysely";
import { toStorageError } from "../../db/engine/storage-errors.ts";
import { isLogAlone } from "../../db/engine/write-ahead-log.ts";
import { compareSchema, type SchemaState } from "../../db/migrate.ts";
import { openReadonly, type ReadonlyDatabase } from "../../db/open-readonly.ts";
import type { DatabaseSource } from "../../db/opened-database.ts";
import type { Reader } from "../../db/tables/schema.ts";
import { ChatError } from "../../errors.ts";
import { checkChats } from "./check-chats.ts";
import { countAll, type Engine } from "./find-faults.ts";
import { type Counts, counted, type Finding } from "./report.ts";

export interface DatabaseLook {
  findings: Finding[];
  /** Null: there is nothing that could be counted. */
  counts: Counts | null;
  damage: Damage;
}

/**
 * `indexes`: only what can be made anew from the tables; `schema`: tables or columns are not there,
 * so that the rows have to move into a new file; `pages`: words may be lost.
 */
export type Damage = "none" | "indexes" | "schema" | "pages";

/**
 * Reads the whole database and says what is wrong. Changes nothing and holds no lock that a
 * companion would wait for. Rejects with `ChatError` if the database cannot be asked at all (away,
 * locked, of a newer version).
 */
export async function checkDatabase(
  source: DatabaseSource,
  companionRuns: boolean,
): Promise<DatabaseLook> {
  if (source.engine === "sqlite" && isLogAlone(source.path)) {
    const what =
      "it is empty beside a write-ahead log that is not, so its newest words are in the log alone.";
    return { findings: [unreadable(what)], counts: null, damage: "pages" };
  }
  const look = openReadonly(source);
  if (!look) {
    const what = "There is no database yet; the first start makes it.";
    return {
      findings: [{ check: "integrity", severity: "note", what }],
      counts: null,
      damage: "none",
    };
  }
  try {
    return await lookInto(look.reader, source.engine, companionRuns);
  } catch (thrown) {
    const error = toStorageError(thrown);
    if (!(error instanceof ChatError) || error.code !== "storage_corrupt") throw error;
    return { findings: [unreadable(messageOf(thrown))], counts: null, damage: "pages" };
  } finally {
    await look.close();
  }
}

async function lookInto(
  reader: ReadonlyDatabase["reader"],
  engine: Engine,
  companionRuns: boolean,
): Promise<DatabaseLook> {
  const { missing, unknown, difference } = await compareSchema(reader);
  if (unknown.length > 0) {
    throw new ChatError(
      "database_unavailable",
      `This database was made by a newer Streamkeeper (it has ${unknown.join(", ")}). Nothing in it was changed.`,
      { hint: "Update Streamkeeper, or name another --database." },
    );
  }
  const pages = engine === "sqlite" ? await checkPages(reader) : WHOLE;
  // What the queries would find then is not to be relied on, not even with a bad index alone.
  if (pages.damage !== "none") return { ...pages, counts: null };
  const cutOff = cutOffUpgrade(missing, difference);
  if (cutOff) {
    const damage = missing.length === 0 ? "schema" : pages.damage;
    return { damage, findings: [...pages.findings, cutOff], counts: null };
  }
  if (missing.length > 0) {
    const what = `The next start brings the database to this version (${missing.join(", ")}); what is in it can be looked at then.`;
    const note = { check: "schema", severity: "note", what } as const;
    return { ...pages, findings: [...pages.findings, note], counts: null };
  }
  const chats = await checkChats(reader, engine, companionRuns);
  return { ...pages, findings: [...pages.findings, ...chats], counts: await countAll(reader) };
}

function cutOffUpgrade(
  missing: readonly string[],
  { surplus, lacking }: SchemaState["difference"],
): Finding | undefined {
  if (surplus.length + lacking.length === 0) return undefined;
  if (missing.length > 0) {
    return {
      check: "schema",
      severity: "problem",
      what: `An upgrade was cut off (${missing.join(", ")} not recorded, but ${someOf(surplus, lacking)}).`,
      what_to_do: "The next start finishes it, and so does `--repair`; no words are lost.",
    };
  }
  return {
    check: "schema",
    severity: "problem",
    what: `The database lacks parts of its own version: ${someOf(surplus, lacking)}.`,
    what_to_do: "`--repair` sets the file aside and brings its rows into a new one.",
  };
}

function someOf(surplus: readonly string[], lacking: readonly string[]): string {
  const all = [
    ...surplus.map((thing) => `${thing} is there`),
    ...lacking.map((thing) => `${thing} is not`),
  ];
  const shown = all.slice(0, SHOWN_LINES).join("; ");
  return all.length > SHOWN_LINES ? `${shown} and ${all.length - SHOWN_LINES} more` : shown;
}

type Pages = Pick<DatabaseLook, "findings" | "damage">;

const WHOLE: Pages = { findings: [], damage: "none" };

/** Complaints of SQLite about what can be made anew from the tables. */
const DERIVED =
  /missing from index|wrong # of entries in index|non-unique entry in index|inverted index for FTS5|^fts5: (?:corrupt|checksum)/;

async function checkPages(reader: Reader): Promise<Pages> {
  const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(reader);
  const said = rows.map(({ integrity_check }) => integrity_check).filter((line) => line !== "ok");
  if (said.length === 0) return WHOLE;
  if (!said.every((line) => DERIVED.test(line))) {
    return { findings: [unreadable(firstOf(said))], damage: "pages" };
  }
  return {
    findings: [
      {
        check: said.every((line) => /fts5/i.test(line)) ? "search_index" : "integrity",
        severity: "problem",
        what: `An index does not fit its table: ${firstOf(said)}`,
        what_to_do: "`--repair` builds it anew; no words are lost.",
      },
    ],
    damage: "indexes",
  };
}

const SHOWN_LINES = 3;

function firstOf(lines: readonly string[]): string {
  const more = lines.length - SHOWN_LINES;
  const shown = lines.slice(0, SHOWN_LINES).map((line) => line.replaceAll(/\s+/g, " "));
  return `${shown.join("; ")}${more > 0 ? ` and ${counted(more, "complaint")} more` : ""}.`;
}

function unreadable(details: string): Finding {
  return {
    check: "integrity",
    severity: "problem",
    what: `The database file is damaged: ${details}`,
    what_to_do:
      "`--repair` sets it aside and brings back what can be read; or go back to a backup with --restore FILE.",
  };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

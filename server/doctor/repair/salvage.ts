// Brings the chats of a damaged file into the current database. Nothing there is overwritten: of a
// chat that has gone on since, nothing is taken.

import { type Kysely, sql } from "kysely";
import { hashOfContent, removeUnusedBlobs } from "../../db/tables/attachments.ts";
import { beginEpoch } from "../../db/tables/epochs.ts";
import type { Database, Reader, Trx } from "../../db/tables/schema.ts";
import { DEFAULT_AGENT } from "../../domain/agents.ts";
import { ChatError } from "../../errors.ts";
import { parseJson } from "../../shared/json.ts";
import type { Engine } from "../check/find-faults.ts";
import { counted } from "../check/report.ts";
import { type DamagedFile, openDamaged, type Row } from "./read-damaged.ts";
import { type RepairDeps, recoveredSession, repairChats } from "./repair-chats.ts";

/**
 * In this order, so that what a row refers to is there before it; a table that is new has to be in
 * it. Its course of events is not this database's.
 */
const IN_ORDER = {
  sessions: true,
  turns: true,
  chunks: true,
  messages: true,
  tool_calls: true,
  plans: true,
  subtasks: true,
  summaries: true,
  offers: true,
  instructions: true,
  tool_rules: true,
  approval_rules: true,
  requests: true,
  queued_messages: true,
  blobs: true,
  attachments: true,
} as const satisfies Record<Exclude<keyof Database, "epochs" | "witnesses">, true>;
type Table = keyof typeof IN_ORDER;

/** On SQLite `chunks` is a view (`db/commit/tail.ts`); in older files it is the table. */
const LOGS = ["chunks", "settled_chunks"];

/** Where the rows of a table are kept in the current database. */
function nameIn(engine: Engine, table: Table): string {
  return table === "chunks" && engine === "sqlite" ? "settled_chunks" : table;
}
const TABLES = Object.keys(IN_ORDER) as Table[];

/** Columns that hold a JSON document. */
const JSON_COLUMNS = new Set(["payload", "metadata", "arguments", "body", "depends_on"]);

/**
 * Returns what it has done, in words. Rejects with `ChatError`, nothing changed, if the
 * file cannot be read at all.
 */
export async function salvage(deps: RepairDeps, path: string): Promise<string[]> {
  const file = openDamaged(path);
  try {
    const columns = await columnsOf(deps.reader);
    refuseNewer(await migrationsOf(deps.reader), file, path);
    const wentOn = await sessionsThatWentOn(deps.reader, path);
    const taken = new Map<Table, number>();
    const ends = new Map<unknown, number>();
    for (const table of TABLES) {
      const kept = columns.get(nameIn(deps.engine, table)) ?? [];
      for (const rows of rowsOf(file, table, ends)) {
        const wanted = rows
          .filter((row) => !wentOn.has(String(row[table === "sessions" ? "id" : "session_id"])))
          .map((row) => toRow(row, kept))
          .filter((row) => row !== undefined);
        const added = await store(deps, table, wanted);
        taken.set(table, (taken.get(table) ?? 0) + added);
      }
    }
    const count = (table: Table, noun: string) => counted(taken.get(table) ?? 0, noun);
    await deps.newUnitOfWork().commit("repair", removeUnusedBlobs);
    const repaired = await repairChats(deps);
    await beginNewEpoch(deps);
    return [
      `Brought back ${count("sessions", "session")}, ${count("messages", "message")} and ${count("chunks", "chunk")} from ${path}; ${counted(file.lostPlaces, "place")} in it could not be read.`,
      ...(wentOn.size === 0
        ? []
        : [
            `Left ${counted(wentOn.size, "session")} as they are, since they have gone on meanwhile.`,
          ]),
      ...repaired,
    ];
  } finally {
    file.close();
  }
}

/** `ends`: where the sessions' rows say that their logs end, as far as they have been read. */
function* rowsOf(file: DamagedFile, table: Table, ends: Map<unknown, number>): Generator<Row[]> {
  if (table === "chunks") {
    for (const name of LOGS) yield* file.rows(name);
    // What lies before was settled: it is in the log, compact by now perhaps.
    for (const rows of file.rows("tail")) {
      yield rows.filter(({ session_id, seq }) => Number(seq) > (ends.get(session_id) ?? 0));
    }
    return;
  }
  for (const rows of file.rows(table)) {
    if (table === "sessions") for (const { id, last_seq } of rows) ends.set(id, Number(last_seq));
    yield rows;
  }
}

/**
 * Whoever has read these chats before may have seen words that did not come back, under numbers
 * that will be given again.
 */
async function beginNewEpoch(deps: RepairDeps): Promise<void> {
  await deps.newUnitOfWork().commit("begin_epoch", (trx) => beginEpoch(trx, "salvaged"));
}

async function migrationsOf(reader: Reader): Promise<Set<unknown>> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(reader);
  return new Set(rows.map(({ name }) => name));
}

/** Its rows may mean something else by then. */
function refuseNewer(known: ReadonlySet<unknown>, file: DamagedFile, path: string): void {
  for (const rows of file.rows("kysely_migration")) {
    const newer = rows.find(({ name }) => !known.has(name));
    if (!newer) continue;
    throw new ChatError("database_unavailable", `${path} was written by a newer Streamkeeper.`, {
      hint: "Nothing was changed. Update Streamkeeper first.",
    });
  }
}

interface Column {
  name: string;
  isText: boolean;
  isNeeded: boolean;
  isNullable: boolean;
}

async function columnsOf(reader: Reader): Promise<Map<string, Column[]>> {
  const tables = await reader.introspection.getTables();
  return new Map(
    tables.map(({ name, columns }) => [
      name,
      columns
        // Numbered anew, together with the index of the search.
        .filter((column) => column.name !== "search_id")
        .map((column) => ({
          name: column.name,
          isText: column.dataType.toLowerCase() === "text",
          isNullable: column.isNullable,
          isNeeded: !column.isNullable && !column.hasDefaultValue,
        })),
    ]),
  );
}

/**
 * A row as this version stores it; undefined if it is noise. A file of an older
 * version lacks some columns.
 */
function toRow(row: Row, columns: readonly Column[]): Row | undefined {
  const kept: Row = {};
  for (const { name, isText, isNullable, isNeeded } of columns) {
    const value = row[name];
    if (value === undefined) {
      if (isNeeded) return undefined;
      continue;
    }
    if (value === null ? !isNullable : isText !== (typeof value === "string")) return undefined;
    if (typeof value === "number" && !Number.isSafeInteger(value)) return undefined;
    if (typeof value === "string" && JSON_COLUMNS.has(name) && parseJson(value) === undefined)
      return undefined;
    kept[name] = value;
  }
  return kept;
}

/**
 * Sessions that are in both and whose log in the database does not simply end earlier: chunks of
 * the file would get between those of another course of the conversation.
 */
async function sessionsThatWentOn(reader: Reader, path: string): Promise<Set<string>> {
  const { rows } = await sql<{
    session_id: string;
    seq: number;
    type: string;
    turn_id: string | null;
  }>`
    select chunks.session_id, seq, type, turn_id from chunks
    join sessions on sessions.id = chunks.session_id and sessions.last_seq = chunks.seq`.execute(
    reader,
  );
  const ends = new Map(rows.map((row) => [row.session_id, row]));
  if (ends.size === 0) return new Set();
  const same = new Set<string>();
  const file = openDamaged(path);
  for (const chunks of rowsOf(file, "chunks", new Map())) {
    for (const { session_id, seq, type, turn_id } of chunks) {
      const end = ends.get(String(session_id));
      if (end && end.seq === seq && end.type === type && end.turn_id === turn_id) {
        same.add(end.session_id);
      }
    }
  }
  file.close();
  return new Set([...ends.keys()].filter((id) => !same.has(id)));
}

const ROWS_PER_INSERT = 100;
const WITHOUT_SESSION: readonly Table[] = ["sessions", "subtasks", "blobs"];

/** Returns how many rows were not there yet. */
async function store(deps: RepairDeps, table: Table, rows: readonly Row[]): Promise<number> {
  let added = 0;
  for (let start = 0; start < rows.length; start += ROWS_PER_INSERT) {
    const part = rows.slice(start, start + ROWS_PER_INSERT);
    added += await deps.newUnitOfWork().commit("repair", async (trx) => {
      const rows = await whole(trx, table, part);
      if (rows.length === 0) return 0;
      if (!WITHOUT_SESSION.includes(table)) await makeParents(trx, table, rows);
      // The tables differ by their columns, which are those of the database itself (columnsOf).
      const untyped = trx as unknown as Kysely<Record<string, Row>>;
      const result = await untyped
        .insertInto(nameIn(deps.engine, table))
        .values(rows)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (table === "sessions") await goOnAfter(trx, part);
      return Number(result.numInsertedOrUpdatedRows ?? 0);
    });
  }
  return added;
}

/** Those that mean something by themselves, or with what is there already. */
async function whole(trx: Trx, table: Table, rows: readonly Row[]): Promise<readonly Row[]> {
  switch (table) {
    case "subtasks":
      return await withPlan(trx, rows);
    case "attachments":
      return await withContent(trx, rows);
    case "blobs":
      return rows.filter(({ hash, data }) => hash === hashOfContent(String(data)));
    default:
      return rows;
  }
}

async function withContent(trx: Trx, attachments: readonly Row[]): Promise<readonly Row[]> {
  const hashes = [...new Set(attachments.map((row) => String(row["hash"])))];
  const found = await trx.selectFrom("blobs").select("hash").where("hash", "in", hashes).execute();
  const there = new Set<unknown>(found.map(({ hash }) => hash));
  return attachments.filter((row) => there.has(row["hash"]));
}

/** A subtask without its plan says nothing. */
async function withPlan(trx: Trx, subtasks: readonly Row[]): Promise<readonly Row[]> {
  const plans = await trx
    .selectFrom("plans")
    .select("id")
    .where("id", "in", [...new Set(subtasks.map((row) => String(row["plan_id"])))])
    .execute();
  const ids = new Set<unknown>(plans.map(({ id }) => id));
  return subtasks.filter((row) => ids.has(row["plan_id"]));
}

/** A chat that ends earlier in the database gives its next chunk a number that nobody has seen. */
async function goOnAfter(trx: Trx, sessions: readonly Row[]): Promise<void> {
  for (const { id, last_seq } of sessions) {
    await trx
      .updateTable("sessions")
      .set({ last_seq: Number(last_seq) })
      .where("id", "=", String(id))
      .where("last_seq", "<", Number(last_seq))
      .execute();
  }
}

const WITH_TURN: readonly Table[] = ["chunks", "messages", "tool_calls", "plans"];

/**
 * The session and the turn of each row, empty if they could not be read: better a chat
 * without its name than none.
 */
async function makeParents(trx: Trx, table: Table, rows: readonly Row[]): Promise<void> {
  const now = Date.now();
  const sessions = new Set(rows.map((row) => String(row["session_id"])));
  await trx
    .insertInto("sessions")
    .values([...sessions].map((id) => recoveredSession(id, now)))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  if (!WITH_TURN.includes(table)) return;
  const turns = new Map<string, Row>();
  for (const row of rows) {
    const id = row["turn_id"];
    if (typeof id === "string" && !turns.has(id)) turns.set(id, row);
  }
  if (turns.size === 0) return;
  await trx
    .insertInto("turns")
    .values(
      [...turns].map(([id, row]) => ({
        id,
        session_id: String(row["session_id"]),
        status: "interrupted" as const,
        agent_type: DEFAULT_AGENT,
        model: "",
        after_seq: Math.max(Number(row["seq"] ?? row["position"] ?? 1) - 1, 0),
        started_at: now,
        ended_at: now,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

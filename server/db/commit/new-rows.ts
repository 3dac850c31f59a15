import { type InsertObject, isOperationNodeSource, sql } from "kysely";
import { messageInsert, type NewMessageRow } from "../tables/messages.ts";
import type { Database, Trx } from "../tables/schema.ts";
import { isPostgres } from "../tables/search.ts";
import { type Statement, together } from "../tables/together.ts";

/** Each refers to those before it. */
const TABLES = [
  "sessions",
  "offers",
  "instructions",
  "turns",
  "requests",
  "chunks",
  "messages",
] as const;
type Table = (typeof TABLES)[number];

/** Many turns of a session refer to one row of these, so it may be there. */
const SHARED: readonly Table[] = ["offers", "instructions"];

/** Rows that read nothing: they refer to each other, or to a session whose row is locked. */
export type NewRows = {
  readonly [T in Exclude<Table, "messages">]?: readonly InsertObject<Database, T>[];
} & { readonly messages?: readonly NewMessageRow[] };

type Row = Record<string, unknown>;

/** As statements, to be carried out `together` with others. */
export function insertsOf(trx: Trx, rows: NewRows): Statement[] {
  return TABLES.flatMap((table): Statement[] => {
    if (table === "messages") return (rows[table] ?? []).flatMap((row) => messageInsert(trx, row));
    const all: readonly Row[] = rows[table] ?? [];
    if (all.length === 0) return [];
    const columns = columnsOf(all);
    const values = all.map((row) => sql`(${sql.join(columns.map((name) => row[name] ?? null))})`);
    return [insertInto(table, columns, sql`values ${sql.join(values)}`)];
  });
}

/**
 * As one statement, which on Postgres has the same text for a hundred rows as for one, so that it
 * is read and planned a few times in all.
 */
export async function insertRows(trx: Trx, rows: NewRows): Promise<void> {
  const inserts = isPostgres(trx)
    ? TABLES.flatMap((table) => fromJson(table, rows[table]))
    : insertsOf(trx, rows);
  await together(trx, inserts);
}

export function joinRows(all: readonly NewRows[]): NewRows {
  return Object.fromEntries(
    TABLES.map((table) => [table, all.flatMap((rows): readonly Row[] => rows[table] ?? [])]),
  );
}

/** Characters of text. */
export function sizeOf(rows: NewRows): number {
  let size = 0;
  for (const row of TABLES.flatMap((table): readonly Row[] => rows[table] ?? [])) {
    for (const value of Object.values(row)) size += typeof value === "string" ? value.length : 0;
  }
  return size;
}

/** What the database computes, as its clock, is the same for all. */
function fromJson(table: Table, rows: readonly Row[] = []): Statement[] {
  const [first] = rows;
  if (!first) return [];
  const columns = columnsOf(rows);
  const selected = columns.map((name) => {
    const value = first[name];
    return isOperationNodeSource(value) ? sql`${value}` : sql.ref(name);
  });
  const json = JSON.stringify(rows, (_, value: unknown) => {
    if (isOperationNodeSource(value)) return undefined;
    // As the driver sends it otherwise: in JSON the server refuses half a character.
    return typeof value === "string" ? value.toWellFormed() : value;
  });
  const source = sql`json_populate_recordset(null::${sql.table(table)}, ${json}::json)`;
  return [insertInto(table, columns, sql`select ${sql.join(selected)} from ${source}`)];
}

function columnsOf(rows: readonly Row[]): string[] {
  const named = rows.flatMap((row) => Object.keys(row).filter((name) => row[name] !== undefined));
  return [...new Set(named)];
}

function insertInto(table: Table, columns: readonly string[], source: Statement) {
  const names = sql.join(columns.map((name) => sql.ref(name)));
  const unless = SHARED.includes(table) ? sql` on conflict do nothing` : sql``;
  return sql`insert into ${sql.table(table)} (${names}) ${source}${unless}`;
}

import type { Subject } from "../../server/db/commit/metering.ts";
import { RecentTransactions } from "../../server/db/commit/recent-transactions.ts";
import { SSEUnitOfWork, type UnitOfWorkDeps } from "../../server/db/commit/unit-of-work.ts";
import { openDatabase } from "../../server/db/open.ts";
import { type OpenedDatabase } from "../../server/db/opened-database.ts";
import { insertSession } from "../../server/db/tables/sessions.ts";
import { createMetrics, type Metrics } from "../../server/observe/metrics.ts";
import type { Engine, TestDatabase } from "./engines.ts";
import { memoryLog } from "./log.ts";

export interface OpenTestDatabase {
  database: OpenedDatabase;
  test: TestDatabase;
  deps: UnitOfWorkDeps;
  metrics: Metrics;
  lines: ReturnType<typeof memoryLog>["lines"];
  uow(subject?: Subject): SSEUnitOfWork;
}

/** Lends a migrated database with what a unit of work needs; closes and removes it. */
export async function withDatabase(
  engine: Engine,
  body: (open: OpenTestDatabase) => Promise<void>,
  slowSeconds = 0.1,
): Promise<void> {
  const test = await engine.create();
  const { log, lines } = memoryLog();
  const metrics = createMetrics("test");
  try {
    const database = await openDatabase(test.source, log);
    try {
      const recent = new RecentTransactions(slowSeconds);
      const { writer: db, commitGroup: group, appendLog, insertGroup, tail, health } = database;
      const deps = { db, group, appendLog, insertGroup, tail, health, metrics, log, recent };
      const uow = (subject?: Subject) => new SSEUnitOfWork(deps, subject);
      await body({ database, test, deps, metrics, lines, uow });
    } finally {
      await database.close();
    }
  } finally {
    await test.remove();
  }
}

export function newSession(id: string) {
  return { id, title: id, agent_type: "universal", model: null };
}

export async function sessionIds({ database }: OpenTestDatabase): Promise<string[]> {
  const rows = await database.reader.selectFrom("sessions").select("id").orderBy("id").execute();
  return rows.map((row) => row.id);
}

/** Stores a session through a unit of work of its own. */
export async function storeSession(open: OpenTestDatabase, id: string): Promise<void> {
  await open.uow().commit("create_session", (trx) => insertSession(trx, newSession(id)));
}

/** Value of one series, 0 if it is not there. */
export async function metric(
  metrics: Metrics,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const text = await metrics.registry.metrics();
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  const line = text
    .split("\n")
    .find(
      (row) => /^[^ {]+/.exec(row)?.[0] === name && wanted.every((label) => row.includes(label)),
    );
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(" ") + 1));
}

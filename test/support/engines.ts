// Every engine; a suite declares itself once for each: `for (const { engine, open }
// of ENGINES) describe(…)`.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSource } from "../../server/db/opened-database.ts";
import { dropDatabase, freshDatabase } from "./postgres.ts";

export interface TestDatabase {
  source: DatabaseSource;
  /** As the companion's `--database` takes it. */
  flag: string;
  /** Removes it. */
  remove(): Promise<void>;
}

export interface Engine {
  engine: "sqlite" | "postgres";
  /** A fresh, empty database of its own. */
  create(): Promise<TestDatabase>;
}

export const SQLITE: Engine = { engine: "sqlite", create: createSqlite };
export const POSTGRES: Engine = { engine: "postgres", create: createPostgres };
export const ENGINES: readonly Engine[] = [SQLITE, POSTGRES];

async function createSqlite(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), "streamkeeper-db-"));
  const path = join(folder, "test.db");
  return {
    source: { engine: "sqlite", path },
    flag: path,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function createPostgres(): Promise<TestDatabase> {
  const url = await freshDatabase();
  return { source: { engine: "postgres", url }, flag: url, remove: () => dropDatabase(url) };
}

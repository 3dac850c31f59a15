// What a Postgres on this machine does: CPU of all its processes as the kernel counts it, its log,
// its transactions. Linux only, as the bench is.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { childrenOf } from "../ha/patroni.ts";
import type { ThreadTime } from "./thread-times.ts";

export interface PostgresWork {
  seconds: number;
  /** Of cores. */
  cpu: number;
  /** Share of the time in which some process of it could have run and had no core. */
  waited: number;
  /** A second. */
  transactions: number;
  walBytes: number;
  /** Chunks that were stored, of which several deltas may make one. */
  chunks: number;
}

/** Looks twice, so many seconds apart. */
export async function workOf(url: string, seconds: number): Promise<PostgresWork> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ data_directory: string }>("show data_directory");
    const pid = postmasterOf(rows[0]?.data_directory ?? "");
    const before = await look(client, pid);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    const after = await look(client, pid);
    const passed = (after.at - before.at) / 1_000;
    const each = (key: "wal" | "xacts" | "chunks") => (after[key] - before[key]) / passed;
    const { ran, waited } = spentBy(before.processes, after.processes);
    return {
      seconds: passed,
      cpu: ran / 1_000 / passed,
      waited: waited / 1_000 / passed,
      transactions: each("xacts"),
      walBytes: each("wal"),
      chunks: each("chunks"),
    };
  } finally {
    await client.end();
  }
}

const SEGMENTS = 40;

/**
 * As on a server that has been up for a while, its log's next files are there: a new server makes
 * each of 16 MB anew, and all commits wait for that (24 ms, every few seconds).
 */
export async function makeLogFiles(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("create table written (n int)");
    for (let n = 0; n < SEGMENTS; n++) {
      await client.query("insert into written values (1)");
      await client.query("select pg_switch_wal()");
    }
    await client.query("drop table written");
    // Gives the old ones their new names.
    await client.query("checkpoint");
  } finally {
    await client.end();
  }
}

/** Its process, by what it writes into its data directory. */
export function postmasterOf(folder: string): string {
  const [pid = ""] = readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n");
  return pid;
}

/** By process. */
type ProcessTimes = ReadonlyMap<string, ThreadTime>;

export function processTimes(postmaster: string): ProcessTimes {
  return new Map(
    childrenOf(postmaster).map((id) => {
      const [ran = 0, waited = 0] = schedstat(id);
      return [id, { ran: ran / 1e6, waited: waited / 1e6 }];
    }),
  );
}

/** Of a process that ended meanwhile nothing is known. */
export function spentBy(before: ProcessTimes, after: ProcessTimes): ThreadTime {
  const sum = { ran: 0, waited: 0 };
  for (const [id, { ran, waited }] of after) {
    sum.ran += ran - (before.get(id)?.ran ?? 0);
    sum.waited += waited - (before.get(id)?.waited ?? 0);
  }
  return sum;
}

interface Look {
  at: number;
  processes: ProcessTimes;
  wal: number;
  xacts: number;
  chunks: number;
}

async function look(client: pg.Client, postmaster: string): Promise<Look> {
  const { rows } = await client.query<Record<"wal" | "xacts" | "chunks", string>>(`
    select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as wal,
      (select sum(xact_commit) from pg_stat_database) as xacts,
      (select sum(newest) from (
        select max(seq) as newest from chunks group by session_id) as logs) as chunks`);
  const [row] = rows;
  const processes = processTimes(postmaster);
  const { wal, xacts, chunks } = row ?? {};
  const numbers = { wal: Number(wal), xacts: Number(xacts), chunks: Number(chunks) };
  return { at: performance.now(), processes, ...numbers };
}

function schedstat(pid: string): number[] {
  try {
    return readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ").map(Number);
  } catch {
    return [];
  }
}

// What a Postgres on this machine does: CPU of all its processes as the kernel counts it, its log,
// its transactions. Linux only, as the bench is.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { childrenOf } from "../ha/patroni.ts";

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
    const folder = rows[0]?.data_directory ?? "";
    const [pid = ""] = readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n");
    const before = await look(client, pid);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    const after = await look(client, pid);
    const passed = (after.at - before.at) / 1_000;
    const each = (key: "wal" | "xacts" | "chunks") => (after[key] - before[key]) / passed;
    // Of a process that ended meanwhile nothing is known.
    const spent = (key: "ran" | "waited") =>
      Array.from(
        after.processes,
        ([id, did]) => did[key] - (before.processes.get(id)?.[key] ?? 0),
      ).reduce((sum, one) => sum + one, 0);
    return {
      seconds: passed,
      cpu: spent("ran") / 1_000 / passed,
      waited: spent("waited") / 1_000 / passed,
      transactions: each("xacts"),
      walBytes: each("wal"),
      chunks: each("chunks"),
    };
  } finally {
    await client.end();
  }
}

interface Look {
  at: number;
  /** Milliseconds, by process. */
  processes: Map<string, { ran: number; waited: number }>;
  wal: number;
  xacts: number;
  chunks: number;
}

async function look(client: pg.Client, postmaster: string): Promise<Look> {
  const { rows } = await client.query<Record<"wal" | "xacts" | "chunks", string>>(`
    select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as wal,
      (select sum(xact_commit) from pg_stat_database) as xacts,
      (select sum(last_seq) from sessions) as chunks`);
  const [row] = rows;
  const processes = new Map(
    childrenOf(postmaster).map((id) => {
      const [ran = 0, waited = 0] = schedstat(id);
      return [id, { ran: ran / 1e6, waited: waited / 1e6 }];
    }),
  );
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

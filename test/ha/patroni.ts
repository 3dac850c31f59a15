// A real cluster on this machine: etcd, three nodes of Patroni, Postgres with streaming
// replication. The programs are Debian's.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { freePort } from "../support/free-port.ts";
import { findBinaries } from "../support/postgres.ts";
import { type LaggingRelay, startLaggingRelay } from "./lagging-relay.ts";

const PACKAGES = "patroni etcd-server haproxy pgbouncer postgresql";

export interface PatroniNode {
  name: string;
  port: number;
  /** Of Patroni, which says who leads. */
  rest: number;
  isLeader(): Promise<boolean>;
  /** kill -9 of Postgres with all its processes, and of Patroni. */
  kill(): void;
  start(): void;
}

export interface PatroniCluster {
  nodes: readonly PatroniNode[];
  url(database: string): string;
  leader(): Promise<PatroniNode>;
  /** Resolves when a node leads and, in a synchronous cluster, has a synchronous standby. */
  healthy(): Promise<void>;
  query<R extends pg.QueryResultRow>(text: string, database?: string): Promise<R[]>;
  killEtcd(): void;
  startEtcd(): void;
  stop(): Promise<void>;
}

/** Says which packages are missing, in a command that brings them. */
export function missingPrograms(): string | undefined {
  const isThere = ["patroni", "etcd", "haproxy", "pgbouncer", "runuser"].every((name) =>
    (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, name))),
  );
  if (isThere && existsSync("/usr/lib/postgresql")) return undefined;
  return `apt-get install -y --no-install-recommends ${PACKAGES}`;
}

export async function startPatroni(
  home: string,
  { synchronous, lagMs }: { synchronous: boolean; lagMs?: number },
): Promise<PatroniCluster> {
  const bin = await findBinaries();
  if (bin === undefined) throw new Error("no Postgres");
  execFileSync("chown", ["postgres", home]);
  const [client, peer] = [await freePort(), await freePort()];
  const running = new Map<string, number>();
  const run = (name: string, command: string, args: readonly string[]): void => {
    const log = openSync(join(home, `${name}.log`), "a");
    const child = spawn(command, args, { stdio: ["ignore", log, log], detached: true });
    running.set(name, child.pid ?? 0);
  };
  const killGroup = (name: string): void => {
    const pid = running.get(name);
    running.delete(name);
    try {
      if (pid) process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  const startEtcd = (): void =>
    run("etcd", "etcd", [
      ...["--name", "e1", "--data-dir", join(home, "etcd")],
      ...["--listen-client-urls", `http://127.0.0.1:${client}`],
      ...["--advertise-client-urls", `http://127.0.0.1:${client}`],
      ...["--listen-peer-urls", `http://127.0.0.1:${peer}`],
      ...["--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`],
      ...["--initial-cluster", `e1=http://127.0.0.1:${peer}`],
    ]);

  startEtcd();
  const relays: LaggingRelay[] = [];
  const nodes: PatroniNode[] = [];
  for (const n of [1, 2, 3]) {
    const [port, rest] = [await freePort(), await freePort()];
    const relay = lagMs === undefined ? undefined : await startLaggingRelay(port, lagMs);
    if (relay) relays.push(relay);
    const data = join(home, `data${n}`);
    const file = join(home, `p${n}.yml`);
    writeFileSync(
      file,
      settings({
        n,
        port,
        reached: relay?.port ?? port,
        rest,
        data,
        home,
        bin,
        client,
        synchronous,
      }),
    );
    execFileSync("chown", ["postgres", file]);
    const name = `n${n}`;
    const node: PatroniNode = {
      name,
      port,
      rest,
      isLeader: () =>
        fetch(`http://127.0.0.1:${rest}/primary`, { signal: AbortSignal.timeout(1_000) }).then(
          ({ status }) => status === 200,
          () => false,
        ),
      kill() {
        const postmaster = join(data, "postmaster.pid");
        const pid = existsSync(postmaster) ? readFileSync(postmaster, "utf8").split("\n")[0] : "";
        killGroup(name);
        if (pid) for (const one of [...childrenOf(pid), pid]) killOne(Number(one));
        relay?.cut();
      },
      start: () => run(name, "runuser", ["-u", "postgres", "--", "patroni", file]),
    };
    nodes.push(node);
    node.start();
    await delay(2_000);
  }

  const cluster: PatroniCluster = {
    nodes,
    url: (database) =>
      `postgres://postgres:s@${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}/${database}?target_session_attrs=read-write`,
    async leader() {
      for (;;) {
        for (const node of nodes) if (await node.isLeader()) return node;
        await delay(50);
      }
    },
    async healthy() {
      const wanted = synchronous ? "sync_state in ('sync', 'quorum')" : "true";
      for (;;) {
        const rows = await cluster
          .query(`select 1 from pg_stat_replication where state = 'streaming' and ${wanted}`)
          .catch(() => []);
        const all = await cluster
          .query("select 1 from pg_stat_replication where state = 'streaming'")
          .catch(() => []);
        if (rows.length > 0 && all.length === 2) return;
        await delay(200);
      }
    },
    async query<R extends pg.QueryResultRow>(text: string, database = "postgres") {
      const { port } = await cluster.leader();
      const connectionString = `postgres://postgres:s@127.0.0.1:${port}/${database}`;
      const one = new pg.Client({ connectionString, query_timeout: 5_000 });
      one.on("error", () => {});
      await one.connect();
      try {
        return (await one.query<R>(text)).rows;
      } finally {
        await one.end();
      }
    },
    killEtcd: () => killGroup("etcd"),
    startEtcd,
    stop() {
      for (const node of nodes) node.kill();
      killGroup("etcd");
      for (const relay of relays) relay.close();
      return delay(500);
    },
  };
  await cluster.healthy();
  return cluster;
}

interface Settings {
  n: number;
  port: number;
  /** Where the other nodes find it. */
  reached: number;
  rest: number;
  data: string;
  home: string;
  bin: string;
  client: number;
  synchronous: boolean;
}

function settings(of: Settings): string {
  const { n, port, reached, rest, data, home, bin, client, synchronous } = of;
  return `scope: streamkeeper
name: n${n}
restapi: {listen: 127.0.0.1:${rest}, connect_address: 127.0.0.1:${rest}}
etcd3: {host: 127.0.0.1:${client}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 1
    retry_timeout: 3
    maximum_lag_on_failover: 10485760
    synchronous_mode: ${synchronous}
    postgresql:
      use_pg_rewind: true
      parameters: {max_connections: 200, wal_keep_size: 128MB, wal_log_hints: 'on'}
  initdb: [{encoding: UTF8}, {locale: C}, data-checksums]
  pg_hba: [host replication all 127.0.0.1/32 trust, host all all 127.0.0.1/32 trust, local all all trust]
postgresql:
  listen: 127.0.0.1:${port}
  connect_address: 127.0.0.1:${reached}
  data_dir: ${data}
  bin_dir: ${bin}
  pgpass: ${home}/pgpass${n}
  authentication:
    replication: {username: replicator, password: r}
    superuser: {username: postgres, password: s}
    rewind: {username: rewinder, password: w}
  parameters: {unix_socket_directories: '${home}'}
`;
}

/** Of Linux: this suite is Debian's. */
export function childrenOf(pid: string): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return new RegExp(`\\) \\S ${pid} `).test(readFileSync(`/proc/${name}/stat`, "utf8"));
    } catch {
      return false;
    }
  });
}

function killOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Folders of a run. */
export function makeHome(home: string): void {
  mkdirSync(home, { recursive: true, mode: 0o755 });
}

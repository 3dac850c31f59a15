import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Companion, createCompanion } from "./compose.ts";
import type { Config } from "./config.ts";
import { type LeaderLock, waitForLeaderLock } from "./db/engine/leader-lock.ts";
import { toStorageError } from "./db/engine/storage-errors.ts";
import { ChatError } from "./errors.ts";
import { createHttpServer, type HttpServer } from "./http/server.ts";
import {
  DataDirError,
  isAlive,
  LOCK_FILE,
  prepareDataDir,
  readOrMakeToken,
  readRuntimeFile,
  readToken,
  whoServes,
} from "./lifecycle/data-dir.ts";
import { freeBytesOf, refuseNetworkDrive } from "./lifecycle/file-system.ts";
import { setUpCollector } from "./lifecycle/garbage-collector.ts";
import { type IdleWatch, watchIdle } from "./lifecycle/idle.ts";
import { type KeptRuntimeFiles, keepRuntimeFiles } from "./lifecycle/runtime-files.ts";
import { createShutdown, within } from "./lifecycle/shutdown.ts";
import { createStdout } from "./lifecycle/stdout.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./observe/metrics.ts";
import { PROTOCOL_VERSION } from "./protocol/responses.ts";
import { watchWake } from "./shared/clock-watch.ts";
import { VERSION } from "./version.ts";

const EXIT_FAILED = 1;
/** A place that this configuration cannot use: trying again would not help. */
const EXIT_UNUSABLE = 2;
/** Another companion serves this data directory. */
const EXIT_TAKEN = 3;
/** With what the HTTP server needs below the bound of the whole shutdown. */
const MAX_DRAIN_MS = 2_500;
const MAX_CLOSE_MS = 800;

/** Runs until a signal or idleness ends it. Failures to start are one clear line on stderr. */
export async function runCompanion(config: Config): Promise<void> {
  // Files of ours are private whatever the mask of the shell that started us.
  process.umask(0o077);
  const { dataDir, database } = config;
  try {
    prepareDataDir(dataDir);
    refuseNetworkDrive(dataDir);
    if (database.engine === "sqlite") refuseNetworkDrive(dirname(database.path));
    const lock = await waitForLeaderLock(join(dataDir, LOCK_FILE), config.waitSeconds, () =>
      createLog("info").info("waits for the companion that runs to end"),
    );
    if (!lock) return refuse(config);
    await serve(config, lock);
  } catch (thrown) {
    const error = toStorageError(thrown);
    if (!(error instanceof DataDirError || error instanceof ChatError || isSystemError(error))) {
      throw thrown;
    }
    const hint = error instanceof ChatError && error.hint ? ` ${error.hint}` : "";
    process.stderr.write(`streamkeeper: ${error.message}${hint}\n`);
    process.exit(error instanceof DataDirError ? EXIT_UNUSABLE : EXIT_FAILED);
  }
}

/**
 * The same for each start on this data directory on this machine, and for no other, though
 * several have the same token; tells nothing of it.
 */
function installationId(dataDir: string, token: string): string {
  const place = `house ${hostname()} ${realpathSync(dataDir)} ${token}`;
  return createHash("sha256").update(place).digest("hex").slice(0, 16);
}

/** A port that is taken, a file that cannot be made. */
function isSystemError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && "syscall" in thrown;
}

function refuse({ dataDir, printUrl }: Config): void {
  const runtime = readRuntimeFile(dataDir);
  const runs = runtime !== undefined && isAlive(runtime.pid);
  const advice = runs
    ? ", which goes on with the flags that it was started with. To have others end that process first, or give another --data-dir."
    : ". Try again in a moment.";
  process.stderr.write(`streamkeeper: ${dataDir} is served by ${whoServes(dataDir)}${advice}\n`);
  // Only read: the directory is another's.
  const token = readToken(join(dataDir, "token"));
  if (printUrl && runs && token !== undefined) printAddress("runs", runtime, token);
  process.exitCode = EXIT_TAKEN;
}

function printAddress(
  state: "runs" | "is ready",
  { host, port }: { host: string; port: number },
  token: string,
): void {
  const urlHost = host.includes(":") ? `[${host}]` : host;
  process.stdout.write(`\n  Streamkeeper ${state}: http://${urlHost}:${port}/#token=${token}\n\n`);
}

async function serve(config: Config, lock: LeaderLock): Promise<void> {
  const { dataDir, host } = config;
  const token = readOrMakeToken(dataDir, "token");
  const metricsToken = readOrMakeToken(dataDir, "metrics_token");
  const log = createLog(config.logLevel, createStdout());
  const { database } = config;
  const metrics = createMetrics(VERSION, async () =>
    database.engine === "sqlite" ? await freeBytesOf(dirname(database.path)) : undefined,
  );
  const parts: Partial<Parts> = { lock };
  // Before there is anything to end, and before anyone can find it by its runtime file:
  // who finds it may end it.
  const shutdown = createShutdown({
    log,
    end: () => endInOrder(parts),
    mark: async () => await parts.companion?.chat.drain(),
  });
  const companion = await createCompanion(config, installationId(dataDir, token), log, metrics);
  parts.companion = companion;

  const startedAt = new Date().toISOString();
  let port = config.port;
  const http = createHttpServer({
    chat: companion.chat,
    metrics,
    log,
    token,
    metricsToken,
    bodyLimitBytes: config.bodyLimitBytes,
    maxReaders: config.maxReaders,
    version: VERSION,
    startedAt,
    host,
    port: () => port,
    onActivity: () => idle.touch(),
    onDrain(graceSeconds) {
      log.info({ grace_seconds: graceSeconds }, "draining");
      void within(graceSeconds * 1000, companion.chat.retire()).then(() =>
        shutdown.begin("drained"),
      );
    },
  });
  parts.http = http;
  companion.onWait((waiting) => http.readers.tellWaiting(waiting));
  const idle = watchIdle(config.idleExitSeconds, {
    isBusy: () => http.readers.count > 0 || companion.chat.runningTurns() > 0,
    onIdle: () => shutdown.begin("idle"),
  });
  parts.idle = idle;

  watchWake(({ missedMs }) => {
    log.warn({ missed_seconds: Math.round(missedMs / 1000) }, "slept, or the clock was set");
    http.readers.beat();
    void companion.wake(missedMs);
  });

  port = await listen(http, host, config.port);
  setUpCollector();
  const runtime = {
    pid: process.pid,
    host,
    port,
    version: VERSION,
    protocol: PROTOCOL_VERSION,
    started_at: startedAt,
  };
  parts.runtimeFiles = keepRuntimeFiles(
    dataDir,
    { runtime, token, metricsToken },
    join(dataDir, LOCK_FILE),
    {
      repaired: (file) => log.warn({ file }, "a file in the data directory was written again"),
      failed: (err) => log.warn({ err }, "a file in the data directory could not be written again"),
      gone: () => shutdown.begin("the data directory was removed"),
    },
  );
  log.info({ host, port, data_dir: dataDir, engine: database.engine, version: VERSION }, "ready");
  if (config.printUrl) printAddress("is ready", { host, port }, token);
}

/** What there is to end, as far as it has come into being. */
interface Parts {
  lock: LeaderLock;
  companion: Companion;
  http: HttpServer;
  idle: IdleWatch;
  runtimeFiles: KeptRuntimeFiles;
}

async function endInOrder({
  lock,
  companion,
  http,
  idle,
  runtimeFiles,
}: Partial<Parts>): Promise<void> {
  idle?.stop();
  runtimeFiles?.remove();
  http?.server.close();
  if (companion) await within(MAX_DRAIN_MS, companion.chat.drain());
  // Readers get the committed end of their turns before the connection closes.
  await delay(50);
  await http?.close();
  if (companion) await within(MAX_CLOSE_MS, companion.close());
  lock?.release();
}

function listen({ server }: HttpServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

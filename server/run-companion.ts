import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createCompanion } from "./compose.ts";
import type { Config } from "./config.ts";
import { takeLeaderLock } from "./db/leader-lock.ts";
import { ChatError } from "./errors.ts";
import { createHttpServer, type HttpServer } from "./http/server.ts";
import { createLog, type Log } from "./log.ts";
import { createMetrics } from "./metrics.ts";
import { PROTOCOL_VERSION } from "./protocol/responses.ts";
import {
  DataDirError,
  prepareDataDir,
  readOrMakeToken,
  readRuntimeFile,
  removeTraces,
  writeRuntimeFile,
  writeScrapeTarget,
} from "./runtime/data-dir.ts";
import { watchIdle } from "./runtime/idle.ts";
import { VERSION } from "./version.ts";

/** Another companion serves this data directory. */
const EXIT_TAKEN = 3;
const EXIT_FAILED = 1;
const HARD_EXIT_MS = 10_000;

/** Runs until a signal or idleness ends it. Failures to start are one clear line on stderr. */
export async function runCompanion(config: Config): Promise<void> {
  // Files of ours are private whatever the mask of the shell that started us.
  process.umask(0o077);
  const { dataDir } = config;
  try {
    prepareDataDir(dataDir);
    const lock = takeLeaderLock(join(dataDir, "server.lock.db"));
    if (!lock) return refuse(dataDir);
    await serve(config, lock);
  } catch (thrown) {
    if (!(thrown instanceof DataDirError || thrown instanceof ChatError || isListenError(thrown))) {
      throw thrown;
    }
    const hint = thrown instanceof ChatError && thrown.hint ? ` ${thrown.hint}` : "";
    process.stderr.write(`streamkeeper: ${thrown.message}${hint}\n`);
    process.exit(EXIT_FAILED);
  }
}

function isListenError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && "syscall" in thrown;
}

function refuse(dataDir: string): void {
  const runtime = readRuntimeFile(dataDir);
  const who = runtime
    ? `companion ${runtime.pid} at http://${runtime.host}:${runtime.port}`
    : "another companion that is just starting";
  process.stderr.write(`streamkeeper: ${dataDir} is served by ${who}.\n`);
  process.exitCode = EXIT_TAKEN;
}

async function serve(config: Config, lock: { release(): void }): Promise<void> {
  const { dataDir, host } = config;
  const token = readOrMakeToken(dataDir, "token");
  const metricsToken = readOrMakeToken(dataDir, "metrics_token");
  const log = createLog(config.logLevel);
  endOnUnexpected(log);
  const metrics = createMetrics(VERSION);
  const companion = await createCompanion(config, log, metrics);

  const startedAt = new Date().toISOString();
  let port = config.port;
  const idle = watchIdle(config.idleExitSeconds, {
    isBusy: () => http.readers.count > 0 || companion.chat.runningTurns() > 0,
    onIdle: () => void shutDown("idle"),
  });
  const http = createHttpServer({
    chat: companion.chat,
    metrics,
    log,
    token,
    metricsToken,
    bodyLimitBytes: config.bodyLimitBytes,
    version: VERSION,
    startedAt,
    host,
    port: () => port,
    onActivity: () => idle.touch(),
  });
  let ending = false;
  async function shutDown(reason: string): Promise<void> {
    if (ending) return;
    ending = true;
    setTimeout(() => process.exit(EXIT_FAILED), HARD_EXIT_MS).unref();
    log.info({ reason }, "stopping");
    idle.stop();
    removeTraces(dataDir);
    http.server.close();
    await companion.chat.drain();
    // Readers get the committed end of their turns before the connection closes.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await http.close();
    await companion.close();
    lock.release();
    log.info("stopped");
    process.exit(0);
  }
  // Before anyone can find it by its runtime file: who finds it may end it.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => void shutDown(signal));
  }

  port = await listen(http, host, config.port);

  const urlHost = host.includes(":") ? `[${host}]` : host;
  writeScrapeTarget(dataDir, `${urlHost}:${port}`);
  writeRuntimeFile(dataDir, {
    pid: process.pid,
    host,
    port,
    version: VERSION,
    protocol: PROTOCOL_VERSION,
    started_at: startedAt,
  });
  log.info({ host, port, data_dir: dataDir, engine: config.database.engine }, "ready");
  if (config.printUrl) {
    process.stdout.write(
      `\n  Streamkeeper is ready: http://${urlHost}:${port}/#token=${token}\n\n`,
    );
  }
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

/** A state that nobody foresaw is not one to go on in; the next start closes what was open. */
function endOnUnexpected(log: Log): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (err: unknown) => {
      log.fatal({ err }, event);
      process.exit(EXIT_FAILED);
    });
  }
}

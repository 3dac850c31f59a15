import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../config.ts";
import { waitForLeaderLock } from "../db/engine/leader-lock.ts";
import { toStorageError } from "../db/engine/storage-errors.ts";
import { UnmendableSchema } from "../db/migrate-sqlite.ts";
import type { DatabaseSource } from "../db/opened-database.ts";
import { ChatError } from "../errors.ts";
import {
  DataDirError,
  isAlive,
  LOCK_FILE,
  readRuntimeFile,
  whoServes,
} from "../lifecycle/data-dir.ts";
import { createLog, hideSecrets } from "../log.ts";
import { createMetrics } from "../observe/metrics.ts";
import { VERSION } from "../version.ts";
import { checkBackups } from "./check/check-backups.ts";
import { checkDatabase } from "./check/check-database.ts";
import { checkFiles } from "./check/check-files.ts";
import { problemsIn, type Report, toText } from "./check/report.ts";
import { DOCTOR_USAGE, type DoctorConfig, parseDoctorConfig } from "./doctor-config.ts";
import { makeBackup } from "./files/backups.ts";
import { asideFiles, markSalvaged } from "./files/set-aside.ts";
import { replaceDamaged } from "./open-or-replace.ts";
import { repairDatabase, repairFiles, withRepairDeps } from "./repair/repair.ts";
import { restore } from "./repair/restore.ts";
import { salvage } from "./repair/salvage.ts";

const EXIT_PROBLEMS = 1;
/** Nothing was looked at or changed; stderr says why. */
const EXIT_COULD_NOT_RUN = 3;

/** Resolves with the exit code; throws `ConfigError`. */
export async function startDoctor(args: readonly string[], env: Environment): Promise<number> {
  const config = parseDoctorConfig(args, env);
  if (config === "help") {
    process.stdout.write(`${DOCTOR_USAGE}\n`);
    return 0;
  }
  process.umask(0o077);
  try {
    const report = await runTask(config);
    process.stdout.write(config.json ? `${JSON.stringify(report)}\n` : toText(report));
    return report.ok ? 0 : EXIT_PROBLEMS;
  } catch (thrown) {
    const error = toStorageError(thrown);
    if (!(error instanceof ChatError || error instanceof DataDirError)) throw thrown;
    const hint = error instanceof ChatError && error.hint ? ` ${error.hint}` : "";
    process.stderr.write(`streamkeeper: ${error.message}${hint}\n`);
    return EXIT_COULD_NOT_RUN;
  }
}

async function runTask(config: DoctorConfig): Promise<Report> {
  const { task, dataDir, database } = config;
  refuseNothing(config);
  switch (task.mode) {
    case "look":
      return await look(config);
    case "backup":
      return await look(config, await backUp(dataDir, pathOf(database)));
    case "repair":
      return await underLock(config, async () => await look(config, await repair(config)));
    case "salvage":
      return await underLock(config, async () => {
        return await look(config, await bringBack(config, task.file));
      });
    case "restore":
      return await underLock(config, async () => {
        return await look(config, await restore({ dataDir, path: pathOf(database) }, task.file));
      });
  }
}

/** A place that was mistyped is not one where nothing is wrong. */
function refuseNothing({ dataDir, database }: DoctorConfig): void {
  if (existsSync(dataDir) || database.engine === "postgres" || existsSync(database.path)) return;
  throw new ChatError("not_found", `There is nothing at ${dataDir}.`, {
    hint: "Look at --data-dir and STREAMKEEPER_DATA_DIR; nothing was made there.",
  });
}

async function look(config: DoctorConfig, done: string[] = []): Promise<Report> {
  const { dataDir, database, task } = config;
  const runtime = readRuntimeFile(dataDir);
  // Whoever holds the lock knows that none does.
  const companionRuns =
    /^(?:look|backup)$/.test(task.mode) && runtime !== undefined && isAlive(runtime.pid);
  const files = await checkFiles(dataDir, database);
  const { findings, counts } = await checkDatabase(database, companionRuns);
  const all = [...files, ...findings, ...(await checkBackups(dataDir, database))];
  return {
    ok: problemsIn(all).length === 0,
    checked_at: new Date().toISOString(),
    version: VERSION,
    data_dir: dataDir,
    database: nameOf(database),
    counts,
    findings: all,
    done,
  };
}

async function backUp(dataDir: string, path: string): Promise<string[]> {
  if (!existsSync(path)) throw new ChatError("not_found", `There is no database ${path} yet.`);
  const backup = await makeBackup({ dataDir, path });
  return [`Made the backup ${backup.path}.`];
}

async function repair(config: DoctorConfig): Promise<string[]> {
  const { dataDir, database } = config;
  const files = repairFiles(dataDir, database);
  const { damage } = await checkDatabase(database, false);
  if (database.engine === "sqlite" && !existsSync(database.path) && damage === "none") return files;
  const target = { ...config, ...doctorDeps() };
  if (damage !== "pages" && damage !== "schema") {
    try {
      return [...files, ...(await repairDatabase(target, damage === "indexes"))];
    } catch (thrown) {
      if (!(thrown instanceof UnmendableSchema)) throw thrown;
      files.push(thrown.message);
    }
  }
  const name = replaceDamaged(dataDir, pathOf(database));
  return [
    ...files,
    `Set the damaged file aside as ${name}.`,
    ...(await salvageOrSay(config, name)),
  ];
}

/** The rest of the repair stands, whatever can be read. */
async function salvageOrSay(config: DoctorConfig, file: string): Promise<string[]> {
  try {
    return await bringBack(config, file);
  } catch (thrown) {
    if (thrown instanceof ChatError && thrown.code === "storage_corrupt") return [thrown.message];
    throw thrown;
  }
}

async function bringBack(config: DoctorConfig, file: string): Promise<string[]> {
  const { database } = config;
  if (!existsSync(file)) throw new ChatError("not_found", `There is no file ${file}.`);
  const done = await withRepairDeps({ ...config, ...doctorDeps() }, (deps) => salvage(deps, file));
  const isAside =
    database.engine === "sqlite" && asideFiles(database.path).some(({ path }) => path === file);
  // Nobody needs to be told of it any more.
  return isAside ? [...done, `The file is now ${markSalvaged(file)}.`] : done;
}

/** Of a SQLite file: for Postgres these tasks are refused with their flags. */
function pathOf(database: DatabaseSource): string {
  if (database.engine === "sqlite") return database.path;
  throw new ChatError("internal", "Postgres has no file.");
}

/** Nobody else writes meanwhile. Rejects with `DataDirError` if a companion does. */
async function underLock(
  { dataDir, waitSeconds }: DoctorConfig,
  work: () => Promise<Report>,
): Promise<Report> {
  if (!existsSync(dataDir)) throw new DataDirError(`${dataDir} does not exist.`);
  const lock = await waitForLeaderLock(join(dataDir, LOCK_FILE), waitSeconds);
  if (!lock) {
    const advice =
      waitSeconds === 0
        ? "stop it first, or wait for it with --wait SECONDS"
        : `it did not end within ${waitSeconds} s, so stop it first`;
    throw new DataDirError(
      `${dataDir} is served by ${whoServes(dataDir)}. Nothing was changed; ${advice}.`,
    );
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** The report says all that there is to say. */
function doctorDeps() {
  return { log: createLog("silent"), metrics: createMetrics(VERSION) };
}

function nameOf(database: DatabaseSource): string {
  return database.engine === "sqlite" ? database.path : hideSecrets(database.url);
}

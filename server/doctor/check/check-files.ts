import { existsSync, readdirSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { DatabaseSource } from "../../db/opened-database.ts";
import { isAlive, readRuntimeFile } from "../../lifecycle/data-dir.ts";
import { freeBytesOf } from "../../lifecycle/file-system.ts";
import { databaseFiles } from "../files/database-files.ts";
import { counted, type Finding } from "./report.ts";

/** Where the alert on a disk that fills up begins, too. */
const LITTLE_SPACE = 500e6;

const REPAIR = "`--repair` mends it.";

/** What is wrong around the database; reads names and modes, never the database itself. */
export async function checkFiles(dataDir: string, database: DatabaseSource): Promise<Finding[]> {
  if (!existsSync(dataDir)) {
    const what = `${dataDir} does not exist: no companion has run here yet.`;
    return [{ check: "data_directory", severity: "note", what }];
  }
  const findings: Finding[] = [];
  for (const { path, mode } of openFiles(dataDir, database)) {
    findings.push({
      check: "file_modes",
      severity: "problem",
      what: `${path} can be used by other users of this machine (mode ${mode.toString(8)}).`,
      what_to_do: REPAIR,
    });
  }
  const leftovers = leftoverFiles(dataDir);
  if (leftovers.length > 0) {
    findings.push({
      check: "leftover_files",
      severity: "note",
      what: `${counted(leftovers.length, "file")} of a process that ended in the middle of writing: ${leftovers.map((path) => basename(path)).join(", ")}.`,
      what_to_do: "`--repair` removes them.",
    });
  }
  const runtime = readRuntimeFile(dataDir);
  if (runtime && !isAlive(runtime.pid)) {
    findings.push({
      check: "leftover_files",
      severity: "note",
      what: `server.json names a companion that is gone (process ${runtime.pid}); the next start replaces it.`,
    });
  }
  const folder = database.engine === "sqlite" ? dirname(database.path) : dataDir;
  const free = await freeBytesOf(folder);
  if (free !== undefined && free < LITTLE_SPACE) {
    findings.push({
      check: "disk_space",
      severity: "problem",
      what: `The disk under ${folder} has ${Math.floor(free / 1e6)} MB left.`,
      what_to_do: "Free some space; on a full disk nothing more can be saved.",
    });
  }
  return findings;
}

/**
 * What other users can get at, with its mode. Windows has no modes; the
 * folder's rights guard it there.
 */
export function openFiles(
  dataDir: string,
  database: DatabaseSource,
): { path: string; mode: number; wanted: number }[] {
  if (process.platform === "win32") return [];
  const names = [
    "token",
    "metrics_token",
    "server.json",
    "server.lock.db",
    "database-suspect",
    "database-saved",
  ];
  const paths = [
    ...["", "logs", "prometheus", "backups"].map((name) => join(dataDir, name)),
    ...names.map((name) => join(dataDir, name)),
    ...filesIn(join(dataDir, "backups")),
    ...filesIn(dataDir).filter((path) => /\.(?:set-aside|replaced|salvaged|saved)-/.test(path)),
    ...(database.engine === "sqlite" ? databaseFiles(database.path) : []),
  ];
  return paths.flatMap((path) => {
    const stat = statOf(path);
    if (!stat || (stat.mode & 0o077) === 0) return [];
    return [{ path, mode: stat.mode & 0o777, wanted: stat.isDirectory() ? 0o700 : 0o600 }];
  });
}

/** Temporary files `NAME.PID.tmp` whose process is gone. */
export function leftoverFiles(dataDir: string): string[] {
  return ["", "prometheus", "backups"]
    .flatMap((name) => filesIn(join(dataDir, name)))
    .filter((path) => {
      const pid = /\.(\d+)\.tmp$/.exec(path)?.[1];
      return pid !== undefined && !isAlive(Number(pid));
    });
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name));
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

// The data directory: private to this user from the first byte on.
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { RuntimeFile } from "../protocol/responses.ts";

/** Something about the data directory that a person has to mend; one clear line. */
export class DataDirError extends Error {}

/** Makes the directory 0700, or checks that the one that is there is ours alone. */
export function prepareDataDir(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const stat = lstatSync(dataDir);
  if (!stat.isDirectory()) throw new DataDirError(`${dataDir} is not a directory (a link?).`);
  const uid = process.getuid?.();
  if (uid !== undefined && stat.uid !== uid) {
    throw new DataDirError(`${dataDir} belongs to another user; choose another --data-dir.`);
  }
  if (uid !== undefined && (stat.mode & 0o077) !== 0) chmodSync(dataDir, 0o700);
  for (const name of ["logs", "prometheus"]) {
    mkdirSync(join(dataDir, name), { recursive: true, mode: 0o700 });
  }
}

/** Tokens last as long as their file, so Prometheus and open browser tabs survive a restart. */
export function readOrMakeToken(dataDir: string, name: "token" | "metrics_token"): string {
  const path = join(dataDir, name);
  const kept = readToken(path);
  if (kept !== undefined) return kept;
  const token = randomBytes(32).toString("base64url");
  rmSync(path, { force: true });
  // `wx`: whatever appears in its place meanwhile (a link, a file with open rights) is refused.
  writePrivate(path, `${token}\n`, "wx");
  return token;
}

function readToken(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return undefined;
  const uid = process.getuid?.();
  if (!stat.isFile() || (uid !== undefined && (stat.uid !== uid || (stat.mode & 0o077) !== 0))) {
    return undefined;
  }
  const token = readFileSync(path, "utf8").trim();
  return /^[A-Za-z0-9_-]{43}$/.test(token) ? token : undefined;
}

function runtimePath(dataDir: string): string {
  return join(dataDir, "server.json");
}

/** Written when the companion is ready, so that clients find it. */
export function writeRuntimeFile(dataDir: string, runtime: RuntimeFile): void {
  replaceFile(runtimePath(dataDir), `${JSON.stringify(runtime)}\n`);
}

export function readRuntimeFile(dataDir: string): RuntimeFile | undefined {
  try {
    return RuntimeFile.parse(JSON.parse(readFileSync(runtimePath(dataDir), "utf8")));
  } catch {
    return undefined;
  }
}

/** Removes what a companion leaves for others, if it is still this one's. */
export function removeTraces(dataDir: string): void {
  if (readRuntimeFile(dataDir)?.pid !== process.pid) return;
  rmSync(runtimePath(dataDir), { force: true });
  rmSync(join(dataDir, "prometheus", "targets.json"), { force: true });
}

/** For Prometheus' file_sd: where to scrape, though the port is another each time. */
export function writeScrapeTarget(dataDir: string, target: string): void {
  const targets = [
    { targets: [target], labels: { job: "streamkeeper", pid: String(process.pid) } },
  ];
  replaceFile(join(dataDir, "prometheus", "targets.json"), `${JSON.stringify(targets)}\n`);
}

/** Readers see the old file or the new one, never a part. */
function replaceFile(path: string, content: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  writePrivate(temporary, content, "wx");
  renameSync(temporary, path);
}

function writePrivate(path: string, content: string, flag: "wx"): void {
  const file = openSync(path, flag, 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

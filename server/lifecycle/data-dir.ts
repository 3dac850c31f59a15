// The data directory: private to this user from the first byte on.
import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { RuntimeFile } from "../protocol/responses.ts";

/** Held by the one companion of the directory, and by whoever mends what is in it. */
export const LOCK_FILE = "server.lock.db";

/** Something about the data directory that a person has to mend; one clear line. */
export class DataDirError extends Error {}

/** Makes the directory 0700, or checks that the one that is there is ours alone. */
export function prepareDataDir(dataDir: string): void {
  refuseUnwritable(dataDir);
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

const UNWRITABLE = new Set(["EROFS", "EACCES", "EPERM"]);

function refuseUnwritable(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    accessSync(dataDir, constants.W_OK);
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && UNWRITABLE.has(String(thrown.code)))) {
      throw thrown;
    }
    throw new DataDirError(
      `${dataDir} cannot be written (${String(thrown.code)}: ${thrown.code === "EROFS" ? "a read-only file system" : "no permission"}). Nothing was changed; make it writable or choose another --data-dir.`,
    );
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

/** Undefined if there is none, or one that others could read or have made. */
export function readToken(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return undefined;
  const uid = process.getuid?.();
  if (!stat.isFile() || (uid !== undefined && (stat.uid !== uid || (stat.mode & 0o077) !== 0))) {
    return undefined;
  }
  const token = readFileSync(path, "utf8").trim();
  return /^[A-Za-z0-9_-]{43}$/.test(token) ? token : undefined;
}

/** What the companion of this directory said of itself; it may be gone since. */
export function readRuntimeFile(dataDir: string): RuntimeFile | undefined {
  try {
    return RuntimeFile.parse(JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")));
  } catch {
    return undefined;
  }
}

/** For people: who holds the directory's lock. */
export function whoServes(dataDir: string): string {
  const runtime = readRuntimeFile(dataDir);
  return runtime && isAlive(runtime.pid)
    ? `companion ${runtime.pid} at http://${runtime.host}:${runtime.port} (version ${runtime.version})`
    : "another companion that is just starting or ending";
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Readers see the old file or the new one, never a part. */
export function replaceFile(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
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

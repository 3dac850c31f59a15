// What the companion leaves in its data directory for clients of the same user.

import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { RuntimeFile } from "../../server/protocol/responses.ts";
import { parseJson } from "../../server/shared/json.ts";
import { Problem } from "../problem.ts";

const MAX_BYTES = 64 * 1024;

export interface RuntimeFiles {
  runtime: RuntimeFile;
  token: string;
}

/**
 * Undefined when no companion has left both its runtime file and its token;
 * what is there may be stale.
 */
export async function readRuntimeFiles(dataDir: string): Promise<RuntimeFiles | undefined> {
  const [runtime, token] = await Promise.all([
    readPrivate(join(dataDir, "server.json")),
    readPrivate(join(dataDir, "token")),
  ]);
  if (runtime === undefined || token === undefined) return undefined;
  const parsed = RuntimeFile.safeParse(parseJson(runtime));
  const trimmed = token.trim();
  return parsed.success && trimmed ? { runtime: parsed.data, token: trimmed } : undefined;
}

export async function makeDataDirectory(dataDir: string): Promise<void> {
  await mkdir(join(dataDir, "logs"), { recursive: true, mode: 0o700 });
}

/** Content of a file that only this user can read and write; rejects if another could have, too. */
async function readPrivate(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    // O_NONBLOCK: a FIFO put in the file's place must not hang us.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    file = await open(path, flags);
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT") return undefined;
    throw Problem.ours("data_directory_unsafe", `${path} cannot be read`, { cause: thrown });
  }
  try {
    const stat = await file.stat();
    const uid = process.getuid?.();
    const foreign = uid !== undefined && (stat.uid !== uid || (stat.mode & 0o077) !== 0);
    if (!stat.isFile() || foreign || stat.size > MAX_BYTES) {
      throw Problem.ours("data_directory_unsafe", `${path} is not a private file of this user`);
    }
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

export function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return String(thrown.code);
}

// A companion that meets a damaged place goes on, since most chats may be well; the next
// start checks the whole file.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../../lifecycle/data-dir.ts";

const MARKER = "database-suspect";

/** Has the next start check this file. */
export function markSuspect(dataDir: string, path: string): void {
  replaceFile(join(dataDir, MARKER), `${path}\n`);
}

export function isSuspect(dataDir: string, path: string): boolean {
  const marker = join(dataDir, MARKER);
  return existsSync(marker) && readFileSync(marker, "utf8").trim() === path;
}

export function clearSuspect(dataDir: string): void {
  rmSync(join(dataDir, MARKER), { force: true });
}

// A database whose files are deleted or replaced goes on in the files that this process holds open,
// and all of it is gone when they are closed: whatever it acknowledges is worth nothing.
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { type Damage, watchWalContent } from "./wal-content.ts";

const LOOK_MS = 400;
const MAGIC = "SQLite format 3\0";

/**
 * `what` has happened to which file; `was` is the identity of the main one before; `isMain`:
 * its bytes are others now.
 */
export interface FilesTaken extends Damage {
  was: string;
}

/** With what the process still has open: `save` copies all of it to an empty file. */
export interface Taken extends FilesTaken {
  save(target: string): Promise<void>;
}

/** `onTaken` is called once. Stop it after the database is closed. */
export function watchFiles(path: string, onTaken: (taken: FilesTaken) => void): { stop(): void } {
  // Closing any handle of a file frees the locks that SQLite holds on it, so this one stays
  // open as long as SQLite's.
  const main = openSync(path, "r");
  const content = watchWalContent(path, main);
  const known = new Map<string, string>();
  const look = (): Damage | undefined => {
    for (const suffix of ["", "-wal", "-shm"]) {
      const is = identityOf(path + suffix);
      const was = known.get(suffix);
      if (was === undefined && is !== undefined) known.set(suffix, is);
      if (was === undefined || is === was) continue;
      const how = is === undefined ? "deleted or moved" : "replaced";
      return { what: `${path}${suffix} was ${how}`, isMain: false };
    }
    if (magicOf(main) !== MAGIC) return { what: `${path} was overwritten`, isMain: true };
    return content.look();
  };
  look();
  const timer = setInterval(() => {
    const damage = look();
    if (damage === undefined) return;
    clearInterval(timer);
    onTaken({ ...damage, was: known.get("") ?? "" });
  }, LOOK_MS);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      content.close();
      closeSync(main);
    },
  };
}

/** Tells a file from another that comes in its place. */
export function identityOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat && `${stat.dev}:${stat.ino}`;
}

function magicOf(file: number): string {
  const bytes = Buffer.alloc(MAGIC.length);
  const length = readSync(file, bytes, 0, bytes.length, 0);
  return bytes.toString("latin1", 0, length);
}

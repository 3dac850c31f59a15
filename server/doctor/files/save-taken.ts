// A database whose files were taken away while a companion ran: what that still held is saved
// beside it, and the next start puts it back where that takes nobody's place.
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { identityOf, type Taken } from "../../db/engine/file-watch.ts";
import { replaceFile } from "../../lifecycle/data-dir.ts";
import type { Log } from "../../log.ts";
import { copyDatabase } from "./copy-in-process.ts";
import { databaseFiles } from "./database-files.ts";
import { setAside } from "./set-aside.ts";
import { toStamp } from "./stamp.ts";

const MARKER = "database-saved";

const SETTLED_MS = 1_000;
const MAX_LOOKS = 60;

/**
 * What the next start has to know, a line each: `was` is the file that was open, to tell it from
 * another in its place; `what` is in the saved one.
 */
interface Marker {
  path: string;
  saved: string;
  was: string;
  what: string;
}

/** `all` that was shown, or only the database that somebody `put` over ours. */
export interface SavedTaken {
  saved: string;
  what: "all" | "put";
}

interface Place {
  dataDir: string;
  path: string;
}

/** Returns where it is saved; undefined, and said in the log, if it could not be. */
export async function saveTaken(
  { dataDir, path }: Place,
  taken: Taken,
  log: Log,
): Promise<SavedTaken | undefined> {
  const { what, was, save, isMain } = taken;
  try {
    const saved = freeName(`${path}.saved-${toStamp(new Date())}`);
    // SQLite would make it readable for everybody; an empty file it fills.
    closeSync(openSync(saved, "wx", 0o600));
    let kept: SavedTaken["what"] = "all";
    try {
      await save(saved);
    } catch (thrown) {
      for (const file of databaseFiles(saved)) rmSync(file, { force: true });
      if (!isMain) throw thrown;
      await copyPut(path, saved);
      kept = "put";
    }
    replaceFile(join(dataDir, MARKER), `${[path, saved, was, kept].join("\n")}\n`);
    if (kept === "all") {
      log.error({ path, what, saved }, "the database was taken away; all that was shown is saved");
    } else {
      log.error({ path, what, saved }, "another database was copied over ours; that one is saved");
    }
    return { saved, what: kept };
  } catch (err) {
    log.error({ err, path, what }, "the database was taken away, and could not be saved");
    return undefined;
  }
}

/**
 * What somebody copied over our database, without our log: SQLite would write the one into the
 * other when it is closed. Rejects if that is no sound database.
 */
async function copyPut(path: string, target: string): Promise<void> {
  const seen = () => {
    const { size, mtimeMs } = statSync(path);
    return `${size}:${mtimeMs}`;
  };
  for (let looks = 0, last = ""; looks < MAX_LOOKS && last !== seen(); looks += 1) {
    last = seen();
    await setTimeout(SETTLED_MS);
  }
  if (statSync(path).size === 0) throw new Error("it is empty");
  const alone = `${target}.copied`;
  try {
    copyFileSync(path, alone, constants.COPYFILE_EXCL);
    await copyDatabase(alone, target);
  } catch (thrown) {
    for (const file of databaseFiles(target)) rmSync(file, { force: true });
    throw thrown;
  } finally {
    for (const file of databaseFiles(alone)) rmSync(file, { force: true });
  }
}

/** At a start, before anything opens the database. */
export function putBack({ dataDir, path }: Place, log: Log): void {
  const marker = readMarker(dataDir);
  if (marker?.path !== path) return;
  const { saved, was, what } = marker;
  if (existsSync(saved)) {
    const now = identityOf(path);
    if (now === undefined || now === was || statSync(path).size === 0) {
      const isThere = databaseFiles(path).some((file) => existsSync(file));
      // Ours and what was put over it are mixed there: what can be read of it is for the salvage.
      const kept = isThere ? setAside(path, what === "put" ? "set-aside" : "replaced") : null;
      renameSync(saved, path);
      if (what === "put") {
        log.warn({ path, kept }, "the database that was copied over ours has its place now");
      } else {
        log.warn(
          { path, kept },
          "the database that was taken away is back, with all that was shown",
        );
      }
    } else {
      const name = freeName(saved.replace(".saved-", ".set-aside-"));
      renameSync(saved, name);
      log.warn(
        { path, saved: name },
        "another database took the place of the one that was taken away; both are kept",
      );
    }
  }
  rmSync(join(dataDir, MARKER), { force: true });
}

function readMarker(dataDir: string): Marker | undefined {
  const file = join(dataDir, MARKER);
  if (!existsSync(file)) return undefined;
  const [path = "", saved = "", was = "", what = ""] = readFileSync(file, "utf8").split("\n");
  return { path, saved, was, what };
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let n = 2; databaseFiles(name).some((file) => existsSync(file)); n++) {
    name = `${wanted}-${n}`;
  }
  return name;
}

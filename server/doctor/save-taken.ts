// A database whose files were taken away while a companion ran: what that still held is saved beside it, and the next
// start puts it back where that takes nobody's place.
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { identityOf, type Taken } from "../db/engine/file-watch.ts";
import { replaceFile } from "../lifecycle/data-dir.ts";
import type { Log } from "../log.ts";
import { databaseFiles } from "./database-files.ts";
import { setAside } from "./set-aside.ts";
import { toStamp } from "./stamp.ts";

const MARKER = "database-saved";

/** What the next start has to know, a line each: `was` is the file that was open, to tell it from another in its place. */
interface Marker {
  path: string;
  saved: string;
  was: string;
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
): Promise<string | undefined> {
  const { what, was, save } = taken;
  try {
    const saved = freeName(`${path}.saved-${toStamp(new Date())}`);
    // SQLite would make it readable for everybody; an empty file it fills.
    closeSync(openSync(saved, "wx", 0o600));
    try {
      await save(saved);
    } catch (thrown) {
      for (const file of databaseFiles(saved)) rmSync(file, { force: true });
      throw thrown;
    }
    replaceFile(join(dataDir, MARKER), `${[path, saved, was].join("\n")}\n`);
    log.error({ path, what, saved }, "the database was taken away; all that was shown is saved");
    return saved;
  } catch (err) {
    log.error({ err, path, what }, "the database was taken away, and could not be saved");
    return undefined;
  }
}

/** At a start, before anything opens the database. */
export function putBack({ dataDir, path }: Place, log: Log): void {
  const marker = readMarker(dataDir);
  if (marker?.path !== path) return;
  const { saved, was } = marker;
  if (existsSync(saved)) {
    const now = identityOf(path);
    if (now === undefined || now === was || statSync(path).size === 0) {
      const isThere = databaseFiles(path).some((file) => existsSync(file));
      const kept = isThere ? setAside(path, "replaced") : null;
      renameSync(saved, path);
      log.warn({ path, kept }, "the database that was taken away is back, with all that was shown");
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
  const [path = "", saved = "", was = ""] = readFileSync(file, "utf8").split("\n");
  return { path, saved, was };
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let n = 2; databaseFiles(name).some((file) => existsSync(file)); n++) {
    name = `${wanted}-${n}`;
  }
  return name;
}

import { existsSync } from "node:fs";
import { isLogAlone } from "../db/engine/write-ahead-log.ts";
import { type Notices, openDatabase } from "../db/open.ts";
import {
  type DatabaseSource,
  type Durability,
  type OpenedDatabase,
} from "../db/opened-database.ts";
import { ChatError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../observe/metrics.ts";
import { checkDatabase, type Damage } from "./check/check-database.ts";
import { listBackups } from "./files/backups.ts";
import { putBack, saveTaken } from "./files/save-taken.ts";
import { asideFiles, isOurs, setAside } from "./files/set-aside.ts";
import { clearSuspect, isSuspect, markSuspect } from "./files/suspect.ts";
import { repairDatabase } from "./repair/repair.ts";

interface Opening {
  dataDir: string;
  database: DatabaseSource;
  durability: Durability;
}

/**
 * Opens the database; a SQLite file that cannot be read is set aside under a dated name and an
 * empty one takes its place, so that work can go on. Rejects with `ChatError` if it cannot be
 * opened for another reason, or is not ours to move. Call it under the leader lock.
 */
export async function openOrReplace(
  opening: Opening,
  deps: { log: Log; metrics: Metrics },
): Promise<OpenedDatabase> {
  const { dataDir, database, durability } = opening;
  const { log } = deps;
  if (database.engine === "postgres") return await openDatabase(database, log, durability);
  const { path } = database;
  const onDamage = (err: unknown) => {
    if (isSuspect(dataDir, path)) return;
    log.error({ err, path }, "a damaged place of the database was met; the next start checks it");
    markSuspect(dataDir, path);
  };
  const onTaken: Notices["onTaken"] = (taken) => saveTaken({ dataDir, path }, taken, log);
  const open = () => openDatabase(database, log, durability, { onDamage, onTaken });

  putBack({ dataDir, path }, log);
  if (isLogAlone(path)) replace(opening, log);
  if (existsSync(path) && isSuspect(dataDir, path)) {
    const damage = await checkAgain(opening, deps);
    if (damage === "pages") replace(opening, log);
    else clearSuspect(dataDir);
  }
  try {
    return await open();
  } catch (thrown) {
    if (!(thrown instanceof ChatError) || thrown.code !== "storage_corrupt") throw thrown;
    replace(opening, log, thrown);
    return await open();
  }
}

async function checkAgain(opening: Opening, deps: { log: Log; metrics: Metrics }): Promise<Damage> {
  const { damage } = await checkDatabase(opening.database, false);
  if (damage === "indexes") await repairDatabase({ ...opening, ...deps }, true);
  return damage;
}

function replace({ dataDir, database }: Opening, log: Log, cause?: ChatError): void {
  if (database.engine !== "sqlite") return;
  const { path } = database;
  const name = replaceDamaged(dataDir, path, cause);
  log.warn(
    { path, set_aside: name, err: cause },
    "the database could not be read and was set aside",
  );
}

/**
 * Makes room for an empty database and returns the name of the damaged one. Throws `ChatError`
 * if that may not be ours.
 */
export function replaceDamaged(dataDir: string, path: string, cause?: ChatError): string {
  if (!isOurs(path, dataDir)) {
    throw new ChatError("storage_corrupt", `${path} is damaged, or no database of Streamkeeper.`, {
      cause,
      hint: "It was left as it is. Start with another --database.",
    });
  }
  clearSuspect(dataDir);
  return setAside(path, "set-aside");
}

/**
 * What `/readyz` tells of the newest file that was set aside and is still there,
 * with the backup before it.
 */
export function setAsideOf(
  dataDir: string,
  database: DatabaseSource,
): { path: string; backup_at: string | null } | null {
  if (database.engine === "postgres") return null;
  const [newest] = asideFiles(database.path);
  if (!newest) return null;
  const backup = listBackups(dataDir).find(({ at }) => at <= newest.at);
  return { path: newest.path, backup_at: backup?.at.toISOString() ?? null };
}

import { basename } from "node:path";
import { toStorageError } from "../../db/engine/storage-errors.ts";
import type { DatabaseSource } from "../../db/opened-database.ts";
import { ChatError } from "../../errors.ts";
import { newestBackup } from "../files/backups.ts";
import { asideFiles } from "../files/set-aside.ts";
import { checkDatabase, type Damage } from "./check-database.ts";
import type { Finding } from "./report.ts";

/**
 * Whether there is a way back: the newest backup can be read, and what was set
 * aside. Postgres has its own.
 */
export async function checkBackups(dataDir: string, database: DatabaseSource): Promise<Finding[]> {
  if (database.engine === "postgres") return [];
  const findings: Finding[] = asideFiles(database.path).map(({ path }) => ({
    check: "backups",
    severity: "note",
    what: `${path} could not be read and was set aside; it is there until you delete it.`,
    what_to_do: `\`--salvage ${path}\` brings back what can be read, --restore FILE a backup.`,
  }));
  const newest = newestBackup(dataDir);
  if (newest && (await damageOf(newest.path)) !== "none") {
    findings.push({
      check: "backups",
      severity: "problem",
      what: `The newest backup, ${basename(newest.path)}, is damaged.`,
      what_to_do: "Delete it and make another with `--backup`; look at the disk.",
    });
  }
  return findings;
}

async function damageOf(path: string): Promise<Damage> {
  try {
    const { damage } = await checkDatabase({ engine: "sqlite", path }, false);
    return damage;
  } catch (thrown) {
    const error = toStorageError(thrown);
    // A database that cannot be asked at all is no backup either.
    if (error instanceof ChatError) return "pages";
    throw thrown;
  }
}

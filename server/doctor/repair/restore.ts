import { existsSync, renameSync, rmSync } from "node:fs";
import { ChatError } from "../../errors.ts";
import { epochIsDue } from "../../lifecycle/witness-file.ts";
import { checkDatabase } from "../check/check-database.ts";
import { copyDatabase } from "../files/copy-in-process.ts";
import { databaseFiles } from "../files/database-files.ts";
import { hasOurMark, setAside } from "../files/set-aside.ts";
import { clearSuspect } from "../files/suspect.ts";

/**
 * Puts a copy of a backup in the place of the database at `path`, which keeps its file under
 * another name; the backup stays where it is. Returns what it has done, in words. Rejects with
 * `ChatError`, nothing changed, if the backup cannot be read whole. Call it under the leader lock.
 */
export async function restore(
  { dataDir, path }: { dataDir: string; path: string },
  backup: string,
): Promise<string[]> {
  if (!existsSync(backup)) {
    throw new ChatError("not_found", `${backup} does not exist. Nothing was changed.`);
  }
  if (!hasOurMark(backup)) {
    throw new ChatError(
      "invalid_request",
      `${backup} is no backup of Streamkeeper's. Nothing was changed.`,
    );
  }
  const { damage, findings } = await checkDatabase({ engine: "sqlite", path: backup }, false);
  if (damage !== "none") {
    throw new ChatError("storage_corrupt", `${backup} is damaged. Nothing was changed.`, {
      hint: findings[0]?.what ?? "",
    });
  }
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await copyDatabase(backup, temporary);
    const words = databaseFiles(path).some((file) => existsSync(file))
      ? [`Kept what was there as ${setAside(path, "replaced")}.`]
      : [];
    // Before it is in place: a restore that is cut off begins an epoch too many, never one too few.
    epochIsDue(dataDir, path);
    renameSync(temporary, path);
    clearSuspect(dataDir);
    return [...words, `Restored ${backup}.`];
  } finally {
    for (const file of databaseFiles(temporary)) rmSync(file, { force: true });
  }
}

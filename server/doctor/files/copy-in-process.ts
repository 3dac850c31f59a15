import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isLogAlone } from "../../db/engine/write-ahead-log.ts";
import { ChatError } from "../../errors.ts";
import { programFile } from "../../program-file.ts";

/**
 * Copies a SQLite database, which others may write meanwhile, to a file that does not exist yet;
 * resolves once the copy is checked and on the disk. A process of its own does it, since it reads
 * and writes the whole file. Rejects with `ChatError` in the words of that process.
 */
export async function copyDatabase(
  path: string,
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  if (isLogAlone(path)) {
    throw new ChatError("storage_corrupt", `${path} is empty beside a log that is not.`);
  }
  // SQLite would make it readable for everybody; an empty file it fills.
  closeSync(openSync(target, "wx", 0o600));
  const script = fileURLToPath(programFile("copy-database", import.meta.url));
  const child = spawn(process.execPath, [script, path, target], {
    stdio: ["ignore", "ignore", "pipe"],
    ...(signal ? { signal, killSignal: "SIGKILL" as const } : {}),
  });
  let said = "";
  child.stderr.on("data", (data: Buffer) => {
    said += data.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) {
    throw new ChatError("internal", `The copy failed (${code}): ${said.trim().slice(-500)}`);
  }
}

// Of the windows that know of a chat one tells of it: the process that stands in the chat's
// file, as long as it runs.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface TellingWindow {
  /** Whether it is this one, from now on if it was none. */
  holds(sessionId: string): Promise<boolean>;
  release(sessionId: string): Promise<void>;
}

export function createTellingWindow(folder: string, pid = process.pid): TellingWindow {
  const fileOf = (sessionId: string): string => join(folder, encodeURIComponent(sessionId));
  const holder = async (file: string): Promise<number> => Number(await readFile(file, "utf8"));
  return {
    async holds(sessionId) {
      const file = fileOf(sessionId);
      await mkdir(folder, { recursive: true });
      try {
        await writeFile(file, String(pid), { flag: "wx" });
        return true;
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== "EEXIST") throw thrown;
      }
      const other = await holder(file);
      if (other !== pid && isAlive(other)) return false;
      await writeFile(file, String(pid));
      return true;
    },
    async release(sessionId) {
      const file = fileOf(sessionId);
      const isOurs = await holder(file).then(
        (found) => found === pid,
        () => false,
      );
      if (isOurs) await rm(file, { force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    // 0 while another window is just writing its own.
    return pid === 0 || process.kill(pid, 0);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}

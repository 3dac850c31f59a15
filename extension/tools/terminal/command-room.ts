// The private folder of one command: what is to be run, and how it has ended.
// Knows nothing of VS Code.
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PAGER_SCRIPT, PAGERS, ROOM, type Shell, scriptsOf } from "./shells.ts";

export interface CommandRoom {
  path: string;
  /** The shell has read its start-up files and runs the command. */
  hasBegun(): Promise<boolean>;
  /** True if the shell had not begun it, and now never will. */
  takeBack(): Promise<boolean>;
  /** Undefined while it runs. */
  exitCode(): Promise<number | undefined>;
  remove(): Promise<void>;
}

export async function openRoom(shell: Shell, command: string, cwd: string): Promise<CommandRoom> {
  // Only for this user, as mkdtemp makes it.
  const path = await mkdtemp(join(tmpdir(), "streamkeeper-command-"));
  const at = (name: string): string => join(path, name);
  const scripts = scriptsOf(shell, { command, room: path, cwd }, process.platform);
  for (const [name, text] of Object.entries({ [ROOM.command]: command, ...scripts })) {
    await writeFile(at(name), text, { mode: 0o600 });
  }
  await mkdir(at(ROOM.programs));
  for (const name of process.platform === "win32" ? [] : PAGERS) {
    await writeFile(join(at(ROOM.programs), name), PAGER_SCRIPT, { mode: 0o700 });
  }
  return {
    path,
    hasBegun: () => exists(at(ROOM.running)),
    takeBack: () =>
      rename(at(ROOM.command), at(`${ROOM.command}.taken`)).then(
        () => true,
        () => false,
      ),
    async exitCode() {
      const text = await readFile(at(ROOM.exit), "utf8").catch(() => "");
      return /^-?\d+$/.test(text.trim()) ? Number(text) : undefined;
    },
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined),
  };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

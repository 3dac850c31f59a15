import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * What tests need beside the packages: outside of the checkout, so that a
 * fresh clone finds it again.
 */
export const CACHE =
  process.env["STREAMKEEPER_TEST_CACHE"] ?? join(homedir(), ".cache/streamkeeper-test");

/** Output of a command; rejects with what it said. */
export async function shell(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { stdout } = await execute(command, [...args], { maxBuffer: 64 * 1024 * 1024, ...options });
  return stdout;
}

export function onPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}

export function canUseApt(): boolean {
  return (
    process.platform === "linux" && process.getuid?.() === 0 && onPath("apt-get") !== undefined
  );
}

let updated: Promise<unknown> | undefined;

/** Package lists, once per run. */
export async function aptUpdate(): Promise<void> {
  updated ??= shell("apt-get", ["update", "-qq"]);
  await updated;
}

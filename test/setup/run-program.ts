import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { listProcesses } from "../support/processes.ts";

const STOP_WITHIN_MS = 15_000;
const END_WITHIN_MS = 10_000;
const PRINT_WITHIN_MS = 2_000;

/** Process groups of what runs now. */
const running = new Map<number, Promise<unknown>>();
let stopped = false;
const windows = process.platform === "win32";

/**
 * Runs a program to its end and gives its exit code. One that takes too long is killed with all it
 * started. `mark`: stands before each line of its output.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  minutes: number,
  mark?: string,
): Promise<number> {
  if (stopped) throw new Error("Stopped.");
  // A group of its own, so that a signal reaches all of it, and Ctrl-C reaches us first.
  const child = spawn(command, [...args], {
    env,
    stdio: mark === undefined ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    detached: !windows,
  });
  const printed = [child.stdout, child.stderr].map((output) => printLines(output, mark ?? ""));
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      // What it left running may hold the pipes for ever.
      const late = delay(PRINT_WITHIN_MS, undefined, { ref: false });
      void Promise.race([Promise.all(printed), late]).then(() => resolve(code ?? 1));
    });
  });
  const { pid } = child;
  if (pid === undefined) return await ended;
  running.set(pid, ended);
  const timer = setTimeout(() => {
    console.error(`${args.join(" ")}: no end after ${minutes} minutes; killed.`);
    signalGroup(pid, "SIGKILL");
  }, minutes * 60_000);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
    running.delete(pid);
  }
}

async function printLines(output: Readable | null, mark: string): Promise<void> {
  if (!output) return;
  const lines = createInterface({ input: output });
  lines.on("line", (line) => console.log(line === "" ? "" : `${mark} │ ${line}`));
  await once(lines, "close");
}

/** Ends what runs, in order if it does so in time, and lets nothing more be run. */
export async function stopPrograms(): Promise<void> {
  if (stopped) return;
  stopped = true;
  const programs = [...running];
  // To mocha this means: no further test, but close what is open.
  for (const [pid] of programs) signalGroup(pid, "SIGINT");
  const all = Promise.allSettled(programs.map(([, ended]) => ended));
  await Promise.race([all, delay(STOP_WITHIN_MS, undefined, { ref: false })]);
  for (const [pid] of programs) signalGroup(pid, "SIGKILL");
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(windows ? pid : -pid, signal);
  } catch {
    // It has ended.
  }
}

/**
 * Kills what works on files in this folder and does not end by itself, and
 * gives their command lines.
 */
export async function killLeftovers(folder: string): Promise<string[]> {
  const find = () =>
    windows
      ? []
      : listProcesses().filter(({ args, pid }) => args.includes(folder) && pid !== process.pid);
  const deadline = performance.now() + END_WITHIN_MS;
  while (find().length > 0 && performance.now() < deadline) await delay(100);
  const left = find();
  for (const { pid } of left) signalProcess(pid);
  return left.map(({ args }) => args.slice(0, 200));
}

function signalProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

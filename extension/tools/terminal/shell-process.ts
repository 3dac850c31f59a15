// A command without a terminal of its shell's: a process of ours, its output in a
// terminal that only shows.
import { type ChildProcess, spawn } from "node:child_process";
import * as vscode from "vscode";
import { HeldOutput } from "./held-output.ts";
import type { Ran, ShellRun } from "./shell-terminal.ts";
import { ANSWERED_EDITORS, type Shell } from "./shells.ts";

/** How long a terminal may take to be shown. */
const OPEN_MS = 4_000;
/** What a command has said may come just after its end. */
const LAST_WORDS_MS = 500;
/** Between Ctrl+C and the end by force. */
const KILL_MS = 3_000;

export async function runInProcess(
  shell: Shell | undefined,
  { command, cwd, stop, onBegin, onOutput }: ShellRun,
): Promise<Ran> {
  const write = new vscode.EventEmitter<string>();
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  const closing = new AbortController();
  const terminal = vscode.window.createTerminal({
    name: "Streamkeeper",
    iconPath: new vscode.ThemeIcon("comment-discussion"),
    pty: {
      onDidWrite: write.event,
      open: () => open(),
      close: () => closing.abort(),
      handleInput: (keys: string) => {
        if (keys.includes("\u0003")) closing.abort();
      },
    },
  });
  terminal.show(true);
  await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, OPEN_MS))]);
  const ends = AbortSignal.any([stop, closing.signal]);
  const output = new HeldOutput();
  if (ends.aborted) return { output, exitCode: undefined, end: "stopped" };
  write.fire(`> ${command.replaceAll(/\r?\n/g, "\r\n  ")}\r\n`);
  onBegin();
  const child = start(shell, command, cwd);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => {
      output.add(text);
      onOutput(text);
      write.fire(text.replaceAll(/\r?\n/g, "\r\n"));
    });
  }
  const kill = (): void => {
    endGroup(child, "SIGINT");
    setTimeout(() => endGroup(child, "SIGKILL"), KILL_MS).unref();
  };
  ends.addEventListener("abort", kill);
  const exitCode = await endOf(child, output);
  ends.removeEventListener("abort", kill);
  // What it has left behind when it was stopped ends, too.
  if (ends.aborted) endGroup(child, "SIGKILL");
  child.stdout?.destroy();
  child.stderr?.destroy();
  write.fire(`\r\n[${exitCode ?? "-"}]\r\n`);
  const end = stop.aborted ? "stopped" : closing.signal.aborted ? "closed" : "ended";
  return { output, exitCode, end };
}

function start(shell: Shell | undefined, command: string, cwd: string): ChildProcess {
  const windows = process.platform === "win32";
  const args =
    shell?.kind === "powershell"
      ? ["-NoLogo", "-OutputFormat", "Text", "-Command", command]
      : ["-c", command];
  const options = {
    cwd,
    // A group of its own, so that what the shell has started ends with it.
    detached: !windows,
    stdio: ["ignore" as const, "pipe" as const, "pipe" as const],
    env: { ...process.env, ...ANSWERED_EDITORS },
  };
  return shell
    ? spawn(shell.path, args, options)
    : spawn(command, { ...options, shell: windows ? true : "/bin/sh" });
}

/** Not its streams' end alone: what it has left behind may hold them for ever. */
async function endOf(child: ChildProcess, output: HeldOutput): Promise<number | undefined> {
  return await new Promise((resolve) => {
    child.on("error", (error) => {
      output.add(String(error));
      resolve(undefined);
    });
    child.on("close", (code) => resolve(code ?? undefined));
    child.on("exit", (code) => setTimeout(() => resolve(code ?? undefined), LAST_WORDS_MS));
  });
}

function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    if (process.platform === "win32") spawn("taskkill", ["/pid", String(pid), "/t", "/f"]);
    else process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

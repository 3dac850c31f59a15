// Commands in a terminal that the user sees: with the shell's own integration where there is one, else as a process
// whose output is shown in a terminal of ours.
import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import * as vscode from "vscode";
import * as z from "zod/mini";
import { cut, MAX_RESULT } from "./bounds.ts";
import { parseArguments } from "./files.ts";
import { type Ground, resolveInside, ToolError } from "./paths.ts";
import { plainOutput } from "./terminal-output.ts";

const CommandArguments = z.object({
  command: z.string().check(z.minLength(1), z.maxLength(20_000)),
  folder: z.optional(z.string()),
  timeout_seconds: z.optional(z.number()),
});

const DEFAULT_TIMEOUT_S = 120;
const MAX_TIMEOUT_S = 1_800;
/** How long a new shell may take to say that it speaks with the editor. */
const INTEGRATION_MS = 4_000;
/** Between Ctrl+C and the end of the terminal. */
const KILL_MS = 3_000;
/** What a command has said may come just after its end. */
const LAST_WORDS_MS = 500;
/** Beyond it only the newest output is kept while a command runs. */
const MAX_HELD = 1_000_000;

interface Ran {
  output: string;
  exitCode: number | undefined;
  /** Before its end. */
  stopped: boolean;
}

export async function executeCommand(
  ground: Ground,
  args: unknown,
  signal: AbortSignal,
  onOutput: (data: string) => void,
): Promise<string> {
  const given = parseArguments(CommandArguments, args);
  const { command, folder = ".", timeout_seconds = DEFAULT_TIMEOUT_S } = given;
  const cwd = await resolveInside(ground, folder);
  if (!(await isFolder(cwd))) throw new ToolError(`There is no folder ${folder}.`);
  const seconds = Math.min(Math.max(timeout_seconds, 1), MAX_TIMEOUT_S);
  const stop = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  const ran = await inShell(command, cwd, stop, onOutput);
  const text = plainOutput(ran.output).trimEnd();
  const end = endOf(ran, signal.aborted ? "by the user" : `after ${seconds} s, still running`);
  return cut(text === "" ? end : `${text}\n${end}`, MAX_RESULT);
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function endOf({ exitCode, stopped }: Ran, how: string): string {
  if (stopped) return `[Interrupted ${how}.]`;
  return exitCode === undefined ? "[The exit code is not known.]" : `[Exit code ${exitCode}]`;
}

/** The shell of the last command, left open to be looked at. The next gets one of its own: no folder or variable of another's. */
let last: vscode.Terminal | undefined;

async function inShell(
  command: string,
  cwd: string,
  stop: AbortSignal,
  onOutput: (data: string) => void,
): Promise<Ran> {
  const terminal = openShell(cwd);
  last?.dispose();
  last = undefined;
  terminal.show(true);
  const integration = await integrationOf(terminal, stop);
  if (stop.aborted) {
    terminal.dispose();
    return { output: "", exitCode: undefined, stopped: true };
  }
  if (!integration) {
    terminal.dispose();
    return await inProcess(command, cwd, stop, onOutput);
  }
  const ran = await integrated(terminal, integration, command, stop, onOutput);
  last = terminal;
  return ran;
}

function openShell(cwd: string): vscode.Terminal {
  return vscode.window.createTerminal({
    name: "Streamkeeper",
    cwd,
    iconPath: new vscode.ThemeIcon("comment-discussion"),
    isTransient: true,
    // A pager would wait for keys for ever.
    env: { PAGER: "cat", GIT_PAGER: "cat" },
  });
}

async function integrationOf(
  terminal: vscode.Terminal,
  stop: AbortSignal,
): Promise<vscode.TerminalShellIntegration | undefined> {
  if (terminal.shellIntegration) return terminal.shellIntegration;
  return await new Promise((resolve) => {
    const done = (found: vscode.TerminalShellIntegration | undefined): void => {
      clearTimeout(timer);
      listening.dispose();
      stop.removeEventListener("abort", abort);
      resolve(found);
    };
    const abort = (): void => done(undefined);
    const timer = setTimeout(abort, INTEGRATION_MS);
    const listening = vscode.window.onDidChangeTerminalShellIntegration((event) => {
      if (event.terminal === terminal) done(event.shellIntegration);
    });
    stop.addEventListener("abort", abort);
  });
}

async function integrated(
  terminal: vscode.Terminal,
  integration: vscode.TerminalShellIntegration,
  command: string,
  stop: AbortSignal,
  onOutput: (data: string) => void,
): Promise<Ran> {
  const { promise: ended, resolve: end } = Promise.withResolvers<number | undefined>();
  const listening = [
    vscode.window.onDidEndTerminalShellExecution((event) => {
      if (event.execution === execution) end(event.exitCode);
    }),
    vscode.window.onDidCloseTerminal((closed) => {
      if (closed === terminal) end(undefined);
    }),
  ];
  const execution = integration.executeCommand(command);
  let output = "";
  const reading = (async () => {
    for await (const data of execution.read()) {
      output = (output + data).slice(-MAX_HELD);
      onOutput(data);
    }
  })();
  const interrupt = (): void => {
    terminal.sendText("\u0003", false);
    setTimeout(() => {
      if (!settled) terminal.dispose();
    }, KILL_MS);
  };
  let settled = false;
  if (stop.aborted) interrupt();
  stop.addEventListener("abort", interrupt);
  const exitCode = await ended;
  settled = true;
  stop.removeEventListener("abort", interrupt);
  for (const one of listening) one.dispose();
  await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
  return { output, exitCode, stopped: stop.aborted };
}

/** Without the shell's integration: a process of ours, its output in a terminal that only shows. */
async function inProcess(
  command: string,
  cwd: string,
  stop: AbortSignal,
  onOutput: (data: string) => void,
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
  await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, INTEGRATION_MS))]);
  const ends = AbortSignal.any([stop, closing.signal]);
  if (ends.aborted) return { output: "", exitCode: undefined, stopped: true };
  write.fire(`> ${command.replaceAll("\n", "\r\n  ")}\r\n`);
  const windows = process.platform === "win32";
  const child = spawn(command, {
    cwd,
    shell: windows ? true : (process.env["SHELL"] ?? "/bin/sh"),
    // A group of its own, so that what the shell has started ends with it.
    detached: !windows,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PAGER: "cat", GIT_PAGER: "cat" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output = (output + text).slice(-MAX_HELD);
      onOutput(text);
      write.fire(text.replaceAll(/\r?\n/g, "\r\n"));
    });
  }
  const kill = (): void => {
    if (child.pid === undefined) return;
    const signal = (name: NodeJS.Signals): void => {
      try {
        if (windows) spawn("taskkill", ["/pid", String(child.pid), "/t", "/f"]);
        else process.kill(-(child.pid ?? 0), name);
      } catch {
        // It has ended by itself.
      }
    };
    signal("SIGINT");
    setTimeout(() => signal("SIGKILL"), KILL_MS).unref();
  };
  ends.addEventListener("abort", kill);
  const exitCode = await new Promise<number | undefined>((resolve) => {
    child.on("error", (error) => {
      output += String(error);
      resolve(undefined);
    });
    // Not its streams' end: what it has left behind may hold them for ever.
    child.on("exit", (code) => setTimeout(() => resolve(code ?? undefined), LAST_WORDS_MS));
  });
  child.stdout.destroy();
  child.stderr.destroy();
  write.fire(`\r\n[${exitCode ?? "-"}]\r\n`);
  return { output, exitCode, stopped: ends.aborted };
}

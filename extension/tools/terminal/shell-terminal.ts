// A command in a terminal of the user's own shell. Nothing is typed there: the terminal runs a
// script of ours, which shows the command, has the shell carry it out, and says where its output
// begins and ends with the orders by which shells speak with the editor. So no command is ever too
// long for a line, waits for the rest of one, or is changed by keys that mean something, and it
// does not matter what a shell makes of `exit`.
import * as vscode from "vscode";
import { BetweenMarks } from "./between-marks.ts";
import { type CommandRoom, openRoom } from "./command-room.ts";
import { endAllInTerminal } from "./end-processes.ts";
import { HeldOutput } from "./held-output.ts";
import { launchOf, markOf, type Shell } from "./shells.ts";

export interface ShellRun {
  command: string;
  cwd: string;
  stop: AbortSignal;
  /** Now it runs; before, the shell reads its start-up files. */
  onBegin(): void;
  onOutput(data: string): void;
}

export interface Ran {
  output: HeldOutput;
  exitCode: number | undefined;
  /**
   * `stopped` and `closed` (the terminal, by a person) are before its own end; `unseen`: its
   * output did not get here.
   */
  end: "ended" | "stopped" | "closed" | "unseen";
}

/** How long the editor may take to open a terminal. */
const OPEN_MS = 30_000;
/** How long start-up files may take; some of them start a program that does not come back. */
const BEGIN_MS = 10_000;
/** How often is looked whether it has begun, and whether it has ended. */
const LOOK_MS = 100;
/** Between Ctrl+C and the end by force. */
const KILL_MS = 3_000;
/**
 * What a command has said comes after its end, most of all where there is much of
 * it: so long without news.
 */
const LAST_WORDS_MS = 3_000;

/**
 * The terminal of the last command, left open to be looked at. The next gets one of its own: no
 * folder or variable of another's.
 */
let last: vscode.Terminal | undefined;

/** Undefined if the shell did not begin; then nothing of the command has run, and nothing will. */
export async function runInTerminal(shell: Shell, run: ShellRun): Promise<Ran | undefined> {
  const room = await openRoom(shell, run.command, run.cwd);
  try {
    return await inRoom(shell, room, run);
  } finally {
    await room.remove();
  }
}

async function inRoom(shell: Shell, room: CommandRoom, run: ShellRun): Promise<Ran | undefined> {
  const launch = launchOf(shell, room.path, process.platform);
  const terminal = vscode.window.createTerminal({
    name: "Streamkeeper",
    cwd: run.cwd,
    iconPath: new vscode.ThemeIcon("comment-discussion"),
    isTransient: true,
    shellPath: launch.file,
    shellArgs: launch.args,
  });
  const watch = watchTerminal(terminal, room, run.onOutput);
  try {
    terminal.show(true);
    void closeTerminal(last);
    last = undefined;
    // A machine that has much to do opens a terminal late: no fault of the start-up files.
    await Promise.race([terminal.processId, watch.closed, aborted(run.stop), pause(OPEN_MS)]);
    const began = await begun(room, watch, run.stop);
    if (began !== "begun") {
      void closeTerminal(terminal);
      return began === "never"
        ? undefined
        : { output: watch.output, exitCode: undefined, end: began };
    }
    run.onBegin();
    return await ended(terminal, watch, run.stop);
  } finally {
    watch.dispose();
  }
}

/** Ends with it what its command has left there. */
async function closeTerminal(terminal: vscode.Terminal | undefined): Promise<void> {
  const leader = await terminal?.processId;
  if (leader !== undefined) await endAllInTerminal(leader, "SIGHUP");
  terminal?.dispose();
}

interface Watch {
  output: HeldOutput;
  /** Resolves when the command has ended, or its terminal. */
  ended: Promise<{ exitCode: number | undefined; isClosed: boolean }>;
  /** Also by the shell itself, which then will not run it. */
  closed: Promise<vscode.TerminalExitReason>;
  /** Resolves when all that the editor has of its output is here. */
  read(): Promise<void>;
  isSeen(): boolean;
  dispose(): void;
}

function watchTerminal(
  terminal: vscode.Terminal,
  room: CommandRoom,
  onOutput: (data: string) => void,
): Watch {
  const output = new HeldOutput();
  const said = new BetweenMarks(markOf(room.path, "Begin"), markOf(room.path, "End"));
  const ended = Promise.withResolvers<{ exitCode: number | undefined; isClosed: boolean }>();
  const closed = Promise.withResolvers<vscode.TerminalExitReason>();
  let readings = 0;
  let over = 0;
  let newsAt = 0;
  const look = async (): Promise<void> => {
    const exitCode = await room.exitCode();
    if (exitCode !== undefined) ended.resolve({ exitCode, isClosed: false });
  };
  const read = async (execution: vscode.TerminalShellExecution): Promise<void> => {
    readings += 1;
    for await (const data of execution.read()) {
      newsAt = Date.now();
      const text = said.next(data);
      if (text !== "") {
        output.add(text);
        onOutput(text);
      }
      if (said.isOver) void look();
    }
    over += 1;
  };
  const looking = setInterval(() => void look(), LOOK_MS);
  const listening = [
    vscode.window.onDidStartTerminalShellExecution((event) => {
      if (event.terminal === terminal) void read(event.execution);
    }),
    vscode.window.onDidCloseTerminal((its) => {
      if (its !== terminal) return;
      closed.resolve(its.exitStatus?.reason ?? vscode.TerminalExitReason.Unknown);
      void look().finally(() => ended.resolve({ exitCode: undefined, isClosed: true }));
    }),
  ];
  return {
    output,
    ended: ended.promise,
    closed: closed.promise,
    async read() {
      newsAt = Date.now();
      // A program can end the reading, too, by the same order: then there is no more to come.
      const isDone = (): boolean => said.isOver || (readings > 0 && over === readings);
      while (!isDone() && Date.now() - newsAt < LAST_WORDS_MS) await pause(LOOK_MS / 4);
    },
    isSeen: () => readings > 0,
    dispose() {
      clearInterval(looking);
      for (const one of listening) one.dispose();
    },
  };
}

async function begun(
  room: CommandRoom,
  watch: Watch,
  stop: AbortSignal,
): Promise<"begun" | "never" | "stopped" | "closed"> {
  let reason: vscode.TerminalExitReason | undefined;
  void watch.closed.then((why) => {
    reason = why;
  });
  const until = Date.now() + BEGIN_MS;
  while (!(await room.hasBegun())) {
    const isOver = stop.aborted || reason !== undefined || Date.now() > until;
    // Taken back, so that it does not begin a moment later after all.
    if (isOver && (await room.takeBack())) {
      if (stop.aborted) return "stopped";
      return reason === vscode.TerminalExitReason.User ? "closed" : "never";
    }
    await pause(LOOK_MS / 4);
  }
  return "begun";
}

async function ended(terminal: vscode.Terminal, watch: Watch, stop: AbortSignal): Promise<Ran> {
  const leader = await terminal.processId;
  const end = (): void => {
    terminal.sendText("\u0003", false);
    timer = setTimeout(() => {
      if (leader === undefined) terminal.dispose();
      else void endAllInTerminal(leader, "SIGKILL");
    }, KILL_MS);
  };
  let timer: NodeJS.Timeout | undefined;
  if (stop.aborted) end();
  else stop.addEventListener("abort", end);
  const { exitCode, isClosed } = await watch.ended;
  stop.removeEventListener("abort", end);
  clearTimeout(timer);
  // What ignores Ctrl+C, or runs behind it, ends as well.
  if (stop.aborted && leader !== undefined) await endAllInTerminal(leader, "SIGKILL");
  await watch.read();
  last = isClosed ? undefined : terminal;
  const { output } = watch;
  if (stop.aborted) return { output, exitCode, end: "stopped" };
  if (isClosed) return { output, exitCode, end: "closed" };
  return { output, exitCode, end: watch.isSeen() ? "ended" : "unseen" };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

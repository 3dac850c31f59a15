// Ends what a command has started, as far as it still runs in the command's terminal.
// Knows nothing of VS Code.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Everything in the terminal of process `leader` but that process itself. Never rejects. */
export async function endAllInTerminal(
  leader: number,
  signal: "SIGHUP" | "SIGKILL",
): Promise<void> {
  if (process.platform === "win32") {
    if (signal === "SIGKILL") await run("taskkill", ["/pid", `${leader}`, "/t", "/f"]).catch(noop);
    return;
  }
  try {
    const { stdout: tty } = await run("ps", ["-o", "tty=", "-p", `${leader}`]);
    const name = tty.trim();
    if (!/^[\w/]+$/.test(name)) return;
    const { stdout } = await run("ps", ["-t", name, "-o", "pid="]);
    for (const pid of stdout.split("\n").map(Number)) {
      if (pid > 1 && pid !== leader) kill(pid, signal);
    }
  } catch {
    // There is no such process any more, or no `ps`: the end of the terminal must do.
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

function noop(): void {
  // Nothing of it is left.
}

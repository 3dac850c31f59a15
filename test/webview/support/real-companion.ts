import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../server/main.ts", import.meta.url));

export interface RealCompanion {
  url: () => string;
  dataDir: string;
  /** SIGKILL: no chance to say goodbye. */
  kill: () => Promise<void>;
  /** On the same port and data, as `npm start -- --port` would. */
  start: () => Promise<void>;
}

/**
 * The companion itself, in a process of its own with its demo model; gone
 * afterwards, with its data.
 */
export async function withRealCompanion(
  body: (companion: RealCompanion) => Promise<void>,
  more: readonly string[] = [],
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "streamkeeper-webview-"));
  let child: ChildProcess | undefined;
  let port = 0;

  const start = async (): Promise<void> => {
    const args = [
      MAIN,
      "--data-dir",
      dataDir,
      "--port",
      String(port),
      "--model",
      "demo/demo",
      ...more,
    ];
    // Keys of the machine would make other models available, and a local server would be offered.
    const env = { PATH: process.env["PATH"], HOME: dataDir };
    child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    if (!child.stdout) throw new TypeError("spawned without a pipe");
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      const entry = JSON.parse(line) as { msg: string; port: number };
      if (entry.msg !== "ready") continue;
      port = entry.port;
      break;
    }
    child.stdout.resume();
    if (port === 0) throw new Error("the companion ended before it was ready");
  };
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };

  try {
    await start();
    const token = readFileSync(join(dataDir, "token"), "utf8").trim();
    await body({ dataDir, url: () => `http://127.0.0.1:${port}/#token=${token}`, kill, start });
  } finally {
    await kill();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

// The real companion process on a data directory of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createParser } from "eventsource-parser";
import { StreamChunk } from "../../server/protocol/chunks.ts";

const START_MS = 60_000;
const QUICK = ["--import", "./test/support/planted/quick-demo.ts"];

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Companion {
  url: string;
  port: number;
  token: string;
  metricsToken: string;
  dataDir: string;
  process: ChildProcess;
  /** All it has written so far. */
  output(): string;
  ended: Promise<Ended>;
  /** With the token and, for a body, as JSON. */
  request(method: string, path: string, body?: unknown): Promise<Response>;
  /** SIGTERM, and the end of it. */
  stop(): Promise<Ended>;
  /** kill -9. */
  kill(): Promise<Ended>;
}

export interface StartOptions {
  dataDir: string;
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Arguments of Node itself, such as a module to load before. */
  node?: readonly string[];
  /** Folder of another build's sources. */
  sources?: string;
  /** The demo answers at once, for a test that needs an answer but not its pace. */
  quick?: boolean;
}

export function newDataDir(): string {
  return mkdtempSync(join(tmpdir(), "streamkeeper-data-"));
}

/** Starts it and waits until it is ready. */
export async function startCompanion(options: StartOptions): Promise<Companion> {
  const { dataDir } = options;
  const run = runCompanion(["--data-dir", dataDir, ...(options.args ?? [])], options.env, options);
  const file = join(dataDir, "server.json");
  const deadline = performance.now() + START_MS;
  let runtime: { pid: number; port: number } | undefined;
  while (runtime?.pid !== run.process.pid) {
    if (performance.now() > deadline || run.process.exitCode !== null) {
      run.process.kill("SIGKILL");
      await run.ended;
      throw new Error(`the companion did not start:\n${run.output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    // A file of a companion before this one may still be there.
    if (existsSync(file)) runtime = JSON.parse(readFileSync(file, "utf8"));
  }
  const token = readFileSync(join(dataDir, "token"), "utf8").trim();
  const url = `http://127.0.0.1:${runtime?.port}`;
  const end = (signal: NodeJS.Signals) => {
    run.process.kill(signal);
    return run.ended;
  };
  return {
    ...run,
    url,
    port: runtime?.port ?? 0,
    token,
    metricsToken: readFileSync(join(dataDir, "metrics_token"), "utf8").trim(),
    dataDir,
    request: (method, path, body) =>
      fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

/** Runs it with these arguments, whatever becomes of it. */
export function runCompanion(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  {
    node = [],
    sources = ".",
    quick = false,
  }: Pick<StartOptions, "node" | "sources" | "quick"> = {},
): Pick<Companion, "process" | "output" | "ended"> {
  const script = join(sources, "server/main.ts");
  const child = spawn(process.execPath, [...(quick ? QUICK : []), ...node, script, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...pick("PATH", "HOME", "NODE_COMPILE_CACHE"), ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      output += data.toString();
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  return { process: child, output: () => output, ended };
}

function pick(...names: string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}

/** Lends a companion; stops it and removes its data. */
export async function withCompanion(
  options: Omit<StartOptions, "dataDir">,
  body: (companion: Companion) => Promise<void>,
): Promise<void> {
  const dataDir = newDataDir();
  try {
    const companion = await startCompanion({ dataDir, ...options });
    try {
      await body(companion);
    } finally {
      await companion.kill();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** The chunks of an SSE answer as they come; leaving the loop closes the connection. */
export async function* chunksOf(response: Response): AsyncGenerator<StreamChunk> {
  if (!response.ok || !response.body) {
    throw new Error(`${response.status} ${await response.text()}`);
  }
  const ready: StreamChunk[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      const chunk = StreamChunk.parse(JSON.parse(data));
      if (id !== String(chunk.seq) || event !== chunk.type) throw new Error(`frame of ${data}`);
      ready.push(chunk);
    },
  });
  const decoder = new TextDecoder();
  for await (const part of response.body) {
    parser.feed(decoder.decode(part, { stream: true }));
    yield* ready.splice(0);
  }
}

/** What a server answers to these very bytes; fetch would not send most of what tests need. */
export function rawRequest(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    socket.setTimeout(15_000, () => socket.destroy(new Error("no answer")));
    socket.on("data", (data) => {
      answer += data.toString();
    });
    socket.on("error", (error) => (answer === "" ? reject(error) : resolve(answer)));
    socket.on("close", () => resolve(answer));
  });
}

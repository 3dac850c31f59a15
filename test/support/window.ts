// A window of VS Code as its companions know it: the extension's process and
// client, without VS Code.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { CompanionClient } from "../../extension/companion/companion-client.ts";
import type {
  CompanionProcess,
  CompanionState,
} from "../../extension/companion/companion-process.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";

export interface WindowOptions {
  dataDir: string;
  /** Of another build; both the window and the companions it starts are made of them. */
  sources?: string;
  drainSeconds?: number;
}

export interface Window {
  server: CompanionProcess;
  client: CompanionClient;
  states: CompanionState["state"][];
}

export async function openWindow(options: WindowOptions): Promise<Window> {
  const { dataDir, sources = ".", drainSeconds = 60 } = options;
  const load = (path: string): Promise<unknown> =>
    import(pathToFileURL(resolve(sources, path)).href);
  const { CompanionProcess: Process } = (await load(
    "extension/companion/companion-process.ts",
  )) as typeof import("../../extension/companion/companion-process.ts");
  const { CompanionClient: Client } = (await load(
    "extension/companion/companion-client.ts",
  )) as typeof import("../../extension/companion/companion-client.ts");
  const { version } = JSON.parse(readFileSync(join(sources, "package.json"), "utf8")) as {
    version: string;
  };
  const log = { info: () => undefined, warn: () => undefined };
  const states: CompanionState["state"][] = [];
  const server = new Process({
    dataDir,
    version,
    drainSeconds,
    launchOptions: async () => ({
      script: resolve(sources, "server/main.ts"),
      idleExitSeconds: 60,
      model: undefined,
      durability: "full",
      backups: "daily",
      keepDeletedDays: 30,
      stallTimeoutSeconds: 60,
      resumeAnswers: false,
      continueAnswers: true,
      patienceSeconds: 60,
      contextWindows: undefined,
      databaseUrl: undefined,
    }),
    prepare: async () => undefined,
    onState: ({ state }) => states.push(state),
    log,
  });
  return { server, client: new Client({ source: server, log }), states };
}

/** Sends a message in this window; where its answer is to be read. */
export async function send({ client }: Window, content: string, sessionId?: string) {
  const accepted = await client.call("send_message", {
    model: "demo/demo",
    ...(sessionId === undefined ? {} : { session_id: sessionId }),
    message: { type: "user_message", content },
  });
  return accepted as { session_id: string; turn_id: string; after: number };
}

/** All that a window shows of a session, as it comes. */
export class Reading {
  readonly chunks: StreamChunk[] = [];
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #waiters: { until(chunks: readonly StreamChunk[]): boolean; resolve(): void }[] = [];

  constructor({ client }: Window, sessionId: string, after = 0) {
    this.#ended = this.#read(client.stream(sessionId, after, this.#stop.signal));
  }

  /** Resolves once what has come is enough for `until`. */
  async shows(until: (chunks: readonly StreamChunk[]) => boolean): Promise<void> {
    if (until(this.chunks)) return;
    await new Promise<void>((resolve) => this.#waiters.push({ until, resolve }));
  }

  /** Resolves with the type of the `n`th end of a turn. */
  async end(n = 1): Promise<string | undefined> {
    const finals = () => this.chunks.filter((chunk) => chunk.is_final);
    await this.shows(() => finals().length >= n);
    return finals()[n - 1]?.type;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #read(stream: AsyncIterable<StreamChunk[]>): Promise<void> {
    for await (const chunks of stream) {
      this.chunks.push(...chunks);
      for (const waiter of this.#waiters) if (waiter.until(this.chunks)) waiter.resolve();
      this.#waiters = this.#waiters.filter(({ until }) => !until(this.chunks));
    }
  }
}

export interface Build {
  sources: string;
  remove(): void;
}

/** The sources as a release of another version would have them. */
export function makeBuild(version: string, protocol: number): Build {
  const sources = mkdtempSync(join(tmpdir(), "streamkeeper-build-"));
  for (const name of ["server", "extension", "webview", "package.json"]) {
    cpSync(name, join(sources, name), { recursive: true });
  }
  symlinkSync(resolve("node_modules"), join(sources, "node_modules"));
  replace(join(sources, "package.json"), /"version": "[^"]+"/, `"version": "${version}"`);
  replace(
    join(sources, "server/protocol/responses.ts"),
    /PROTOCOL_VERSION = \d+/,
    `PROTOCOL_VERSION = ${protocol}`,
  );
  return { sources, remove: () => rmSync(sources, { recursive: true, force: true }) };
}

function replace(path: string, pattern: RegExp, text: string): void {
  const before = readFileSync(path, "utf8");
  if (!pattern.test(before)) throw new Error(`${path} has no ${pattern}`);
  writeFileSync(path, before.replace(pattern, text));
}

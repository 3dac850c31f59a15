// A companion under test on an engine, its model's server, and the clients that
// talk to it while it suffers.
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseSource } from "../../../server/db/opened-database.ts";
import {
  type Companion,
  newDataDir,
  runCompanion,
  type StartOptions,
  startCompanion,
} from "../../support/companion.ts";
import type { Engine } from "../../support/engines.ts";
import { type Address, Conversation } from "./conversation.ts";
import { assertInvariants, type Checks } from "./invariants.ts";
import {
  PACED_MODEL,
  type PacedUpstream,
  startPacedUpstream,
  type Wish,
} from "./paced-upstream.ts";

export interface LabOptions {
  /** Of the companion, besides its database and model. */
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
  node?: readonly string[];
  dataDir?: string;
  /** After each start, before anybody is told of it. */
  begin?: (companion: Companion) => Promise<void>;
  /** Another model's server than the usual one. */
  upstream?: () => Promise<PacedUpstream>;
  /** As `--database` takes it; undefined: the data directory's own file. */
  database?: string;
  /** Makes a database before the first start, which is then the test's. */
  prepare?: (source: DatabaseSource) => Promise<void>;
}

/** One at a time of these may be up; clients wait for it while it is down. */
export class Lab {
  readonly upstream: PacedUpstream;
  readonly dataDir: string;
  readonly #options: LabOptions;
  #companion: Companion | undefined;
  #up = Promise.withResolvers<Address>();

  constructor(upstream: PacedUpstream, options: LabOptions) {
    this.upstream = upstream;
    this.#options = options;
    this.dataDir = options.dataDir ?? newDataDir();
  }

  get companion(): Companion {
    if (!this.#companion) throw new Error("the companion is down");
    return this.#companion;
  }

  /** As a test can open it: a path or a URL. */
  get database(): string {
    return this.#options.database ?? `${this.dataDir}/streamkeeper.db`;
  }

  get engine(): Engine["engine"] {
    return this.#options.database === undefined ? "sqlite" : "postgres";
  }

  get address(): Address {
    const { port, token } = this.companion;
    return { port, token };
  }

  async start(): Promise<void> {
    this.#companion = await startCompanion(this.#start());
    await this.#options.begin?.(this.#companion);
    this.#up.resolve(this.address);
  }

  #start(): StartOptions {
    const { args = [], env = {}, node = [], database } = this.#options;
    return {
      dataDir: this.dataDir,
      args: [
        ...["--model", PACED_MODEL, "--log-level", "warn"],
        ...(database === undefined ? [] : ["--database", database]),
        ...args,
      ],
      env: { OPENAI_BASE_URL: this.upstream.url, OPENAI_API_KEY: "paced", ...env },
      node,
    };
  }

  /** Kills one that starts, however far it has come; nobody is told of it. */
  async killInStart(afterMs: number): Promise<void> {
    const { dataDir, args = [], env, node = [] } = this.#start();
    const started = runCompanion(["--data-dir", dataDir, ...args], env, { node });
    await delay(afterMs);
    started.process.kill("SIGKILL");
    await started.ended;
  }

  /** From now on clients wait for the next start. */
  down(): void {
    this.#up = Promise.withResolvers();
  }

  async kill(): Promise<void> {
    this.down();
    await this.companion.kill();
  }

  readonly where = (): Promise<Address> => this.#up.promise;

  /** Starts so many conversations; `ended` resolves when each has seen the end of its turn. */
  talk(count: number, wish: Wish): { conversations: Conversation[]; ended: Promise<void> } {
    const conversations = Array.from({ length: count }, () => new Conversation(wish));
    const running = conversations.map((one) => one.run(this.where));
    return { conversations, ended: Promise.all(running).then(() => {}) };
  }

  check(conversations: readonly Conversation[], nextOf?: number): Promise<Checks> {
    return assertInvariants({
      address: this.address,
      database: this.database,
      conversations,
      upstream: this.upstream,
      ...(nextOf === undefined ? {} : { nextOf }),
    });
  }

  async close(): Promise<void> {
    this.#companion?.process.kill("SIGKILL");
    await this.#companion?.ended;
    await this.upstream.close();
    if (this.#options.dataDir === undefined) rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** Lends a lab whose companion is up. */
export async function withLab(
  engine: Engine,
  body: (lab: Lab) => Promise<void>,
  options: Omit<LabOptions, "database"> = {},
): Promise<void> {
  const database = await engine.create();
  const lab = new Lab(await (options.upstream ?? startPacedUpstream)(), {
    ...options,
    ...(engine.engine === "postgres" ? { database: database.flag } : {}),
  });
  try {
    if (options.prepare) await options.prepare(sourceOf(lab));
    else await lab.start();
    await body(lab);
  } finally {
    await lab.close();
    await database.remove();
  }
}

/** Lends two whose companions share a Postgres, each with a data directory of its own. */
export async function withTwoLabs(
  url: string,
  body: (labs: [Lab, Lab]) => Promise<void>,
): Promise<void> {
  const dirs = [newDataDir(), newDataDir()];
  const [first, second] = await Promise.all(
    dirs.map(async (dataDir) => new Lab(await startPacedUpstream(), { database: url, dataDir })),
  );
  if (!first || !second) throw new Error("there are two");
  try {
    await first.start();
    await second.start();
    await body([first, second]);
  } finally {
    await first.close();
    await second.close();
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  }
}

function sourceOf({ engine, database }: Lab): DatabaseSource {
  return engine === "sqlite" ? { engine, path: database } : { engine, url: database };
}

/** Resolves when `seen` is true; rejects after a while, saying what was waited for. */
export async function until(what: string, seen: () => boolean, seconds = 60): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!seen()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** All of them are shown words. */
export function answering(conversations: readonly Conversation[], words = 3): () => boolean {
  return () => conversations.every(({ frames }) => frames.size > words);
}

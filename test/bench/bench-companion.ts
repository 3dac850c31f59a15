// The companion as it is, but for its model (a paced source in this process, or the product's own
// provider at the address of a stand-in) and, for comparison, for how an answer's chunks are kept.
// Prints one line of JSON when it listens; `GET /metrics` is the product's.
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { sql } from "kysely";
import { v7 as uuid } from "uuid";
import { assembleCompanion } from "../../server/compose.ts";
import type { AppendRequest } from "../../server/db/commit/append-log.ts";
import type { Subject } from "../../server/db/commit/metering.ts";
import { RecentTransactions } from "../../server/db/commit/recent-transactions.ts";
import {
  SSEUnitOfWork,
  type UnitOfWorkDeps,
  type Work,
} from "../../server/db/commit/unit-of-work.ts";
import { openDatabase } from "../../server/db/open.ts";
import { type OpenedDatabase } from "../../server/db/opened-database.ts";
import { appendChunks, type Numbered } from "../../server/db/tables/chunks.ts";
import { createHttpServer } from "../../server/http/server.ts";
import { setUpCollector } from "../../server/lifecycle/garbage-collector.ts";
import { createLog } from "../../server/log.ts";
import { createMetrics } from "../../server/observe/metrics.ts";
import type { Operation } from "../../server/observe/operations.ts";
import { providerAt } from "../support/upstream/collect.ts";
import { sourceOf } from "./long-history.ts";
import { createPacedProvider } from "./paced-provider.ts";
import { postmasterOf, processTimes, spentBy } from "./postgres-work.ts";
import { type Spent, threadTimes } from "./thread-times.ts";

/**
 * `durable`: the product. `none`: chunks are numbered in memory and never stored. `each`: one
 * Kysely transaction for each.
 */
export const KEEPING = ["durable", "none", "each"] as const;

const { values: flags } = parseArgs({
  options: {
    database: { type: "string", default: "" },
    keep: { type: "string", default: "durable" },
    durability: { type: "string", default: "full" },
    /** Where a stand-in for a model's server listens; empty: the model is in this process. */
    upstream: { type: "string", default: "" },
    /** Whose format it speaks. */
    vendor: { type: "string", default: "" },
  },
});

setUpCollector();

type Settle = Parameters<SSEUnitOfWork["put"]>[3];

/**
 * Persistence off for the chunks of answers; every other step is stored as ever, so
 * that turns begin and end.
 */
class UnkeptUnitOfWork extends SSEUnitOfWork {
  readonly #database: OpenedDatabase;
  #at: { sessionId: string; lastSeq: number } | undefined;

  constructor(deps: UnitOfWorkDeps, database: OpenedDatabase, subject?: Subject) {
    super(deps, subject);
    this.#database = database;
  }

  override put(
    operation: Operation,
    append: AppendRequest,
    onCommit: (done: Numbered) => void,
    settle: Settle,
  ): void {
    const { sessionId, rows } = append;
    const at = this.#at;
    if (at) {
      at.lastSeq += rows.length;
      const done = { lastSeq: at.lastSeq, cancelTurnId: null };
      onCommit(done);
      settle(done);
      return;
    }
    const begin = (lastSeq: number) => {
      this.#at = { sessionId, lastSeq };
      this.put(operation, append, onCommit, settle);
    };
    lastSeqOf(this.#database, sessionId).then(begin, (error: unknown) => settle(undefined, error));
  }

  override async commit<T>(operation: Operation, work: Work<T>): Promise<T> {
    const at = this.#at;
    return await super.commit(operation, async (trx, afterCommit) => {
      if (at) {
        await trx
          .updateTable("sessions")
          .set({ last_seq: at.lastSeq })
          .where("id", "=", at.sessionId)
          .execute();
      }
      return await work(trx, afterCommit);
    });
  }
}

/** What one would write first: for each chunk a transaction of its own through Kysely. */
class NaiveUnitOfWork extends SSEUnitOfWork {
  readonly #database: OpenedDatabase;

  constructor(deps: UnitOfWorkDeps, database: OpenedDatabase, subject?: Subject) {
    super(deps, subject);
    this.#database = database;
  }

  override put(
    _operation: Operation,
    append: AppendRequest,
    onCommit: (done: Numbered) => void,
    settle: Settle,
  ): void {
    const end = (done: Numbered) => {
      onCommit(done);
      settle(done);
    };
    this.#appendEach(append).then(end, (error: unknown) => settle(undefined, error));
  }

  async #appendEach({ sessionId, turnId, fence, rows }: AppendRequest): Promise<Numbered> {
    let done: Numbered = { lastSeq: 0, cancelTurnId: null };
    for (const { type, payload } of rows) {
      done = await this.#database.writer.transaction().execute(async (trx) => {
        const chunk = { type, ...JSON.parse(payload) };
        const writer = { sessionId, turnId, fence };
        const { chunks } = await appendChunks(trx.withoutPlugins(), writer, [chunk], uuid());
        return { lastSeq: chunks[0]?.seq ?? 0, cancelTurnId: null };
      });
    }
    return done;
  }
}

async function lastSeqOf({ reader }: OpenedDatabase, sessionId: string): Promise<number> {
  const { rows } = await sql<{ last_seq: number }>`
    select last_seq from sessions where id = ${sessionId}
  `.execute(reader);
  return rows[0]?.last_seq ?? 0;
}

/** Says what was spent since it was last asked. */
async function startTimes({ engine, reader }: OpenedDatabase): Promise<() => Spent> {
  const postmaster = engine === "postgres" ? await postmasterUnder(reader) : undefined;
  const look = () => ({
    own: threadTimes(),
    postgres: postmaster === undefined ? undefined : processTimes(postmaster),
  });
  let before = look();
  return () => {
    const after = look();
    const { own, postgres } = before;
    before = after;
    const spent = after.own.since(own);
    if (!postgres || !after.postgres) return spent;
    return { ...spent, postgres: spentBy(postgres, after.postgres) };
  };
}

async function postmasterUnder(reader: OpenedDatabase["reader"]): Promise<string> {
  const { rows } = await sql<{ data_directory: string }>`show data_directory`.execute(reader);
  return postmasterOf(rows[0]?.data_directory ?? "");
}

const log = createLog("error");
const metrics = createMetrics("bench");
const database = await openDatabase(
  sourceOf(flags.database),
  log,
  flags.durability === "balanced" ? "balanced" : "full",
);
const { writer: db, commitGroup: group, appendLog, insertGroup, tail, health } = database;
const recent = new RecentTransactions(60);
const deps = { db, group, appendLog, insertGroup, tail, health, metrics, log, recent };
const provider =
  flags.upstream === ""
    ? createPacedProvider()
    : providerAt(flags.upstream, { name: flags.vendor, stallSeconds: 60, maxAnswerChars: 1e9 });
const companion = await assembleCompanion({
  database,
  models: {
    resolve: (id) => ({
      provider,
      providerName: "bench",
      model: String(id).slice(6),
      id: String(id),
      contextWindow: 128_000,
      inputs: ["image", "file"],
    }),
    list: () => Promise.resolve({ object: "list", data: [], default: "bench/1x1", offers: [] }),
    setKey: () => {},
    removeKey: () => {},
    wake: () => {},
  },
  newUnitOfWork: (subject) => {
    if (flags.keep === "none") return new UnkeptUnitOfWork(deps, database, subject);
    if (flags.keep === "each") return new NaiveUnitOfWork(deps, database, subject);
    return new SSEUnitOfWork(deps, subject);
  },
  recent,
  // One of several: each is a machine of its own.
  installation: uuid(),
  log,
  metrics,
});
const token = uuid();
let port = 0;
const http = createHttpServer({
  chat: companion.chat,
  metrics,
  log,
  token,
  metricsToken: uuid(),
  bodyLimitBytes: 1_048_576,
  maxReaders: 12_000,
  version: "bench",
  startedAt: new Date().toISOString(),
  host: "127.0.0.1",
  port: () => port,
  onActivity: () => {},
  onDrain: () => {},
});
http.server.listen(0, "127.0.0.1", () => {
  port = (http.server.address() as AddressInfo).port;
  process.stdout.write(`${JSON.stringify({ port, token })}\n`);
});
// Each signal prints and forgets what was seen since the one before.
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const spent = await startTimes(database);
process.on("SIGUSR2", () => {
  const ms = (nanoseconds: number) => nanoseconds / 1e6;
  const delays = { loop_p99: ms(loop.percentile(99)), loop_max: ms(loop.max) };
  process.stdout.write(`${JSON.stringify({ ...delays, times: spent() })}\n`);
  loop.reset();
});
// Never under load: what is collected here would be a delay there.
process.on("SIGHUP", () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ rss, heap: heapUsed + external })}\n`);
});
process.on("SIGTERM", () => {
  void http
    .close()
    .then(() => companion.close())
    .then(() => process.exit(0));
});

// Postgres restarts, vanishes, refuses, or loses the connection in the middle of a statement;
// companions that share it die or sleep.
import assert from "node:assert/strict";
import pg from "pg";
import { FULL } from "../support/length.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { Conversation } from "./support/conversation.ts";
import { answering, Lab, until, withTwoLabs } from "./support/lab.ts";
import { startPacedUpstream } from "./support/paced-upstream.ts";
import { record } from "./support/results.ts";
import { saysNotReady, saysReady } from "./support/told.ts";

const STREAMS = 20;
const WISH = { words: 300, gap_ms: 5 };

describe("Postgres", function () {
  this.timeout(FULL ? 600_000 : 120_000);
  let server: PostgresServer;
  let databases = 0;
  // Its own: the others' must not be restarted.
  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  async function fresh(): Promise<string> {
    const name = `faults_${++databases}`;
    await run(server.url, `create database ${name}`);
    const url = new URL(server.url);
    url.pathname = `/${name}`;
    return url.href;
  }

  async function withLabAt(url: string, body: (lab: Lab) => Promise<void>): Promise<void> {
    const lab = new Lab(await startPacedUpstream(), { database: url });
    try {
      await lab.start();
      await body(lab);
    } finally {
      await lab.close();
    }
  }

  for (const mode of ["fast", "immediate"] as const) {
    it(`restarts (${mode}) in mid-stream`, async () => {
      await withLabAt(await fresh(), async (lab) => {
        for (let n = 0; n < (FULL ? 10 : 2); n++) {
          const { conversations, ended } = lab.talk(STREAMS, WISH);
          await until("words", answering(conversations));
          await server.restart(mode);
          await ended;
          record(`restart (${mode}) of Postgres`, "postgres", await lab.check(conversations, 5));
        }
      });
    });
  }

  it("ends connections at random", async () => {
    await withLabAt(await fresh(), async (lab) => {
      const { conversations, ended } = lab.talk(STREAMS, WISH);
      await until("words", answering(conversations));
      let over = false;
      void ended.then(() => {
        over = true;
      });
      let times = 0;
      for (; times < (FULL ? 100 : 15) && !over; times++) await endConnections(lab.database, 1);
      await ended;
      record("connections ended by Postgres", "postgres", await lab.check(conversations, 5), times);
    });
  });

  it("is cut off while a statement or COMMIT is on its way, or its answer", async () => {
    await withProxy(server.url, await fresh(), async (proxy, url) => {
      await withLabAt(url, async (lab) => {
        let cuts = 0;
        for (let n = 0; n < (FULL ? 20 : 3); n++) {
          const { conversations, ended } = lab.talk(STREAMS, WISH);
          await until("words", answering(conversations));
          proxy.onClientData = () => {
            if (Math.random() > 0.01) return "pass";
            cuts++;
            return Math.random() < 0.5 ? "cut" : "pass then cut";
          };
          await ended;
          proxy.onClientData = () => "pass";
          record(
            "connection cut at a statement or COMMIT",
            "postgres",
            await lab.check(conversations, 5),
            cuts,
          );
          cuts = 0;
        }
      });
    });
  });

  it("is so slow that statements are given up on, and carries them out later", async () => {
    await withLabAt(await fresh(), async (lab) => {
      for (let n = 0; n < (FULL ? 5 : 1); n++) {
        const { conversations, ended } = lab.talk(STREAMS, WISH);
        await until("words", answering(conversations));
        const other = new pg.Client({ connectionString: lab.database });
        await other.connect();
        await other.query("begin; lock table chunks in access exclusive mode");
        // Longer than the companion waits for a statement.
        await new Promise((resolve) => setTimeout(resolve, 7_000));
        await other.end();
        await ended;
        const checks = await lab.check(conversations, 5);
        record("statements given up on, carried out later", "postgres", checks);
      }
    });
  });

  it("is behind a network that swallows everything", async () => {
    await withProxy(server.url, await fresh(), async (proxy, url) => {
      await withLabAt(url, async (lab) => {
        const { conversations, ended } = lab.talk(STREAMS, { words: 300, gap_ms: 20 });
        await until("words", answering(conversations));
        proxy.onClientData = () => "drop";
        await new Promise((resolve) => setTimeout(resolve, FULL ? 30_000 : 9_000));
        const health = await lab.companion.request("GET", "/healthz");
        assert.equal(health.status, 200);
        proxy.cutAll();
        proxy.onClientData = () => "pass";
        await ended;
        record("a network that swallows everything", "postgres", await lab.check(conversations, 5));
      });
    });
  });

  it("becomes read-only for a while, as after a failover to a standby", async () => {
    await withLabAt(await fresh(), async (lab) => {
      const { conversations, ended } = lab.talk(STREAMS, WISH);
      await until("words", answering(conversations));
      const name = new URL(lab.database).pathname.slice(1);
      await run(server.url, `alter database ${name} set default_transaction_read_only = on`);
      await endConnections(lab.database, 100);
      const told = await saysNotReady(lab.companion, /^storage_readonly$/, 500);
      await run(server.url, `alter database ${name} reset default_transaction_read_only`);
      await endConnections(lab.database, 100);
      const again = await saysReady(lab.companion);
      await ended;
      const checks = await lab.check(conversations, 5);
      record("Postgres read-only for a while", "postgres", { ...checks, told: told + again });
    });
  });

  it("has no connection left for a while", async () => {
    await withLabAt(await fresh(), async (lab) => {
      const { conversations, ended } = lab.talk(STREAMS, WISH);
      await until("words", answering(conversations));
      const taken: pg.Client[] = [];
      const takeAll = async () => {
        for (;;) {
          const client = new pg.Client({ connectionString: server.url });
          client.on("error", () => {});
          try {
            await client.connect();
          } catch {
            return;
          }
          taken.push(client);
        }
      };
      try {
        await takeAll();
        await taken[0]?.query(terminate(lab.database, 100));
        await takeAll();
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      } finally {
        await Promise.all(taken.map((client) => client.end()));
      }
      await ended;
      record("Postgres out of connections", "postgres", await lab.check(conversations, 5));
    });
  });

  it("is shared by two companions that are killed by turns", async () => {
    await withTwoLabs(await fresh(), async (labs) => {
      for (let n = 0; n < (FULL ? 20 : 3); n++) {
        // A client is at home with one of them and finds its session in the other, too.
        const talks = labs.map((lab) => lab.talk(STREAMS / 2, WISH));
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 800));
        const victim = labs[n % 2];
        await victim?.kill();
        await victim?.start();
        await Promise.all(talks.map(({ ended }) => ended));
        const all = talks.flatMap(({ conversations }) => conversations);
        const [first, second] = labs;
        assert.ok(first && second);
        // Asked through the other one.
        const checks = await (n % 2 === 0 ? second : first).check(all, 5);
        record("two companions, one killed", "postgres", checks);
      }
    });
  });

  it("gives the answers of a companion that sleeps past its lease to another", async () => {
    await withTwoLabs(await fresh(), async ([sleeper, other]) => {
      const wish = { words: 900, gap_ms: 20 };
      const conversations = Array.from({ length: STREAMS }, () => new Conversation(wish));
      let home = sleeper;
      const ended = Promise.all(conversations.map((one) => one.run(() => home.where())));
      await until("words", answering(conversations));
      sleeper.companion.process.kill("SIGSTOP");
      // They go to the other companion, which has what the sleeper held continued as
      // soon as the leases have run out.
      home = other;
      for (const one of conversations) one.leave();
      await ended;
      for (const { final } of conversations) assert.equal(final?.type, "done");
      const checks = await other.check(conversations, 5);
      sleeper.companion.process.kill("SIGCONT");
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      // Nothing of what the sleeper still had in hand was written.
      await other.check(conversations, 5);
      record("a companion sleeps past its lease", "postgres", checks);
    });
  });
});

async function withProxy(
  serverUrl: string,
  database: string,
  body: (proxy: TcpProxy, url: string) => Promise<void>,
): Promise<void> {
  const proxy = await startTcpProxy(Number(new URL(serverUrl).port));
  const url = new URL(database);
  url.port = String(proxy.port);
  try {
    await body(proxy, url.href);
  } finally {
    await proxy.close();
  }
}

function terminate(database: string, count: number): string {
  const name = new URL(database).pathname.slice(1);
  return `select pg_terminate_backend(pid) from (select pid from pg_stat_activity
    where datname = '${name}' and pid <> pg_backend_pid() order by random() limit ${count}) as chosen`;
}

async function endConnections(database: string, count: number): Promise<void> {
  const admin = new URL(database);
  admin.pathname = "/postgres";
  await run(admin.href, terminate(database, count));
}

async function run(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

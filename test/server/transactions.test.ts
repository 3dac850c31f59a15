// The list of the last micro-transactions: what it keeps, and how it explains the slow ones.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import SQLite from "better-sqlite3";
import pg from "pg";
import { meter, newFacts } from "../../server/db/commit/metering.ts";
import { RecentTransactions } from "../../server/db/commit/recent-transactions.ts";
import { CheckpointTimes } from "../../server/db/commit/writer-threads.ts";
import { createStorageHealth } from "../../server/db/engine/storage-health.ts";
import { insertMessage } from "../../server/db/tables/messages.ts";
import { changeSession, insertSession } from "../../server/db/tables/sessions.ts";
import { insertTurn } from "../../server/db/tables/turns.ts";
import { createMetrics } from "../../server/observe/metrics.ts";
import { type TransactionEntry, TransactionList } from "../../server/protocol/transactions.ts";
import { buildDiskFaults } from "../faults/support/disk-faults.ts";
import { type Companion, chunksOf, withCompanion } from "../support/companion.ts";
import {
  newSession,
  type OpenTestDatabase,
  storeSession,
  withDatabase,
} from "../support/database.ts";
import { ENGINES, POSTGRES, SQLITE } from "../support/engines.ts";
import { memoryLog } from "../support/log.ts";

function newest({ deps }: OpenTestDatabase): TransactionEntry {
  const [entry] = deps.recent.list(1, false);
  assert.ok(entry);
  return entry;
}

describe("the list of transactions", () => {
  it("keeps a bounded number, newest first, and slow ones in a place of their own", () => {
    const recent = new RecentTransactions(0.1);
    const phases = { wait: 0, body: 0, commit: 0 };
    const add = (seconds: number) => {
      const number = recent.add({
        at: Date.now(),
        operation: "append_chunks",
        sessionId: "s",
        turnId: undefined,
        traceId: undefined,
        status: "success",
        seconds,
        phases,
        attempts: 1,
        size: 0,
        shared: 1,
        explanation: seconds > 0.1 ? { phase: "commit", cause: "fsync" } : undefined,
      });
      return recent.idOf(number);
    };
    const slow = add(0.2);
    const ids = Array.from({ length: 1_000 }, () => add(0.001));
    assert.equal(new Set(ids).size, 1_000);
    const listed = recent.list(5_000, false);
    assert.deepEqual(
      listed.map(({ id }) => id),
      ids.slice(-200).toReversed(),
    );
    assert.deepEqual(
      recent.list(5_000, true).map(({ id, slow }) => ({ id, slow })),
      [{ id: slow, slow: true }],
    );
    for (let i = 0; i < 1_000; i++) add(0.2);
    assert.equal(recent.list(5_000, true).length, 100);
    assert.equal(recent.list(7, true).length, 7);
  });

  for (const engine of ENGINES) {
    it(`says of each commit for whom it was and where its time went: ${engine.engine}`, () =>
      withDatabase(
        engine,
        async (open) => {
          await storeSession(open, "a");
          const uow = open.uow({ sessionId: "a", turnId: "t" });
          await uow.commit("update_session", (trx) =>
            changeSession(trx, "a", { title: "x".repeat(500) }),
          );
          const { id, phases, seconds, ...rest } = newest(open);
          assert.ok(Math.abs(phases.wait + phases.body + phases.commit - seconds) < 1e-9);
          assert.ok(Math.abs(Date.parse(rest.at) - Date.now()) < 60_000);
          assert.ok(rest.text_size >= 500 && rest.text_size < 1_000, String(rest.text_size));
          assert.deepEqual(
            { ...rest, at: "", text_size: 0 },
            {
              at: "",
              operation: "update_session",
              session_id: "a",
              turn_id: "t",
              trace_id: null,
              status: "success",
              attempts: 1,
              text_size: 0,
              shared: 1,
              slow: false,
              explanation: null,
            },
          );
          assert.match(id, /^[0-9a-f]{8}-2$/);
          await assert.rejects(
            uow.commit("update_session", (trx) => changeSession(trx, "none", { title: "t" })),
          );
          assert.equal(newest(open).status, "rollback");
        },
        10,
      ));
  }

  it("counts who shared a commit", () =>
    withDatabase(SQLITE, async (open) => {
      await Promise.all(["a", "b", "c", "d"].map((id) => storeSession(open, id)));
      assert.deepEqual(
        open.deps.recent.list(4, false).map(({ shared }) => shared),
        [4, 4, 4, 4],
      );
    }));

  it("names a lock that another program holds", () =>
    withDatabase(SQLITE, async (open) => {
      const path = open.test.flag;
      const other = new SQLite(path);
      other.exec("begin immediate");
      const stored = storeSession(open, "a");
      await delay(300);
      other.exec("rollback");
      other.close();
      await stored;
      const { explanation, attempts, slow } = newest(open);
      assert.deepEqual(
        { explanation, slow },
        { explanation: { phase: "wait", cause: "lock_wait" }, slow: true },
      );
      assert.ok(attempts > 1);
    }));

  it("names a phase without a cause where it has measured none", () =>
    withDatabase(POSTGRES, async (open) => {
      await storeSession(open, "a");
      const other = new pg.Client({ connectionString: open.test.flag });
      await other.connect();
      await other.query("begin");
      await other.query("select * from sessions where id = 'a' for update");
      const changed = open
        .uow()
        .commit("update_session", (trx) => changeSession(trx, "a", { title: "t" }));
      // Longer than it took to get there, however busy the machine is.
      const asked = performance.now();
      const waiting =
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      while ((await other.query(waiting)).rowCount === 0) {
        // Within a transaction it would show the same for ever.
        await other.query("select pg_stat_clear_snapshot()");
        await delay(5);
      }
      await delay(300 + performance.now() - asked);
      await other.end();
      await changed;
      assert.deepEqual(newest(open).explanation, { phase: "body", cause: null });
    }));

  it("names a large amount of text", () =>
    withDatabase(
      SQLITE,
      async (open) => {
        const content = "word ".repeat(1_000_000);
        await open.uow().commit("import_messages", async (trx) => {
          await insertSession(trx, newSession("a"));
          const turn = { id: "t", session_id: "a", agent_type: "x", model: "m", after_seq: 0 };
          await insertTurn(trx, turn);
          await insertMessage(trx, {
            session_id: "a",
            turn_id: "t",
            position: 1,
            role: "user",
            content,
            status: "complete",
            metadata: {},
          });
        });
        const { explanation, text_size } = newest(open);
        assert.equal(explanation?.cause, "big_write");
        assert.ok(text_size >= content.length);
      },
      0,
    ));

  it("names a checkpoint that ran during most of the COMMIT", () => {
    const times = new CheckpointTimes();
    const seenBy = new CheckpointTimes(times.memory);
    assert.equal(seenBy.within(1_000), 0);
    times.time(() => {
      const until = performance.now() + 30;
      while (performance.now() < until);
      assert.ok(seenBy.within(1_000) >= 29, "while it runs");
      assert.ok(seenBy.within(5) <= 5);
    });
    assert.ok(seenBy.within(1_000) >= 29 && seenBy.within(1_000) < 200);

    const causeWith = (checkpointMs: number, syncMs: number | undefined) => {
      const recent = new RecentTransactions(0.1);
      const { log, lines } = memoryLog();
      const health = createStorageHealth();
      const deps = { metrics: createMetrics("test"), log, recent, health };
      meter(
        { ...deps, appendLog: { checkpointMs: () => checkpointMs } },
        "append_chunks",
        {},
        { status: "success", phases: { wait: 0.01, body: 0, commit: 0.4 } },
        { ...newFacts(undefined), syncMs },
      );
      return lines[0]?.["cause"];
    };
    assert.equal(causeWith(300, 390), "checkpoint");
    assert.equal(causeWith(100, 390), "fsync");
    assert.equal(causeWith(0, 20), null, "the way back from the thread");
    assert.equal(causeWith(0, undefined), null, "a COMMIT that does not sync");
  });
});

async function ask(companion: Companion): Promise<string> {
  const message = { type: "user_message", content: "hello" };
  const answer = await companion.request("POST", "/v1/messages/stream", { message });
  let sessionId = "";
  for await (const chunk of chunksOf(answer)) sessionId = chunk.session_id;
  return sessionId;
}

async function listed(companion: Companion, query = ""): Promise<TransactionList> {
  const response = await companion.request("GET", `/v1/transactions${query}`);
  return TransactionList.parse(await response.json());
}

describe("GET /v1/transactions", () => {
  it("lists what a turn wrote, in the order of its steps", () =>
    withCompanion({ args: ["--slow-threshold", "5000"] }, async (companion) => {
      const sessionId = await ask(companion);
      const { transactions, ...rest } = await listed(companion, "?limit=200");
      assert.deepEqual(rest, { engine: "sqlite", durability: "full", slow_threshold_seconds: 5 });
      const mine = transactions.filter(({ session_id }) => session_id === sessionId).toReversed();
      const operations = mine.map(({ operation }) => operation);
      assert.deepEqual(operations.slice(0, 2), ["add_user_message", "append_chunks"]);
      assert.equal(operations.at(-1), "complete_turn");
      assert.equal(new Set(mine.map(({ turn_id }) => turn_id)).size, 1);
      assert.equal((await listed(companion)).transactions.length, 50);
      assert.equal((await listed(companion, "?limit=2")).transactions.length, 2);
      assert.deepEqual((await listed(companion, "?slow=true")).transactions, []);
      for (const query of ["?limit=0", "?limit=201", "?limit=x", "?slow=maybe"]) {
        const { status } = await companion.request("GET", `/v1/transactions${query}`);
        assert.equal(status, 400, query);
      }
    }));

  it("says fsync when the disk is slow to confirm, under the id of the warning in the log", async function () {
    const faults = buildDiskFaults({ syncMicros: 150_000 });
    if (!faults) return this.skip();
    try {
      await withCompanion({ env: faults.env, quick: true }, async (companion) => {
        faults.begin();
        await ask(companion);
        faults.end();
        const { transactions } = await listed(companion, "?slow=true");
        for (const operation of ["add_user_message", "append_chunks", "complete_turn"]) {
          const found = transactions.find((entry) => entry.operation === operation);
          assert.deepEqual(found?.explanation, { phase: "commit", cause: "fsync" }, operation);
          const warning = companion
            .output()
            .split("\n")
            .find((line) => line.includes(`"transaction_id":"${found?.id}"`));
          assert.match(warning ?? "", /"cause":"fsync".*"msg":"slow transaction"/);
        }
      });
    } finally {
      faults.remove();
    }
  });
});

// The files of a SQLite database are deleted, moved, replaced or emptied while a
// companion has them open.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { watchWalContent } from "../../server/db/engine/wal-content.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { Ready } from "../../server/protocol/responses.ts";
import { ask, lastOf, logOf, until } from "../support/asking.ts";
import { type Companion, newDataDir, startCompanion } from "../support/companion.ts";
import { query } from "../support/damage.ts";

const NAME = "streamkeeper.db";

/** In which ways, and whether the next start has it all back by itself. */
const WAYS: Record<string, { take(file: string): void; back: boolean }> = {
  "the database is deleted": { take: (file) => rmSync(file), back: true },
  "all three files are deleted": {
    take: (file) => {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix);
    },
    back: true,
  },
  "the log is deleted": { take: (file) => rmSync(`${file}-wal`), back: true },
  "the shared memory is deleted": { take: (file) => rmSync(`${file}-shm`), back: true },
  "the log is replaced": {
    take: (file) => {
      rmSync(`${file}-wal`);
      writeFileSync(`${file}-wal`, "");
    },
    back: true,
  },
  "the database is moved": { take: (file) => renameSync(file, `${file}.moved`), back: true },
  "another database takes its place": {
    take: (file) => {
      copyFileSync(file, `${file}.old`);
      renameSync(`${file}.old`, file);
    },
    back: false,
  },
  "it is overwritten with noise": {
    take: (file) => writeFileSync(file, Buffer.alloc(100_000, 0xa5), { flag: "r+" }),
    back: true,
  },
};

async function readiness(companion: Companion): Promise<Ready> {
  return Ready.parse(await (await companion.request("GET", "/readyz")).json());
}

async function wordsIn(companion: Companion): Promise<string> {
  const list = (await (await companion.request("GET", "/v1/sessions")).json()) as {
    sessions: { id: string }[];
  };
  const texts = list.sessions.map(async ({ id }) =>
    (await companion.request("GET", `/v1/sessions/${id}/messages`)).text(),
  );
  return (await Promise.all(texts)).join();
}

describe("a database that is taken away while the companion runs", () => {
  for (const [way, { take, back }] of Object.entries(WAYS)) {
    it(`is noticed within a second, saved, and back at the next start: ${way}`, async () => {
      const dataDir = newDataDir();
      const file = join(dataDir, NAME);
      let companion = await startCompanion({ dataDir, quick: true });
      try {
        const first = await ask(companion, "the first word");
        assert.equal((await lastOf(first.chunks))?.type, "done");
        take(file);
        const since = performance.now();
        await until("it is told", async () => !(await readiness(companion)).ready);
        assert.ok(performance.now() - since < 1_500, `after ${performance.now() - since} ms`);
        await until("it is saved", async () =>
          /kept in/.test((await readiness(companion)).problem?.hint ?? ""),
        );
        assert.equal((await readiness(companion)).problem?.code, "storage_gone");
        await assert.rejects(ask(companion, "a second"), /503.*storage_gone/);
        const metrics = await (await companion.request("GET", "/metrics")).text();
        assert.match(metrics, /storage_failing\{code="storage_gone"\} 1/);
        const saved = readdirSync(dataDir).find((name) => /\.saved-\d{8}T\d{6}Z$/.test(name));
        assert.ok(saved);
        assert.match(
          JSON.stringify(query(join(dataDir, saved), "select * from messages")),
          /first/,
        );
        await companion.stop();

        companion = await startCompanion({ dataDir, quick: true });
        if (!back) {
          const { set_aside } = await readiness(companion);
          assert.match(set_aside?.path ?? "", /set-aside/);
          await companion.stop();
          const doctor = ["server/main.ts", "doctor", "--data-dir", dataDir];
          execFileSync(process.execPath, [...doctor, "--salvage", set_aside?.path ?? ""]);
          companion = await startCompanion({ dataDir, quick: true });
        }
        assert.match(await wordsIn(companion), /the first word/);
        assert.equal((await lastOf((await ask(companion, "more")).chunks))?.type, "done");
      } finally {
        await companion.kill();
        rmSync(dataDir, { recursive: true, force: true });
      }
    }).timeout(60_000);
  }
});

/**
 * Its bytes are gone, whoever holds it open: what can be done is to show nothing more
 * that would be gone, too.
 */
const BYTES_GONE: Record<string, (file: string) => void> = {
  "the log is cut to nothing": (file) => truncateSync(`${file}-wal`, 0),
  "the log is cut in its middle": (file) => {
    truncateSync(`${file}-wal`, Math.floor(statSync(`${file}-wal`).size / 2));
  },
  "the log is overwritten with noise": (file) =>
    writeFileSync(`${file}-wal`, Buffer.alloc(100_000, 0xa5), { flag: "r+" }),
};

describe("a log that loses its bytes while the companion runs", () => {
  for (const [way, take] of Object.entries(BYTES_GONE)) {
    it(`is noticed within a second, and the next start works: ${way}`, async () => {
      const dataDir = newDataDir();
      let companion = await startCompanion({ dataDir, quick: true });
      try {
        await lastOf((await ask(companion, "the first word")).chunks);
        assert.equal((await readiness(companion)).ready, true);
        take(join(dataDir, NAME));
        const since = performance.now();
        await until("it is told", async () => !(await readiness(companion)).ready);
        assert.ok(performance.now() - since < 1_500, `after ${performance.now() - since} ms`);
        await assert.rejects(ask(companion, "a second"), /50\d.*storage_/);
        await companion.stop();
        companion = await startCompanion({ dataDir, quick: true });
        assert.equal((await lastOf((await ask(companion, "more")).chunks))?.type, "done");
      } finally {
        await companion.kill();
        rmSync(dataDir, { recursive: true, force: true });
      }
    }).timeout(60_000);
  }

  it("is not seen in one that is written, checkpointed and begun anew all the time", async () => {
    const folder = newDataDir();
    const file = join(folder, NAME);
    const database = new Database(file);
    database.exec("pragma journal_mode = wal; create table t (x)");
    const main = openSync(file, "r");
    const content = watchWalContent(file, main);
    try {
      const insert = database.prepare("insert into t values (?)");
      for (let round = 0; round < 2_000; round += 1) {
        insert.run("x".repeat(round));
        if (round % 7 === 0) database.pragma("wal_checkpoint(passive)");
        if (round % 50 === 0) database.pragma("wal_checkpoint(truncate)");
        if (round % 211 === 0) database.exec("delete from t; vacuum");
        assert.equal(content.look(), undefined, `round ${round}`);
      }
    } finally {
      database.close();
      content.close();
      closeSync(main);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("an older copy that is copied over the database while the companion runs", () => {
  it("is noticed within a second, and the next start works", async () => {
    const dataDir = newDataDir();
    const file = join(dataDir, NAME);
    const run = async (work: (companion: Companion) => Promise<void>) => {
      const companion = await startCompanion({ dataDir, quick: true });
      try {
        await work(companion);
        await companion.stop();
      } finally {
        await companion.kill();
      }
    };
    const say = async (companion: Companion, text: string) => {
      assert.equal((await lastOf((await ask(companion, text)).chunks))?.type, "done");
    };
    try {
      await run((companion) => say(companion, "an old word"));
      copyFileSync(file, join(dataDir, "copy"));
      await run(async (companion) => {
        for (let n = 0; n < 20; n += 1) await say(companion, `a later word ${"x".repeat(5_000)}`);
      });
      await run(async (companion) => {
        await say(companion, "a word in the log");
        writeFileSync(file, readFileSync(join(dataDir, "copy")));
        const since = performance.now();
        await until("it is told", async () => !(await readiness(companion)).ready);
        assert.ok(performance.now() - since < 1_500, `after ${performance.now() - since} ms`);
        assert.equal((await readiness(companion)).problem?.code, "storage_gone");
        await assert.rejects(ask(companion, "a second"), /50\d.*storage_/);
        await until("it is kept", async () =>
          /copied over ours is kept in/.test((await readiness(companion)).problem?.hint ?? ""),
        );
      });
      await run(async (companion) => {
        const words = await wordsIn(companion);
        assert.match(words, /an old word/);
        assert.doesNotMatch(words, /a later word/);
        assert.match((await readiness(companion)).set_aside?.path ?? "", /set-aside/);
        await say(companion, "more");
      });
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  }).timeout(60_000);
});

describe("a database of no bytes beside a full log", () => {
  for (const how of ["emptied", "deleted"] as const) {
    it(`is opened by nobody, set aside with it, and its words are brought back: ${how}`, async () => {
      const dataDir = newDataDir();
      const file = join(dataDir, NAME);
      let companion = await startCompanion({ dataDir, quick: true });
      try {
        // Nothing has been moved into the file yet, and no word into its session's log.
        const { sessionId, chunks } = await ask(companion, "only in the log, a long story");
        const shown: StreamChunk[] = [];
        for await (const chunk of chunks) if (shown.push(chunk) === 3) break;
        await companion.kill();
        const doctor = ["server/main.ts", "doctor", "--data-dir", dataDir];
        if (how === "emptied") truncateSync(file, 0);
        else rmSync(file);
        const look = spawnSync(process.execPath, doctor, { encoding: "utf8" });
        assert.match(
          look.stdout,
          /The database file is damaged: it is empty beside a write-ahead log/,
        );
        assert.ok(existsSync(`${file}-wal`), "the look leaves the log");
        companion = await startCompanion({ dataDir, quick: true });
        const { set_aside } = await readiness(companion);
        assert.ok(set_aside && existsSync(`${set_aside.path}-wal`), "it is set aside with its log");
        await companion.stop();
        execFileSync(process.execPath, [...doctor, "--salvage", set_aside.path]);
        companion = await startCompanion({ dataDir, quick: true });
        assert.match(await wordsIn(companion), /only in the log/);
        const log = await logOf(companion, sessionId);
        assert.deepEqual(
          log.map(({ seq }) => seq),
          log.map((_, index) => index + 1),
        );
        for (const chunk of shown) assert.deepEqual(log[(chunk.seq ?? 0) - 1], chunk);
        assert.equal(log.at(-1)?.type, "interrupted");
        assert.equal(
          log.some(({ type }) => type === "snapshot"),
          false,
          "no word is lost",
        );
      } finally {
        await companion.kill();
        rmSync(dataDir, { recursive: true, force: true });
      }
    }).timeout(60_000);
  }
});

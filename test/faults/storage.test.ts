// The disk is full, read-only, slow, or held by another program, in the middle of many answers.
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import { chunksOf, runCompanion } from "../support/companion.ts";
import { SQLITE } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { eventsOf } from "../support/log-events.ts";
import { mountSmallDisk } from "../support/small-disk.ts";
import { buildDiskFaults } from "./support/disk-faults.ts";
import { answering, until, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";
import { saysNotReady, saysReady } from "./support/told.ts";

const STREAMS = 20;

describe("the disk", function () {
  this.timeout(120_000);

  it("is full, and has room again", async function () {
    const disk = mountSmallDisk(16);
    if (!disk) return this.skip();
    const dataDir = join(disk.folder, "data");
    try {
      await withLab(
        SQLITE,
        async (lab) => {
          const { conversations, ended } = lab.talk(STREAMS, { words: 400, gap_ms: 5 });
          await until("words", answering(conversations));
          disk.fill();
          // The turns cannot even commit their end.
          await until("the log to say so", () =>
            lab.companion.output().includes("could not be saved yet"),
          );
          const health = await lab.companion.request("GET", "/healthz");
          assert.equal(health.status, 200, "alive on a full disk");
          const told = await saysNotReady(lab.companion, /^storage_full$/, 500);
          disk.free();
          const again = await saysReady(lab.companion);
          await ended;
          for (const { final } of conversations) {
            assert.equal(final?.type, "error");
            assert.equal(final?.metadata?.code, "storage_full");
          }
          const checks = await lab.check(conversations, 5);
          record("full disk", "sqlite", { ...checks, told: told + again });
        },
        { dataDir },
      );
    } finally {
      disk.unmount();
    }
  });

  for (const seconds of FULL ? [1, 10, 30] : [1, 4]) {
    it(`is locked by another program for ${seconds} s`, () =>
      withLab(SQLITE, async (lab) => {
        const { conversations, ended } = lab.talk(STREAMS, { words: 300, gap_ms: 5 });
        await until("words", answering(conversations));
        const other = new SQLite(lab.database);
        // The companion holds it most of the time.
        while (!locked(other)) await new Promise((resolve) => setTimeout(resolve, 1));
        const asked = performance.now();
        const health = await lab.companion.request("GET", "/healthz");
        assert.equal(health.status, 200);
        assert.ok(performance.now() - asked < 1_000, "the event loop is free");
        const end = performance.now() + seconds * 1000;
        let told = 0;
        if (seconds > 3) told = await saysNotReady(lab.companion, /^storage_busy$/, 300);
        await new Promise((resolve) => setTimeout(resolve, end - performance.now()));
        other.exec("rollback");
        other.close();
        if (told > 0) told += await saysReady(lab.companion);
        await ended;
        const checks = await lab.check(conversations, 5);
        record(`database locked for ${seconds} s`, "sqlite", { ...checks, told });
      }));
  }

  it("is read-only at the start: said in words, and nothing is changed", async function () {
    const disk = mountSmallDisk(64);
    if (!disk) return this.skip();
    const dataDir = join(disk.folder, "data");
    try {
      await withLab(
        SQLITE,
        async (lab) => {
          const { conversations, ended } = lab.talk(STREAMS, { words: 20, gap_ms: 1 });
          await ended;
          lab.down();
          await lab.companion.stop();
          disk.remount("ro");
          const refused = runCompanion(["--data-dir", dataDir]);
          assert.equal((await refused.ended).code, 2);
          assert.match(refused.output(), /^streamkeeper: .*(read-only|cannot be written)/im);
          disk.remount("rw");
          await lab.start();
          record("read-only file system", "sqlite", await lab.check(conversations, 5));
        },
        { dataDir },
      );
    } finally {
      disk.unmount();
    }
  });

  it("needs 20 ms more for each fsync", async function () {
    const faults = buildDiskFaults({ syncMicros: 20_000 });
    if (!faults) return this.skip();
    try {
      await withLab(
        SQLITE,
        async (lab) => {
          faults.begin();
          const { conversations, ended } = lab.talk(100, { words: 100, gap_ms: 10 });
          await ended;
          for (const { final } of conversations) assert.equal(final?.type, "done");
          record("fsync slowed by 20 ms, 100 streams", "sqlite", await lab.check(conversations, 5));
        },
        { env: faults.env },
      );
    } finally {
      faults.remove();
    }
  });

  it("becomes read-only while answers run, as a disk with errors does", async function () {
    const faults = buildDiskFaults({ failEvery: 1, error: "EROFS" });
    if (!faults) return this.skip();
    try {
      await withLab(
        SQLITE,
        async (lab) => {
          const { conversations, ended } = lab.talk(STREAMS, { words: 400, gap_ms: 5 });
          await until("words", answering(conversations));
          faults.begin();
          const told = await saysNotReady(lab.companion, /^(storage_readonly|commit_failed)$/, 500);
          faults.end();
          const again = await saysReady(lab.companion);
          await ended;
          const checks = await lab.check(conversations, 5);
          const row = "disk read-only in mid-stream";
          record(row, "sqlite", { ...checks, told: told + again });
        },
        { env: faults.env },
      );
    } finally {
      faults.remove();
    }
  });

  for (const failEvery of FULL ? [1, 2, 3, 5, 7, 11, 20, 50, 100, 200] : [1, 3, 50]) {
    it(`fails at every ${failEvery}. write or sync, and recovers`, async function () {
      const faults = buildDiskFaults({ failEvery });
      if (!faults) return this.skip();
      try {
        await withLab(
          SQLITE,
          async (lab) => {
            const { conversations, ended } = lab.talk(STREAMS, { words: 300, gap_ms: 5 });
            await until("words", answering(conversations));
            faults.begin();
            await new Promise((resolve) => setTimeout(resolve, 700));
            faults.end();
            await ended;
            record("disk errors", "sqlite", await lab.check(conversations, 5));
          },
          { env: faults.env },
        );
      } finally {
        faults.remove();
      }
    });
  }
});

describe("an older copy of the database", function () {
  this.timeout(120_000);

  it("is put back by hand, and every reader ahead of it is told at once", () =>
    withLab(SQLITE, async (lab) => {
      const copyTo = (to: string, from: string) => {
        for (const part of ["", "-wal"]) cpSync(from + part, to + part, { force: true });
        rmSync(`${to}-shm`, { force: true });
      };
      const { conversations, ended } = lab.talk(STREAMS, { words: 30, gap_ms: 2 });
      await ended;
      await lab.kill();
      const copy = join(lab.dataDir, "copy.db");
      copyTo(copy, lab.database);
      await lab.start();
      const later = lab.talk(STREAMS, { words: 30, gap_ms: 2 });
      await later.ended;
      const ends = new Map<string, number>();
      for (const { sessionId = "" } of conversations) {
        const message = { type: "user_message", content: JSON.stringify({ words: 5, gap_ms: 1 }) };
        const body = { session_id: sessionId, message };
        const answer = await lab.companion.request("POST", "/v1/messages/stream", body);
        for await (const { seq } of chunksOf(answer)) ends.set(sessionId, seq);
      }
      await lab.kill();
      copyTo(lab.database, copy);
      await lab.start();
      for (const [sessionId, end] of ends) {
        const path = `/v1/sessions/${sessionId}/stream?after=${end}`;
        const [told] = (await eventsOf(lab.companion, path, 1)).events;
        assert.equal(told?.event, "log_reset");
        assert.equal(told.data["resume_after"], told.data["last_seq"]);
        assert.ok(Number(told.data["last_seq"]) < end);
      }
      record("an older copy put back by hand", "sqlite", await lab.check(conversations, 5));
    }));
});

function locked(file: SQLite.Database): boolean {
  try {
    file.exec("begin immediate");
    return true;
  } catch {
    return false;
  }
}

// Copies that are made while chats go on, how many are kept, and the way back.
import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { mock } from "node:test";
import { checkDatabase } from "../../server/doctor/check/check-database.ts";
import { type Backup, listBackups, makeBackup } from "../../server/doctor/files/backups.ts";
import { backUpIfDue, keepBackups, outdated } from "../../server/doctor/files/keep-backups.ts";
import { toStamp } from "../../server/doctor/files/stamp.ts";
import { FINISH, openChat, read, say, text } from "../support/chat.ts";
import { newDataDir, runCompanion, startCompanion } from "../support/companion.ts";
import { query, scribble, tamper } from "../support/damage.ts";
import { reportOn, runDoctor, withStoredChats } from "../support/doctor.ts";
import { memoryLog } from "../support/log.ts";
import { mountSmallDisk } from "../support/small-disk.ts";

const DAY_MS = 24 * 60 * 60_000;

describe("backups", function () {
  this.timeout(60_000);

  it("are whole while an answer streams, private, and one by one", () =>
    withStoredChats(async ({ dataDir, path }) => {
      let stop = false;
      const chat = await openChat({ engine: "sqlite", path }, async function* () {
        while (!stop) {
          yield text("word ");
          await new Promise(setImmediate);
        }
        yield FINISH;
      });
      const turn = await say(chat.chat, "go on and on");
      const backup = await makeBackup({ dataDir, path });
      stop = true;
      await read(chat.chat, turn);
      await chat.close();

      const { findings, counts } = await checkDatabase(
        { engine: "sqlite", path: backup.path },
        true,
      );
      assert.deepEqual(findings, []);
      assert.equal(counts?.turns, 7);
      assert.equal(statSync(backup.path).mode & 0o777, 0o600);
      assert.equal(statSync(join(dataDir, "backups")).mode & 0o777, 0o700);
      assert.deepEqual(readdirSync(join(dataDir, "backups")), [basename(backup.path)]);
    }));

  it("are made once a day by the companion itself, from a minute after its start on", () =>
    withStoredChats(async ({ dataDir, path }) => {
      mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
      let told = 0;
      const { log, lines } = memoryLog();
      const keeping = keepBackups({ dataDir, path }, log, async () => void (told += 1));
      mock.timers.tick(60_000);
      mock.timers.reset();
      while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      await keeping.stop();
      assert.equal(lines[0]?.msg, "made a backup");
      assert.equal(told, 1);
      const [made] = listBackups(dataDir);
      const signal = new AbortController().signal;
      await backUpIfDue({ dataDir, path }, log, signal);
      assert.deepEqual(listBackups(dataDir), [made]);
      if (made) setBack(dataDir, made, 1.1 * DAY_MS);
      await backUpIfDue({ dataDir, path }, log, signal);
      assert.equal(listBackups(dataDir).length, 2);
    }));

  it("can be left out, daily or never", async () => {
    const { ended, output } = runCompanion(["--backups", "hourly"]);
    assert.equal((await ended).code, 2);
    assert.match(output(), /--backups hourly: expected one of daily, never/);
  });

  it("give way to chats when the disk has little room", async function () {
    const disk = mountSmallDisk(20);
    if (!disk) return this.skip();
    try {
      await withStoredChats(async ({ path }) => {
        copyFileSync(path, join(disk.folder, "streamkeeper.db"));
        const { log, lines } = memoryLog();
        const place = { dataDir: disk.folder, path: join(disk.folder, "streamkeeper.db") };
        await backUpIfDue(place, log, new AbortController().signal);
        assert.deepEqual(
          lines.map(({ level, msg }) => [level, msg]),
          [["warn", "no backup was made, since the disk has no room for it"]],
        );
        assert.deepEqual(readdirSync(join(disk.folder, "backups")), []);
      });
    } finally {
      disk.unmount();
    }
  });

  it("leave nothing behind when they fail", () =>
    withStoredChats(
      async ({ dataDir, path }) => {
        scribble(path, "settled_chunks");
        const { log, lines } = memoryLog();
        await backUpIfDue({ dataDir, path }, log, new AbortController().signal);
        assert.deepEqual(
          lines.map(({ msg }) => msg),
          ["a backup could not be made"],
        );
        assert.deepEqual(readdirSync(join(dataDir, "backups")), []);
        assert.equal((await runDoctor("--data-dir", dataDir, "--backup")).code, 3);
      },
      3,
      20,
    ));

  it("are kept for three days and three weeks, and the last one before a file was set aside", () => {
    const start = Date.parse("2026-03-02T00:00:00Z");
    let backups: Backup[] = [];
    const aside = [new Date(start + 10.5 * DAY_MS)];
    for (let hour = 0; hour < 60 * 24; hour += 8) {
      const at = new Date(start + hour * 3_600_000);
      backups.push({ path: toStamp(at), at });
      const gone = outdated(backups, aside[0] && at > aside[0] ? aside : []);
      backups = backups.filter((backup) => !gone.includes(backup));
      assert.ok(backups.length <= 7, `${backups.length} at ${at.toISOString()}`);
    }
    assert.deepEqual(
      backups.map(({ path }) => path),
      [
        "20260312T080000Z",
        "20260416T000000Z",
        "20260423T000000Z",
        "20260428T160000Z",
        "20260429T160000Z",
        "20260430T000000Z",
        "20260430T160000Z",
      ],
    );
  });
});

describe("doctor --restore", function () {
  this.timeout(60_000);

  it("brings everything back, and keeps the backup and what was there", () =>
    withStoredChats(async ({ dataDir, path, sessions }) => {
      assert.equal((await reportOn(dataDir, "--backup")).code, 0);
      const [backup] = listBackups(dataDir);
      const file = backup?.path ?? "";
      tamper(path, "delete from sessions", "pragma user_version = 77");
      const { code, report } = await reportOn(dataDir, "--restore", file);
      assert.equal(code, 0);
      assert.equal(
        report.counts?.chunks,
        query<{ n: number }>(file, "select count(*) as n from chunks")[0]?.n,
      );
      assert.deepEqual(listBackups(dataDir), [backup]);
      const [kept] = readdirSync(dataDir).filter((name) => name.includes(".replaced-"));
      const marks = query<{ user_version: number }>(
        join(dataDir, kept ?? ""),
        "pragma user_version",
      );
      assert.deepEqual(marks, [{ user_version: 77 }]);
      assert.equal(statSync(path).mode & 0o777, 0o600);

      const companion = await startCompanion({ dataDir, quick: true });
      const refused = await runDoctor("--data-dir", dataDir, "--restore", file);
      assert.equal(refused.code, 3);
      const answer = await companion.request("POST", "/v1/messages/stream", {
        session_id: sessions[0]?.id,
        message: { type: "user_message", content: "still there?" },
      });
      assert.match(await answer.text(), /event: done/);
      await companion.stop();
    }));

  it("changes nothing when the backup is damaged, another program's or not there", () =>
    withStoredChats(
      async ({ dataDir, path }) => {
        const folder = join(dataDir, "elsewhere");
        mkdirSync(folder);
        const damaged = join(folder, "damaged.db");
        copyFileSync(path, damaged);
        scribble(damaged, "messages", 1);
        const other = join(folder, "other.db");
        tamper(other, "create table notes (text)");
        const words = join(folder, "words.txt");
        writeFileSync(words, "no database");
        const before = statSync(path);
        for (const file of [damaged, other, words, join(folder, "nothing.db")]) {
          const { code, output } = await runDoctor("--data-dir", dataDir, "--restore", file);
          assert.equal(code, 3, output);
          assert.match(output, /Nothing was changed/);
        }
        const { ino, mtimeMs } = statSync(path);
        assert.deepEqual({ ino, mtimeMs }, { ino: before.ino, mtimeMs: before.mtimeMs });
      },
      3,
      20,
    ));

  it("is for SQLite: Postgres has its own tools", async () => {
    for (const task of [["--backup"], ["--restore", "x"]]) {
      const dataDir = newDataDir();
      const url = "postgres://localhost/none";
      const { code, output } = await runDoctor("--data-dir", dataDir, "--database", url, ...task);
      assert.equal(code, 2);
      assert.match(output, /pg_dump/);
      rmSync(dataDir, { recursive: true });
    }
  });

  it("is named for a file that was set aside; a damaged backup is a problem", () =>
    withStoredChats(async ({ dataDir, path }) => {
      const { path: backup } = await makeBackup({ dataDir, path });
      scribble(backup, "messages", 1);
      copyFileSync(path, `${path}.set-aside-20260101T000000Z`);
      const { code, report } = await reportOn(dataDir);
      assert.equal(code, 1);
      assert.deepEqual(
        report.findings.map(({ check, severity }) => [check, severity]),
        [
          ["backups", "note"],
          ["backups", "problem"],
        ],
      );
      assert.ok(existsSync(backup));
    }));
});

/** Makes a backup older. */
function setBack(dataDir: string, { path, at }: Backup, ms: number): void {
  const older = join(dataDir, "backups", `streamkeeper-${toStamp(new Date(at.getTime() - ms))}.db`);
  copyFileSync(path, older);
  rmSync(path);
}

// A database file that cannot be read: it is kept under another name, and work
// goes on with an empty one.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setAside } from "../../server/doctor/files/set-aside.ts";
import { Ready } from "../../server/protocol/responses.ts";
import { type Companion, newDataDir, runCompanion, startCompanion } from "../support/companion.ts";
import { forgetIndex, scribble, tamper } from "../support/damage.ts";
import { reportOn, withStoredChats } from "../support/doctor.ts";

describe("a database file that cannot be read", function () {
  this.timeout(60_000);

  it("is set aside, never overwritten, and an empty one takes its place", () =>
    withStoredChats(async ({ dataDir, path }) => {
      const noise = ["first", "second"].map((word) => word.repeat(5_000));
      const names: string[] = [];
      for (const content of noise) {
        writeFileSync(path, content);
        await withRunning(dataDir, async (companion) => {
          const { set_aside, ready } = await readiness(companion);
          assert.equal(ready, true);
          assert.equal(set_aside?.backup_at, null);
          assert.match(set_aside?.path ?? "", /streamkeeper\.db\.set-aside-\d{8}T\d{6}Z(-2)?$/);
          names.push(set_aside?.path ?? "");
          assert.match(companion.output(), /"level":"warn".*was set aside"/);
          assert.equal(await talk(companion), 200);
        });
      }
      assert.deepEqual(
        names.map((name) => readFileSync(name, "utf8")),
        noise,
      );
    }));

  it("takes all that belongs to it along, and another name when that one is taken", () => {
    const folder = newDataDir();
    const path = join(folder, "a.db");
    const at = new Date("2026-01-31T23:59:58.700Z");
    for (const part of ["", "-wal", "-shm"]) writeFileSync(path + part, part);
    assert.equal(setAside(path, "set-aside", at), `${path}.set-aside-20260131T235958Z`);
    writeFileSync(path, "next");
    assert.equal(setAside(path, "set-aside", at), `${path}.set-aside-20260131T235958Z-2`);
    assert.deepEqual(readdirSync(folder), [
      "a.db.set-aside-20260131T235958Z",
      "a.db.set-aside-20260131T235958Z-2",
      "a.db.set-aside-20260131T235958Z-shm",
      "a.db.set-aside-20260131T235958Z-wal",
    ]);
    rmSync(folder, { recursive: true });
  });

  it("is said until it is gone, with the backup before it", () =>
    withStoredChats(async ({ dataDir, path }) => {
      assert.equal((await reportOn(dataDir, "--backup")).code, 0);
      const [backup = ""] = readdirSync(join(dataDir, "backups"));
      writeFileSync(path, "noise");
      let aside = "";
      for (const start of ["first", "second"]) {
        await withRunning(dataDir, async (companion) => {
          const { set_aside } = await readiness(companion);
          const at = set_aside?.backup_at?.replaceAll(/[-:]|\.000/g, "");
          assert.equal(`streamkeeper-${at}.db`, backup, start);
          aside = set_aside?.path ?? "";
        });
      }
      rmSync(aside);
      await withRunning(dataDir, async (companion) => {
        assert.equal((await readiness(companion)).set_aside, null);
      });
    }));

  it("is noticed while a companion runs, who goes on, and is checked at the next start", () =>
    withStoredChats(
      async ({ dataDir, path, sessions }) => {
        const marker = join(dataDir, "database-suspect");
        const companion = await startCompanion({ dataDir, quick: true });
        assert.ok(scribble(path, "settled_chunks") > 10);
        for (const { id } of sessions) {
          const log = await companion.request("GET", `/v1/sessions/${id}/stream?until=turn_end`);
          // Cut off where it cannot be read.
          await log.text().catch(() => {});
        }
        scribble(path, "messages", 6);
        const codes = new Set<unknown>();
        for (const { id } of sessions) {
          const list = await companion.request("GET", `/v1/sessions/${id}/messages`);
          const { error } = (await list.json()) as { error?: { code: string } };
          codes.add(error?.code);
        }
        assert.deepEqual(codes, new Set([undefined, "storage_corrupt"]));
        assert.equal(readFileSync(marker, "utf8"), `${path}\n`);
        assert.match(
          companion.output(),
          /"level":"error".*a damaged place of the database was met/,
        );
        assert.equal(await talk(companion), 200);
        await companion.stop();
        await withRunning(dataDir, async (next) => {
          assert.ok((await readiness(next)).set_aside);
          assert.equal(existsSync(marker), false);
        });
      },
      8,
      60,
    ));

  it("is told from one that was suspected only, and from one whose indexes alone are bad", () =>
    withStoredChats(async ({ dataDir, path, sessions }) => {
      for (const damage of [
        () => {},
        () => forgetIndex(path, "messages_by_turn", "update messages set rowid = rowid + 1000"),
      ]) {
        damage();
        writeFileSync(join(dataDir, "database-suspect"), `${path}\n`);
        await withRunning(dataDir, async (companion) => {
          assert.equal((await readiness(companion)).set_aside, null);
          const messages = await companion.request(
            "GET",
            `/v1/sessions/${sessions[0]?.id}/messages`,
          );
          assert.equal(((await messages.json()) as { messages: [] }).messages.length, 4);
        });
        assert.equal(existsSync(join(dataDir, "database-suspect")), false);
        assert.deepEqual((await reportOn(dataDir)).report.findings, []);
      }
    }));

  it("is left alone when it may be another program's, or is of a newer version", () =>
    withStoredChats(async ({ dataDir, path }) => {
      const elsewhere = newDataDir();
      const letter = join(elsewhere, "letter.txt");
      writeFileSync(letter, "dear reader, ".repeat(1_000));
      const refused = runCompanion(["--data-dir", dataDir, "--database", letter]);
      assert.equal((await refused.ended).code, 1);
      assert.match(
        refused.output(),
        /letter\.txt is damaged, or no database of Streamkeeper.* left as it is/,
      );
      assert.deepEqual(readdirSync(elsewhere), ["letter.txt"]);

      // With our mark it is ours, wherever it is.
      const moved = join(elsewhere, "moved.db");
      renameSync(path, moved);
      scribble(moved, "sqlite_schema", 1);
      await withRunning(
        dataDir,
        async (companion) => {
          assert.match((await readiness(companion)).set_aside?.path ?? "", /moved\.db\.set-aside-/);
        },
        ["--database", moved],
      );
      rmSync(elsewhere, { recursive: true });
    }));

  it("is not what a database of a newer version is: that stays in its place", () =>
    withStoredChats(async ({ dataDir, path }) => {
      tamper(path, "insert into kysely_migration values ('9999-future', '2030-01-01')");
      writeFileSync(join(dataDir, "database-suspect"), `${path}\n`);
      const refused = runCompanion(["--data-dir", dataDir]);
      assert.equal((await refused.ended).code, 1);
      assert.match(refused.output(), /newer Streamkeeper/);
      assert.deepEqual(
        readdirSync(dataDir).filter((name) => name.includes("aside")),
        [],
      );
    }));
});

async function withRunning(
  dataDir: string,
  body: (companion: Companion) => Promise<void>,
  args: string[] = [],
): Promise<void> {
  const companion = await startCompanion({ dataDir, args, quick: true });
  try {
    await body(companion);
  } finally {
    await companion.stop();
  }
}

async function readiness(companion: Companion): Promise<Ready> {
  return Ready.parse(await (await companion.request("GET", "/readyz")).json());
}

async function talk(companion: Companion): Promise<number> {
  const answer = await companion.request("POST", "/v1/sessions", { title: "a new chat" });
  return answer.ok ? 200 : answer.status;
}

// The database's files are taken away in the middle of many answers: what anybody was shown is
// there at the next start.
import assert from "node:assert/strict";
import { copyFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { SQLITE } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { Conversation } from "./support/conversation.ts";
import { answering, type Lab, until, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";

const STREAMS = 20;

const WAYS: Record<string, (file: string) => void> = {
  "the database": (file) => rmSync(file),
  "its log": (file) => rmSync(`${file}-wal`),
  "its shared memory": (file) => rmSync(`${file}-shm`),
  "all three": (file) => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix);
  },
  "the database, by a move": (file) => renameSync(file, `${file}.moved`),
  "its log, by another": (file) => {
    writeFileSync(`${file}.new`, "");
    renameSync(`${file}.new`, `${file}-wal`);
  },
};

describe("the files of the database", function () {
  this.timeout(120_000);

  for (const [what, take] of Object.entries(WAYS)) {
    for (let n = 1; n <= (FULL ? 10 : 1); n++) {
      it(`are taken away while answers run: ${what}${FULL ? ` (${n})` : ""}`, () =>
        withLab(SQLITE, async (lab) => {
          const { conversations, ended } = lab.talk(STREAMS, { words: 600, gap_ms: 5 });
          await until("words", answering(conversations, n * 3));
          take(lab.database);
          const since = performance.now();
          while ((await problemOf(lab))?.code !== "storage_gone") await pause(20);
          assert.ok(performance.now() - since < 1_500, "noticed within a second");
          while (!/kept in/.test((await problemOf(lab))?.hint ?? "")) await pause(20);
          const shown = () => conversations.reduce((sum, { frames }) => sum + frames.size, 0);
          const before = shown();
          await pause(300);
          assert.equal(shown(), before, "nothing is shown any more");
          await lab.kill();
          await lab.start();
          await ended;
          record("database files taken away", "sqlite", await lab.check(conversations, 5));
        }));
    }
  }

  it("are replaced by an older copy: both are kept, and the newer one can be brought back", () =>
    withLab(SQLITE, async (lab) => {
      const leaving = new AbortController();
      const conversation = new Conversation({ words: 600, gap_ms: 5 });
      const talking = conversation.run(lab.where, leaving.signal);
      await until("words", answering([conversation]));
      copyFileSync(lab.database, `${lab.database}.copy`);
      renameSync(`${lab.database}.copy`, lab.database);
      while (!/kept in/.test((await problemOf(lab))?.hint ?? "")) await pause(20);
      leaving.abort();
      await lab.kill();
      await talking;
      await lab.start();
      assert.match(lab.companion.output(), /both are kept/);
    }));
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function problemOf(lab: Lab): Promise<{ code: string; hint?: string } | null> {
  const response = await lab.companion.request("GET", "/readyz");
  const { problem } = (await response.json()) as {
    problem: { code: string; hint?: string } | null;
  };
  return problem;
}

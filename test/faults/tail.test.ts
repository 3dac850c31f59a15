// The companion is killed while the newest words of all answers are not in their logs yet
// (server/db/commit/tail.ts): what anybody was shown is there, once, in its place, and the same.
import assert from "node:assert/strict";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import SQLite from "better-sqlite3";
import { SQLITE } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { type Conversation, chunkOf } from "./support/conversation.ts";
import { answering, type Lab, until, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";

/** Each round has a file of its own, since all of it is looked at after each kill. */
const ROUNDS = FULL ? 40 : 1;
const KILLS = FULL ? 25 : 5;
const STREAMS = 20;
/** Long enough that words get their places, and that the places they had are given back. */
const LONGEST_MS = 1_600;
/** After every so many kills the next start is killed, too. */
const IN_START = 5;

interface Row {
  seq: number;
  turn_id: string | null;
  type: string;
  payload: string;
}

interface Look {
  /** Rows that are not in their logs yet. */
  unsettled: number;
  /** Answers some words of which are in their logs, and the newest ones not. */
  half: number;
  logs: Map<string, Row[]>;
}

/** By a connection of its own: each chunk that was shown until now is there, in order. */
function lookAt(path: string, conversations: readonly Conversation[]): Look {
  const file = new SQLite(path, { readonly: true, timeout: 5_000 });
  try {
    const inTail = file
      .prepare<[], { half: number }>(
        `select exists (select 1 from settled_chunks as settled where type = 'assistant_message'
           and settled.session_id = tail.session_id and settled.turn_id = tail.turn_id) as half
         from tail join sessions on sessions.id = session_id and seq > last_seq
         group by session_id`,
      )
      .all();
    const unsettled = file
      .prepare<[], number>(
        "select count(*) from tail join sessions on id = session_id and seq > last_seq",
      )
      .pluck()
      .get();
    const half = inTail.filter((one) => one.half === 1).length;
    const read = file.prepare<[string], Row>(
      "select seq, turn_id, type, payload from chunks where session_id = ? order by seq",
    );
    const logs = new Map<string, Row[]>();
    for (const { sessionId = "", frames } of conversations) {
      const rows = read.all(sessionId);
      logs.set(sessionId, rows);
      checkLog(sessionId, rows, frames);
    }
    return { unsettled: unsettled ?? 0, half, logs };
  } finally {
    file.close();
  }
}

function checkLog(id: string, rows: readonly Row[], frames: ReadonlyMap<number, string>): void {
  assert.deepEqual(
    rows.map(({ seq }) => seq),
    rows.map((_, index) => index + 1),
    `the log of ${id}`,
  );
  for (const [seq, block] of frames) {
    const shown = chunkOf(block);
    const row = rows[seq - 1];
    assert.ok(row, `chunk ${seq} of ${id} was shown and is not there`);
    const stored = JSON.parse(row.payload) as object;
    assert.equal(row.turn_id ?? undefined, shown.turn_id);
    assert.deepEqual({ ...shown, type: row.type, ...stored }, shown);
  }
  const said = rows
    .filter(({ type }) => type === "assistant_message")
    .map(({ payload }) => (JSON.parse(payload) as { token: string }).token);
  const words = said.join("").match(/\S+ /g) ?? [];
  assert.deepEqual(
    words,
    words.map((_, n) => `w${n} `),
    `the answer of ${id}`,
  );
}

/** What the kill has left, which nobody has opened since. */
function lookAtDead({ database, dataDir }: Lab, conversations: readonly Conversation[]): Look {
  const copy = join(dataDir, "dead.db");
  rmSync(`${copy}-shm`, { force: true });
  for (const part of ["", "-wal"]) copyFileSync(database + part, copy + part);
  return lookAt(copy, conversations);
}

/** Kills it after so long, and looks before, between and after; returns what the kill has left. */
async function kill(lab: Lab, afterMs: number, isStartKilled: boolean): Promise<Look> {
  const { conversations, ended } = lab.talk(STREAMS, { words: 2_000, gap_ms: 10 });
  await until("words", answering(conversations));
  const killAt = performance.now() + afterMs;
  await delay(Math.random() * afterMs);
  lookAt(lab.database, conversations);
  await delay(Math.max(0, killAt - performance.now()));
  await lab.kill();
  // What was on its way to them is shown, too.
  await until("the readers' ends", () => conversations.every(({ reconnects }) => reconnects > 0));
  const dead = lookAtDead(lab, conversations);
  if (isStartKilled) await lab.killInStart(200 + Math.random() * 800);
  await lab.start();
  const after = lookAt(lab.database, conversations);
  assert.equal(after.unsettled, 0);
  for (const [id, rows] of dead.logs) {
    assert.deepEqual(after.logs.get(id)?.slice(0, rows.length), rows, "also what nobody was shown");
  }
  await ended;
  const checks = await lab.check(conversations, 1);
  // On a busy machine a model may have said nothing for so long that all is settled.
  if (dead.unsettled > 0) {
    record("kill -9, words in the tail", "sqlite", checks, isStartKilled ? 2 : 1);
  }
  return dead;
}

describe("the tail of the log", function () {
  this.timeout(FULL ? 900_000 : 120_000);

  for (let round = 1; round <= ROUNDS; round++) {
    const which = FULL ? ` (round ${round} of ${ROUNDS})` : "";
    it(`loses and doubles nothing by kill -9 at ${KILLS} moments${which}`, () =>
      withLab(SQLITE, async (lab) => {
        let half = 0;
        for (let n = 0; n < KILLS; ) {
          const afterMs = ((n + Math.random()) / KILLS) * LONGEST_MS;
          const left = await kill(lab, afterMs, n % IN_START === IN_START - 1);
          if (left.unsettled > 0) n++;
          half += left.half;
        }
        assert.ok(half > 0, "some words had their places, and newer ones of theirs not");
      }));
  }
});

// A log that went back: readers are told where to begin, at once, whoever
// put the older state there.
import assert from "node:assert/strict";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beginEpoch, currentEpoch } from "../../server/db/tables/epochs.ts";
import { listBackups } from "../../server/doctor/files/backups.ts";
import type { LogReset } from "../../server/protocol/stream-events.ts";
import { FINISH, read, say, text, withChat } from "../support/chat.ts";
import { type Companion, chunksOf, newDataDir, startCompanion } from "../support/companion.ts";
import { tamper } from "../support/damage.ts";
import { runDoctor } from "../support/doctor.ts";
import { ENGINES } from "../support/engines.ts";
import { eventsOf } from "../support/log-events.ts";
import { withTwo } from "../support/two-companions.ts";

const MINUTE = 60_000;

async function* answers() {
  yield text("Words.");
  yield text(" And more.");
  yield FINISH;
}

/** Sends a message to the demo; resolves with the session and the last number of its log. */
async function talk(
  companion: Companion,
  session_id?: string,
): Promise<{ id: string; end: number }> {
  const message = { type: "user_message", content: "hi" };
  const body = { model: "demo/demo", message, ...(session_id && { session_id }) };
  const response = await companion.request("POST", "/v1/messages/stream", body);
  let last = { id: "", end: 0 };
  for await (const { session_id: id, seq } of chunksOf(response)) last = { id, end: seq };
  return last;
}

async function withDataDir(body: (dataDir: string, database: string) => Promise<void>) {
  const dataDir = newDataDir();
  try {
    await body(dataDir, join(dataDir, "streamkeeper.db"));
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function withStarted<T>(dataDir: string, body: (companion: Companion) => Promise<T>) {
  const companion = await startCompanion({ dataDir, quick: true });
  try {
    return await body(companion);
  } finally {
    await companion.stop();
  }
}

const streamOf = (id: string, query = "") => `/v1/sessions/${id}/stream${query}`;

describe("a log that went back", function () {
  this.timeout(MINUTE);

  for (const how of ["by the doctor", "by copying a file", "by copying a daily backup"] as const) {
    it(`${how}: readers with an old cursor or an old epoch are told where to begin`, () =>
      withDataDir(async (dataDir, database) => {
        const copy = join(dataDir, "copy.db");
        const first = await withStarted(dataDir, async (companion) => {
          const { id, end } = await talk(companion);
          if (how !== "by the doctor") {
            tamper(database, "pragma wal_checkpoint(truncate)");
            if (how === "by copying a file") copyFileSync(database, copy);
          }
          return { id, end };
        });
        if (how === "by the doctor") await runDoctor("--data-dir", dataDir, "--backup");
        if (how === "by copying a daily backup") copyFileSync(database, copy);
        const { epoch, end } = await withStarted(dataDir, async (companion) => {
          const later = await talk(companion, first.id);
          const answer = await eventsOf(companion, streamOf(first.id), 1);
          return { epoch: answer.epoch, end: later.end };
        });
        assert.ok(end > first.end);
        assert.match(epoch, /^\w+$/);
        if (how === "by the doctor") {
          const backup = listBackups(dataDir)[0]?.path ?? "";
          const { code } = await runDoctor("--data-dir", dataDir, "--restore", backup);
          assert.equal(code, 0);
        } else {
          for (const part of ["-wal", "-shm"]) rmSync(database + part, { force: true });
          copyFileSync(copy, database);
        }
        await withStarted(dataDir, async (companion) => {
          const plain = { "last-event-id": String(end) };
          const [told] = (await eventsOf(companion, streamOf(first.id), 1, plain)).events;
          assert.equal(told?.event, "log_reset");
          assert.equal(told.id, String(first.end));
          assert.partialDeepStrictEqual(told.data, {
            type: "log_reset",
            session_id: first.id,
            reason: "beyond_end",
            seen: end,
            last_seq: first.end,
            resume_after: first.end,
          });
          assert.notEqual(told.data["epoch"], epoch);
          // New words overtake the old cursor: only its epoch tells.
          await talk(companion, first.id);
          await talk(companion, first.id);
          const query = `?epoch=${epoch}&after=${first.end + 1}`;
          const answer = await eventsOf(companion, streamOf(first.id, query), 2);
          assert.partialDeepStrictEqual(answer.events[0]?.data, {
            type: "log_reset",
            reason: "epoch",
            resume_after: first.end,
          });
          assert.equal(answer.events[1]?.id, String(first.end + 1));
          assert.equal(answer.events[1]?.event, "user_message");
          assert.equal(answer.epoch, told.data["epoch"]);
        });
      }));
  }

  it("is not one after a stop, a kill or a start with nothing new", () =>
    withDataDir(async (dataDir) => {
      const epochs = new Set<string>();
      let id: string | undefined;
      for (const end of ["stop", "kill", "kill", "stop"] as const) {
        const companion = await startCompanion({ dataDir, quick: true });
        id ??= (await talk(companion)).id;
        const { epoch, events } = await eventsOf(companion, streamOf(id, "?after=1"), 1);
        assert.equal(events[0]?.id, "2");
        epochs.add(epoch);
        await companion[end]();
      }
      assert.equal(epochs.size, 1);
    }));

  it("is told to a cursor beyond the end even where nothing tells that it went back", () =>
    withDataDir((dataDir) =>
      withStarted(dataDir, async (companion) => {
        const { id, end } = await talk(companion);
        const { events, epoch } = await eventsOf(companion, streamOf(id, `?after=${end + 9}`), 2);
        assert.partialDeepStrictEqual(events[0]?.data, {
          type: "log_reset",
          reason: "beyond_end",
          epoch,
          last_seq: end,
          resume_after: 0,
        });
        assert.equal(events[1]?.id, "1");
        const [atEnd] = (await eventsOf(companion, streamOf(id, `?after=${end}`), 1)).events;
        assert.equal(atEnd, undefined);
      }),
    ));

  it("has ids and cursors with an epoch for whoever asks for them", () =>
    withDataDir((dataDir) =>
      withStarted(dataDir, async (companion) => {
        const { id } = await talk(companion);
        const plain = await eventsOf(companion, streamOf(id, "?after=2"), 1);
        assert.equal(plain.events[0]?.id, "3");
        const asked = await eventsOf(companion, streamOf(id, "?ids=epoch"), 3);
        const cursor = asked.events[2]?.id ?? "";
        assert.equal(cursor, `${plain.epoch}:3`);
        const next = { "last-event-id": cursor };
        const [fourth] = (await eventsOf(companion, streamOf(id, "?ids=epoch"), 1, next)).events;
        assert.equal(fourth?.id, `${plain.epoch}:4`);
        const other = { "last-event-id": "other:3" };
        const [reset] = (await eventsOf(companion, streamOf(id, "?ids=epoch"), 1, other)).events;
        assert.equal(reset?.id, `${plain.epoch}:0`);
        assert.equal(reset.event, "log_reset");
        const bad = await companion.request("GET", streamOf(id, "?after=a:b"));
        assert.equal(bad.status, 400);
      }),
    ));

  it("is told to readers at another companion while they read", () =>
    withTwo([answers, answers], async (a, b) => {
      const turn = await say(a.chat, "hi");
      const chunks = await read(a.chat, turn);
      const last = chunks.at(-1)?.seq ?? 0;
      const resets: LogReset[] = [];
      const leave = new AbortController();
      const options = { after: 0, until: "left" as const };
      const onReset = (reset: LogReset) => void resets.push(reset);
      const seen: number[] = [];
      const reading = (async () => {
        const all = b.chat.stream(turn.session_id, { ...options, onReset }, leave.signal);
        for await (const batch of all) seen.push(...batch.map(({ chunk }) => chunk.seq));
      })();
      const until = async (is: () => boolean) => {
        while (!is()) await new Promise((resolve) => setTimeout(resolve, 20));
      };
      await until(() => seen.at(-1) === last);
      const commit = async (
        work: Parameters<ReturnType<typeof a.deps.newUnitOfWork>["commit"]>[1],
      ) => {
        const uow = a.deps.newUnitOfWork();
        await uow.commit("repair", work);
        uow.close();
      };
      await commit(async (trx) => {
        await trx.deleteFrom("chunks").where("seq", ">", 3).execute();
        await trx.updateTable("sessions").set({ last_seq: 3 }).execute();
      });
      await until(() => resets.length === 1);
      assert.partialDeepStrictEqual(resets[0], { reason: "beyond_end", seen: last, last_seq: 3 });
      await commit(async (trx) => void (await beginEpoch(trx, "went_back")));
      await until(() => resets.length === 2);
      const epoch = await currentEpoch(a.deps.reader);
      assert.partialDeepStrictEqual(resets[1], { reason: "epoch", epoch, resume_after: 3 });
      leave.abort();
      await reading;
    }));
});

for (const engine of ENGINES) {
  describe(`a new epoch on ${engine.engine}`, () => {
    it("takes the leases of before: whoever writes on in the old course writes nothing", () => {
      const begun = Promise.withResolvers<void>();
      const go = Promise.withResolvers<void>();
      const script = async function* () {
        yield text("One.");
        begun.resolve();
        await go.promise;
        yield text("Two.");
        yield FINISH;
      };
      return withChat(engine, script, async ({ chat, deps }) => {
        const turn = await say(chat, "hi");
        await begun.promise;
        const uow = deps.newUnitOfWork();
        await uow.commit("begin_epoch", (trx) => beginEpoch(trx, "went_back"));
        uow.close();
        go.resolve();
        while (deps.turns.count > 0) await new Promise((resolve) => setTimeout(resolve, 10));
        const { messages } = await chat.listMessages(turn.session_id);
        assert.ok(!JSON.stringify(messages).includes("Two."));
      });
    });
  });
}

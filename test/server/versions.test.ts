import assert from "node:assert/strict";
import type { FileLine } from "../../server/chat/chat.ts";
import { compactTurns } from "../../server/chat/upkeep/compact-turns.ts";
import { replayVersions, toVersionChange } from "../../server/domain/replay-versions.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { emptyLog } from "../../webview/turns/model.ts";
import { takeChunks } from "../../webview/turns/turns.ts";
import { metadataOf } from "../support/any-chunk.ts";
import {
  collect,
  exportedText,
  openChat,
  read,
  type Script,
  say,
  stall,
  type TestChat,
  text,
  withChat,
} from "../support/chat.ts";
import { ENGINES, POSTGRES, SQLITE } from "../support/engines.ts";
import { isCode } from "../support/tools.ts";

const SCRIPT: Script = async function* (request, signal) {
  const asked = request.messages.at(-1)?.content ?? "";
  yield text(`on ${asked}`);
  if (asked === "for ever") await stall(signal);
  const usage = { input_tokens: 10 * request.messages.length, output_tokens: 5 };
  yield { type: "finish", reason: "stop", usage };
};

const everything = ({ chat }: TestChat, id: string) =>
  collect(chat, id, { after: 0, until: "turn_end" });

/** Says it, waits for the answer, and names the turn. */
async function tell({ chat }: TestChat, content: string, session_id: string, replaces?: string) {
  const more = replaces === undefined ? {} : { replaces_turn_id: replaces };
  const turn = await say(chat, content, { session_id, ...more });
  await read(chat, turn);
  return turn.turn_id;
}

/** A chat with `a`, `b` and `c`, of which `b` was edited twice; the second time `d` followed. */
async function make(test: TestChat) {
  const first = await say(test.chat, "a");
  await read(test.chat, first);
  const id = first.session_id;
  const b1 = await tell(test, "b1", id);
  const c = await tell(test, "c", id);
  const b2 = await tell(test, "b2", id, b1);
  const b3 = await tell(test, "b3", id, b2);
  const d = await tell(test, "d", id);
  return { id, a: first.turn_id, b1, c, b2, b3, d };
}

async function shown({ chat }: TestChat, id: string): Promise<string[]> {
  const { messages } = await chat.listMessages(id);
  return messages.filter(({ role }) => role === "user").map(({ content }) => content);
}

const toldLast = ({ requests }: TestChat) =>
  requests.at(-1)?.messages.flatMap(({ role, content }) => (role === "user" ? [content] : []));

/** By every reader: the rows, the log replayed, and the app. */
async function agreed(test: TestChat, id: string): Promise<void> {
  const log = await everything(test, id);
  const rows = await test.database.reader
    .selectFrom("turns")
    .select(["id", "after_seq", "replaced_by"])
    .where("session_id", "=", id)
    .execute();
  const changes = log.flatMap(
    ({ seq, turn_id = null, type, metadata }) =>
      toVersionChange({ seq, turn_id, type, metadata }) ?? [],
  );
  const { hiddenBy } = replayVersions(rows, changes);
  for (const row of rows) assert.equal(row.replaced_by, hiddenBy.get(row.id) ?? null, row.id);
  assert.deepEqual(texts(log), await shown(test, id));
}

const texts = (log: readonly StreamChunk[]) =>
  takeChunks(emptyLog(log[0]?.session_id ?? ""), log).turns.map(({ question }) => question?.text);

for (const engine of ENGINES) {
  describe(`versions of a message on ${engine.engine}`, () => {
    it("can be switched, and the model is told the one that was chosen", () =>
      withChat(engine, SCRIPT, async (test) => {
        const { chat } = test;
        const { id, b1, b2, b3 } = await make(test);
        assert.deepEqual(await shown(test, id), ["a", "b3", "d"]);
        assert.deepEqual((await chat.listVersions(id)).messages, [
          { turn_id: b3, versions: [b1, b2, b3] },
        ]);
        await chat.chooseVersion(id, { turn_id: b1 });
        assert.deepEqual(await shown(test, id), ["a", "b1", "c"]);
        await agreed(test, id);
        const e = await tell(test, "e", id);
        assert.deepEqual(toldLast(test), ["a", "b1", "c", "e"]);
        await chat.chooseVersion(id, { turn_id: b3, instead_of: b1 });
        await tell(test, "f", id);
        assert.deepEqual(toldLast(test), ["a", "b3", "d", "f"]);
        // What was said in another version is there when that is chosen again; `e` brings it, too.
        await chat.chooseVersion(id, { turn_id: e });
        assert.deepEqual(await shown(test, id), ["a", "b1", "c", "e"]);
        await agreed(test, id);
      }));

    it("remember what was chosen inside of each", () =>
      withChat(engine, SCRIPT, async (test) => {
        const { chat } = test;
        const { id, a, b1, c } = await make(test);
        await chat.chooseVersion(id, { turn_id: b1 });
        const c2 = await tell(test, "c2", id, c);
        const a2 = await tell(test, "a2", id, a);
        assert.deepEqual(await shown(test, id), ["a2"]);
        await chat.chooseVersion(id, { turn_id: a });
        assert.deepEqual(await shown(test, id), ["a", "b1", "c2"]);
        await chat.chooseVersion(id, { turn_id: a2 });
        await chat.chooseVersion(id, { turn_id: c });
        assert.deepEqual(await shown(test, id), ["a", "b1", "c"]);
        const places = (await chat.listVersions(id)).messages;
        assert.deepEqual(
          places.map(({ versions }) => versions.length),
          [2, 3, 2],
        );
        assert.deepEqual(places.at(-1), { turn_id: c, versions: [c, c2] });
        await agreed(test, id);
      }));

    it("bring back what was taken back", () =>
      withChat(engine, SCRIPT, async (test) => {
        const { chat } = test;
        const { id, b3 } = await make(test);
        await chat.rewind(id, b3);
        const last = (await chat.listVersions(id)).messages.at(-1);
        assert.equal(last?.turn_id, null);
        assert.equal(last?.versions.length, 3);
        await chat.chooseVersion(id, { turn_id: b3 });
        assert.deepEqual(await shown(test, id), ["a", "b3", "d"]);
        await agreed(test, id);
      }));

    it("are chosen once, in one step that every reader sees", () =>
      withChat(engine, SCRIPT, async (test) => {
        const { chat } = test;
        const { id, b1, b2, b3 } = await make(test);
        const before = await everything(test, id);
        const wish = { turn_id: b1, instead_of: b3, request_id: "choice-1" };
        await chat.chooseVersion(id, wish);
        const added = (await everything(test, id)).slice(before.length);
        assert.deepEqual(
          added.map(({ type, metadata }) => [
            type,
            metadata && "state" in metadata && metadata.state,
          ]),
          [
            ["status", "version_chosen"],
            ["done", false],
          ],
        );
        // Somebody else goes on; the first asks again, since it has heard nothing.
        await chat.chooseVersion(id, { turn_id: b2, instead_of: b1 });
        const session = await chat.chooseVersion(id, wish);
        assert.equal(session.last_seq, before.length + 4);
        assert.deepEqual(await shown(test, id), ["a", "b2"]);
        await assert.rejects(
          chat.chooseVersion(id, { ...wish, turn_id: b2 }),
          isCode("request_conflict"),
        );
        // What is shown need not be chosen.
        await chat.chooseVersion(id, { turn_id: b2 });
        assert.equal((await chat.getSession(id)).last_seq, before.length + 4);
      }));

    it("are chosen by one of two at once; the other is told", () =>
      withChat(engine, SCRIPT, async (test) => {
        const { chat } = test;
        const { id, b1, b2, b3 } = await make(test);
        const both = await Promise.allSettled([
          chat.chooseVersion(id, { turn_id: b1, instead_of: b3 }),
          chat.chooseVersion(id, { turn_id: b2, instead_of: b3 }),
        ]);
        const lost = both.filter((one) => one.status === "rejected");
        assert.equal(lost.length, 1);
        assert.ok(isCode("version_changed")(lost[0]?.reason));
        // And of two edits.
        const [, now] = (await chat.listMessages(id)).messages.flatMap(({ role, turn_id }) =>
          role === "user" ? [turn_id] : [],
        );
        const edits = await Promise.allSettled(
          ["x", "y"].map((content) =>
            say(chat, content, { session_id: id, replaces_turn_id: now ?? "" }),
          ),
        );
        const [won] = edits.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
        const refused = edits.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
        assert.equal(refused.length, 1);
        assert.match(String(refused[0].code), /^(session_busy|version_changed)$/);
        assert.ok(won);
        await read(chat, won);
        // Late: what it meant to replace is hidden by now.
        const before = (await chat.getSession(id)).last_seq;
        await assert.rejects(
          say(chat, "late", { session_id: id, replaces_turn_id: now ?? "" }),
          isCode("version_changed"),
        );
        assert.equal((await chat.getSession(id)).last_seq, before);
        await agreed(test, id);
      }));

    it("are not chosen while an answer runs or waits, nor in another chat", () =>
      withChat(engine, SCRIPT, async (test) => {
        const { chat } = test;
        const { id, b1 } = await make(test);
        const other = await make(test);
        const running = await say(chat, "for ever", { session_id: id });
        await assert.rejects(chat.chooseVersion(id, { turn_id: b1 }), isCode("session_busy"));
        await assert.rejects(
          say(chat, "edit", { session_id: id, replaces_turn_id: b1 }),
          isCode("session_busy"),
        );
        await chat.cancelTurn(id);
        await read(chat, running);
        await chat.chooseVersion(id, { turn_id: b1 });
        await assert.rejects(
          chat.chooseVersion(other.id, { turn_id: b1 }),
          isCode("invalid_request"),
        );
        await assert.rejects(chat.chooseVersion("nobody", { turn_id: b1 }), isCode("not_found"));
        assert.deepEqual(await shown(test, other.id), ["a", "b3", "d"]);
        assert.deepEqual(await shown(test, id), ["a", "b1", "c"]);
      }));

    it("measure what they are", () =>
      withChat(engine, SCRIPT, async (test) => {
        const { chat } = test;
        const { id, b1, d } = await make(test);
        const measured = (log: readonly StreamChunk[], turnId: string | undefined) =>
          metadataOf(log.findLast((chunk) => chunk.turn_id === turnId)).context_tokens;
        await chat.chooseVersion(id, { turn_id: b1 });
        await tell(test, "long ".repeat(400), id);
        await chat.chooseVersion(id, { turn_id: d });
        const log = await everything(test, id);
        const chosen = log.findLast(({ type }) => type === "status");
        // Not of the version that was measured last.
        assert.equal(metadataOf(chosen).context_tokens, measured(log, d));
        assert.equal(metadataOf(log.at(-1)).context_tokens, measured(log, d));
        const { turns } = takeChunks(emptyLog(id), log);
        assert.equal(turns.at(-1)?.contextTokens, measured(log, d));
      }));

    it("are found by a search, and told of by the turn", () =>
      withChat(engine, SCRIPT, async (test) => {
        const { chat } = test;
        const { id, b1, b2 } = await make(test);
        const found = async (query: string) =>
          (await chat.listSessions({ query })).sessions.map((one) => one.found_turn_id);
        assert.deepEqual(await found("on b2"), [b2]);
        await chat.chooseVersion(id, { turn_id: b2 });
        assert.deepEqual(await found("on b1"), [b1]);
      }));

    it("are in a fork as they were at its end, under ids of its own", () =>
      withChat(engine, SCRIPT, async (test) => {
        const { chat } = test;
        const { id, b1, c } = await make(test);
        await chat.chooseVersion(id, { turn_id: b1 });
        const log = await everything(test, id);
        const end = log.findLast(({ turn_id }) => turn_id === c)?.seq ?? 0;
        // At a message of the version that is shown: nothing of what came later.
        const early = await chat.forkSession(id, { at_seq: end });
        assert.deepEqual(await shown(test, early.id), ["a", "b1", "c"]);
        await agreed(test, early.id);
        const whole = await chat.forkSession(id);
        assert.deepEqual(await shown(test, whole.id), ["a", "b1", "c"]);
        const [place] = (await chat.listVersions(whole.id)).messages;
        assert.equal(place?.versions.length, 3);
        await chat.chooseVersion(whole.id, { turn_id: place?.versions[1] ?? "" });
        await tell(test, "more", whole.id);
        assert.deepEqual(toldLast(test), ["a", "b2", "more"]);
        await agreed(test, whole.id);
        assert.deepEqual(await shown(test, id), ["a", "b1", "c"]);
      }));

    it("are still there after a crash and when the log is compact", async () => {
      const database = await engine.create();
      try {
        const crashed = await openChat(database.source, SCRIPT);
        const { id, b1, b3 } = await make(crashed);
        await crashed.chat.chooseVersion(id, { turn_id: b1 });
        await crashed.crash();
        const next = await openChat(database.source, SCRIPT);
        assert.deepEqual(await shown(next, id), ["a", "b1", "c"]);
        await compactTurns(next.deps, Date.now() + 1);
        await next.chat.chooseVersion(id, { turn_id: b3 });
        assert.deepEqual(await shown(next, id), ["a", "b3", "d"]);
        await agreed(next, id);
        await next.close();
      } finally {
        await database.remove();
      }
    });
  });
}

for (const [from, to] of [
  [SQLITE, POSTGRES],
  [POSTGRES, SQLITE],
] as const) {
  describe(`versions in a file, from ${from.engine} to ${to.engine}`, () => {
    it("come out as they went in, and can be switched there", () =>
      withChat(from, SCRIPT, (source) =>
        withChat(to, SCRIPT, async (target) => {
          const { id, b1, b2 } = await make(source);
          await source.chat.chooseVersion(id, { turn_id: b1 });
          const file = await fileOf(source, id);
          const report = await importFile(target, file);
          assert.equal(report.complete, true, JSON.stringify(report));
          assert.equal(await fileOf(target, id), file);
          assert.equal((await importFile(target, file)).counts.present, 1);
          assert.deepEqual(await shown(target, id), ["a", "b1", "c"]);
          await target.chat.chooseVersion(id, { turn_id: b2 });
          assert.deepEqual(await shown(target, id), ["a", "b2"]);
          await agreed(target, id);
        }),
      ));
  });
}

async function fileOf({ chat }: TestChat, id: string): Promise<string> {
  return await exportedText(chat, id, "jsonl");
}

async function* linesOf(content: string): AsyncGenerator<FileLine> {
  let number = 0;
  for (const line of content.split("\n")) if (line !== "") yield { number: ++number, text: line };
}

const importFile = (to: TestChat, file: string) => to.chat.importChats(linesOf(file), false);

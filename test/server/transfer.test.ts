// Chats out as files and in again, on either engine, and taken over into new ones.
import assert from "node:assert/strict";
import type { FileLine } from "../../server/chat/chat.ts";
import { compactStep, turnsToCompact } from "../../server/db/tables/compaction.ts";
import type { ImportReport } from "../../server/protocol/responses.ts";
import {
  ChatHead,
  ChunkLine,
  MessageLine,
  PlanLine,
  SubtaskLine,
  SummaryLine,
  ToolCallLine,
  TurnLine,
} from "../../server/protocol/stored/chat-file.ts";
import {
  collect,
  exportedText,
  FINISH,
  read,
  type Script,
  say,
  type TestChat,
  text,
  textOf,
  withChat,
} from "../support/chat.ts";
import { ENGINES, POSTGRES, SQLITE } from "../support/engines.ts";
import { ask, calls, isCode } from "../support/tools.ts";

const WORDS = "Grüße, 数, e\u0301 \u{1F600}, `code` </script> \u2028 and $& ";

/** Thinks, calls a tool of the client when asked to read, fails when asked to fail. */
const SCRIPT: Script = function* ({ messages }) {
  const last = messages.at(-1);
  const said = last?.content ?? "";
  if (last?.role === "user" && said.includes("read")) {
    yield text("I look. ");
    yield calls("look", { path: "a/b.ts", big: "12345678901234567890" }, "call_1");
    return yield FINISH;
  }
  if (last?.role === "user" && said.includes("write")) {
    yield calls("write_file", { path: "a" }, "call_2");
    return yield FINISH;
  }
  yield { type: "reasoning", text: "Let me think." };
  for (const word of (WORDS.repeat(8) + said).split(" ")) yield text(`${word} `);
  if (said.endsWith("fail")) throw new Error("the model's server is gone");
  yield FINISH;
};

async function* fileOf(content: string): AsyncGenerator<FileLine> {
  let number = 0;
  for (const line of content.split("\n")) if (line !== "") yield { number: ++number, text: line };
}

const importFile = (to: TestChat, file: string, copies = false): Promise<ImportReport> =>
  to.chat.importChats(fileOf(file), copies);
const exported = async ({ chat }: TestChat, id: string): Promise<string> =>
  await exportedText(chat, id, "jsonl");

async function wholeFile({ chat }: TestChat): Promise<string> {
  const file = await textOf(chat.exportAll());
  return file;
}

const everything = ({ chat }: TestChat, id: string) =>
  collect(chat, id, { after: 0, until: "turn_end" });

/**
 * With words, thoughts, a call and its result, a failed answer, one that was taken back,
 * and one that was replaced.
 */
async function makeChat(open: TestChat): Promise<string> {
  const { chat } = open;
  const first = await say(chat, "Hello # and * and > of _all_");
  const { session_id } = first;
  await read(chat, first);
  const reading = await ask(chat, "please read", { session_id });
  await read(chat, reading);
  const result = { type: "tool_result", call_id: "call_1", result: "line\r\nline" } as const;
  const taken = await chat.startTurn({ session_id, message: result, client_id: "window-1" });
  await read(chat, taken);
  const failed = await say(chat, "and fail", { session_id });
  await read(chat, failed);
  await read(chat, await say(chat, "again", { session_id, replaces_turn_id: failed.turn_id }));
  const wrong = await say(chat, "wrong", { session_id });
  await read(chat, wrong);
  await chat.rewind(session_id, wrong.turn_id);
  return session_id;
}

for (const [from, to] of [
  [SQLITE, POSTGRES],
  [POSTGRES, SQLITE],
] as const) {
  describe(`a chat as a file, from ${from.engine} to ${to.engine}`, () => {
    it("comes out as it went in, and a second import adds nothing", () =>
      withChat(from, SCRIPT, (source) =>
        withChat(to, SCRIPT, async (target) => {
          const id = await makeChat(source);
          const file = await exported(source, id);
          const report = await importFile(target, file);
          assert.equal(report.complete, true, JSON.stringify(report));
          assert.deepEqual(report.counts, { ...NONE, imported: 1 });
          assert.equal(await exported(target, id), file);
          const again = await importFile(target, file);
          assert.deepEqual(again.counts, { ...NONE, present: 1 });
          // What a reader gets, and what a model will be told, is the same.
          assert.deepEqual(
            textsOf(await everything(target, id)),
            textsOf(await everything(source, id)),
          );
          assert.deepEqual(
            (await target.chat.listMessages(id)).messages,
            (await source.chat.listMessages(id)).messages,
          );
          const found = await target.chat.listSessions({ query: "Grüße code" });
          assert.deepEqual(
            found.sessions.map((session) => session.id),
            [id],
          );
          // And it goes on.
          const more = await read(target.chat, await say(target.chat, "more", { session_id: id }));
          assert.equal(more.at(-1)?.type, "done");
        }),
      ));
  });
}

/** What a file has not, on purpose; every other column must be in it. */
const LEFT_OUT: Record<string, string[]> = {
  sessions: [
    ...["lease_owner", "lease_fence", "lease_expires_at", "cancel_turn_id", "last_commit"],
    ...["epoch_seq", "queue_changes", "approval_level", "approval_workspace", "deleted_at"],
    ...["pinned_at", "archived_at", "workspace", "title_tries", "title_asked_at"],
  ],
  turns: ["session_id", "compact_from", "offer_id", "held_answer"],
  messages: ["session_id", "search_id"],
  tool_calls: ["session_id", "claimed_by", "claim_expires_at"],
  plans: ["session_id"],
  subtasks: [],
  summaries: ["session_id"],
  chunks: ["session_id"],
};
const LINES: Record<string, { shape: object }> = {
  sessions: ChatHead,
  turns: TurnLine,
  messages: MessageLine,
  tool_calls: ToolCallLine,
  plans: PlanLine,
  subtasks: SubtaskLine,
  summaries: SummaryLine,
  chunks: ChunkLine,
};

describe("the columns of a chat", () => {
  it("are all in its file, but for those that belong to the place", () =>
    withChat(SQLITE, SCRIPT, async ({ deps }) => {
      const tables = await deps.reader.introspection.getTables();
      for (const [name, line] of Object.entries(LINES)) {
        const columns = tables.find((table) => table.name === name)?.columns ?? [];
        const kept = Object.keys(line.shape).filter((key) => key !== "line" && key !== "version");
        assert.deepEqual(
          [...kept, ...(LEFT_OUT[name] ?? [])].toSorted(),
          columns.map((column) => column.name).toSorted(),
          name,
        );
      }
    }));
});

const NONE = { imported: 0, incomplete: 0, present: 0, differs: 0, refused: 0 };

/** Deltas are cut as they came; what a file has is their text. */
function textsOf(chunks: Awaited<ReturnType<typeof everything>>) {
  const texts: { type: string; text: string }[] = [];
  for (const { type, token, content, metadata } of chunks) {
    const of = type === "snapshot" ? String(metadata?.["of"]) : type;
    const words = token ?? content ?? "";
    const last = texts.at(-1);
    if (last?.type === of && words !== "") last.text += words;
    else texts.push({ type: of, text: words });
  }
  return texts;
}

for (const engine of ENGINES) {
  describe(`files of chats on ${engine.engine}`, () => {
    it("say the same before and after a chat is made compact", () =>
      withChat(engine, SCRIPT, async (open) => {
        const id = await makeChat(open);
        const before = await exported(open, id);
        for (const turn of await turnsToCompact(open.deps.reader, Date.now() + 1, 100)) {
          const compact = (): Promise<boolean> =>
            open.deps.newUnitOfWork().commit("compact_turn", (trx) => compactStep(trx, turn, 5));
          while (!(await compact()));
        }
        assert.equal(await exported(open, id), before);
      }));

    it("have all chats, and tell what is missing of a file that was cut off", () =>
      withChat(engine, SCRIPT, async (open) => {
        const ids: string[] = [];
        for (const word of ["one", "two", "three"]) {
          const turn = await say(open.chat, word);
          await read(open.chat, turn);
          ids.push(turn.session_id);
        }
        const file = await wholeFile(open);
        assert.equal(
          file.trimEnd().split("\n").at(-1)?.startsWith('{"line":"end","chats":3'),
          true,
        );
        for (const id of ids) await open.chat.deleteSession(id);
        const half = file.slice(0, file.lastIndexOf('{"line":"chat"') + 400);
        const cut = await importFile(open, half);
        assert.equal(cut.complete, false);
        assert.match(cut.message ?? "", /cut off/);
        assert.equal(cut.counts.imported, 2);
        const whole = await importFile(open, file);
        assert.equal(whole.counts.present, 2, JSON.stringify(whole));
      }));

    it("give what comes before a damaged line, and every other chat", () =>
      withChat(engine, SCRIPT, async (open) => {
        const id = await makeChat(open);
        const other = await say(open.chat, "other");
        await read(open.chat, other);
        const file = await wholeFile(open);
        const lines = file.split("\n");
        const ofFirst = lines.findLastIndex((line) => line.startsWith('{"line":"chat"'));
        await open.chat.deleteSession(id);
        await open.chat.deleteSession(other.session_id);
        // Each line is broken on one of the engines.
        const first = engine === SQLITE ? 1 : 2;
        for (let broken = first; broken < ofFirst; broken += 2) {
          const damaged = lines.with(
            broken,
            (lines[broken] ?? "").replace(/[aeiou](?=[^aeiou]*$)/, "~"),
          );
          const report = await importFile(open, damaged.join("\n"));
          assert.deepEqual(report.counts, { ...NONE, imported: 1, incomplete: 1 }, lines[broken]);
          assert.match(
            report.problems[0]?.message ?? "",
            new RegExp(`Line ${broken + 1} is damaged`),
          );
          const session = await open.chat.getSession(id);
          assert.notEqual(session.turn?.status, "running");
          // It is sound: a next message is answered.
          const next = await read(open.chat, await say(open.chat, "next", { session_id: id }));
          assert.equal(next.at(-1)?.type, "done", `broken at ${broken}`);
          await open.chat.deleteSession(id);
          await open.chat.deleteSession(other.session_id);
        }
      }));

    it("run nothing: a call that waited is closed, and no rule comes along", () =>
      withChat(engine, SCRIPT, async (open) => {
        const turn = await ask(open.chat, "write");
        await read(open.chat, turn);
        const file = await exported(open, turn.session_id);
        await open.chat.deleteSession(turn.session_id);
        const report = await importFile(open, file);
        assert.equal(report.counts.imported, 1);
        const { pending } = await open.chat.listPending(turn.session_id);
        assert.deepEqual(pending, []);
        const session = await open.chat.getSession(turn.session_id);
        assert.equal(session.turn?.status, "interrupted");
      }));

    it("are refused where another chat has their ids, and copies stand beside", () =>
      withChat(engine, SCRIPT, async (open) => {
        const id = await makeChat(open);
        const file = await exported(open, id);
        await read(open.chat, await say(open.chat, "it goes on", { session_id: id }));
        const before = await exported(open, id);
        const report = await importFile(open, file);
        assert.deepEqual(report.counts, { ...NONE, differs: 1 });
        assert.equal(await exported(open, id), before);
        const copied = await importFile(open, file, true);
        assert.deepEqual(copied.counts, { ...NONE, imported: 1 });
        assert.notEqual(copied.session_id, id);
        assert.deepEqual((await importFile(open, file, true)).counts, { ...NONE, present: 1 });
        const { sessions } = await open.chat.listSessions({});
        assert.equal(sessions.length, 2);
        const [original, copy] = sessions.map(({ title }) => title).toSorted();
        assert.equal(copy, `${original} (2)`);
      }));

    it("can be read by people, and run nothing in a browser", () =>
      withChat(engine, SCRIPT, async (open) => {
        const turn = await say(
          open.chat,
          "<script>alert(1)</script> ![x](http://evil.example/p.png) [y](javascript:alert(1))",
        );
        await read(open.chat, turn);
        const markdown = await exportedText(open.chat, turn.session_id, "markdown");
        assert.match(markdown, /^# /);
        assert.ok(markdown.includes(WORDS));
        const html = await exportedText(open.chat, turn.session_id, "html");
        assert.doesNotMatch(html, /<script|<img|href="javascript/);
        assert.match(html, /default-src 'none'/);
      }));
  });

  describe(`a chat taken from another on ${engine.engine}`, () => {
    it("is the same up to the place, under ids of its own, and the other is untouched", () =>
      withChat(engine, SCRIPT, async (open) => {
        const id = await makeChat(open);
        const before = await exported(open, id);
        const { last_seq, title } = await open.chat.getSession(id);
        const whole = await open.chat.forkSession(id);
        assert.equal(whole.last_seq, last_seq);
        assert.equal(whole.title, `${title} (2)`);
        assert.equal((await open.chat.forkSession(whole.id)).title, `${title} (3)`);
        assert.deepEqual(
          textsOf(await everything(open, whole.id)),
          textsOf(await everything(open, id)),
        );
        const chunks = await everything(open, id);
        for (const { seq } of chunks.filter(({ seq: at }) => at % 3 === 0)) {
          const fork = await open.chat.forkSession(id, { at_seq: seq });
          const said = textsOf(
            (await everything(open, fork.id)).filter((chunk) => chunk.seq <= seq),
          );
          const wanted = textsOf(chunks.filter((chunk) => chunk.seq <= seq));
          assert.deepEqual(said, wanted.slice(0, said.length), `at ${seq}`);
          assert.notEqual(fork.turn?.status, "running", `at ${seq}`);
        }
        assert.equal(await exported(open, id), before);
        const fork = await open.chat.forkSession(id);
        const next = await read(open.chat, await say(open.chat, "on", { session_id: fork.id }));
        assert.equal(next.at(-1)?.type, "done");
        await assert.rejects(
          open.chat.forkSession(id, { at_seq: last_seq + 1 }),
          isCode("invalid_request"),
        );
        await assert.rejects(open.chat.forkSession("nothing", { at_seq: 1 }), isCode("not_found"));
      }));

    it("is made once for each request, though the other has grown meanwhile", () =>
      withChat(engine, SCRIPT, async (open) => {
        const id = await makeChat(open);
        const { last_seq } = await open.chat.getSession(id);
        const wish = { request_id: "a-copy" };
        const twenty = await Promise.all(
          Array.from({ length: 20 }, () => open.chat.forkSession(id, wish)),
        );
        await read(open.chat, await say(open.chat, "on", { session_id: id }));
        const late = await open.chat.forkSession(id, wish);
        assert.equal(new Set([late, ...twenty].map((fork) => fork.id)).size, 1);
        assert.equal(late.last_seq, last_seq);
        const { sessions } = await open.chat.listSessions({});
        assert.equal(sessions.length, 2);
        for (const [of, other] of [
          [late.id, wish],
          [id, { ...wish, at_seq: 1 }],
        ] as const) {
          await assert.rejects(open.chat.forkSession(of, other), isCode("request_conflict"));
        }
        await assert.rejects(
          say(open.chat, "on", { ...wish, session_id: id }),
          isCode("request_conflict"),
        );
        await open.chat.deleteSession(late.id);
        await assert.rejects(open.chat.forkSession(id, wish), isCode("not_found"));
      }));
  });
}

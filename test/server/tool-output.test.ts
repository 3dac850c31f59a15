// What calls say while they run: stored before it is seen, once, told to the model if there
// is no result, small again.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { giveUpOld } from "../../server/chat/calls/claims.ts";
import { compactTurns } from "../../server/chat/upkeep/compact-turns.ts";
import { prepareDataDir } from "../../server/lifecycle/data-dir.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { MAX_OUTPUT, MAX_OUTPUT_PIECE } from "../../server/protocol/tool-output.ts";
import { continuity } from "../../server/shared/continuity.ts";
import { emptyLog } from "../../webview/turns/model.ts";
import { outputText } from "../../webview/turns/tool-output.ts";
import { takeChunks } from "../../webview/turns/turns.ts";
import { metadataOf } from "../support/any-chunk.ts";
import {
  collect,
  FINISH,
  openChat,
  read,
  type Script,
  type TestChat,
  text,
  withChat,
} from "../support/chat.ts";
import { newDataDir } from "../support/companion.ts";
import { tamper } from "../support/damage.ts";
import { problemsOf, reportOn } from "../support/doctor.ts";
import { ENGINES } from "../support/engines.ts";
import { ask, calling, calls, isCode, send } from "../support/tools.ts";

const ONE = calling(calls("look", { path: "a" }));

/** Two calls at once, then the last result. */
const TWO: Script = ({ messages }) =>
  messages.at(-1)?.role === "tool"
    ? [text(messages.at(-1)?.content ?? ""), FINISH]
    : [calls("look", { path: "a" }, "a"), calls("look", { path: "b" }, "b"), FINISH];

/** A turn that waits for its call, and how the client of it speaks. */
async function running({ chat }: TestChat, call = "call") {
  const turn = await ask(chat, "look");
  const waiting = await read(chat, turn);
  await chat.claimCall(turn.session_id, call, "window-1");
  const tell = (offset: number, output: string, client_id = "window-1", id = call) =>
    chat.takeOutput(turn.session_id, id, { client_id, offset, output });
  return { ...turn, after: waiting.at(-1)?.seq ?? 0, tell };
}

const all = (chat: TestChat, sessionId: string, after = 0) =>
  collect(chat.chat, sessionId, { after, until: "turn_end" });

const tokens = (chunks: readonly StreamChunk[]) =>
  chunks.filter((chunk) => metadataOf(chunk).state === "tool_output").map(({ token }) => token);

/** Claims whose client is not heard of any more. */
async function expire({ deps }: TestChat): Promise<void> {
  const uow = deps.newUnitOfWork();
  await uow.commit("claim_call", (trx) =>
    trx.updateTable("tool_calls").set({ claim_expires_at: 1 }).execute(),
  );
  uow.close();
}

const giveUp = ({ deps }: TestChat) => giveUpOld(deps);

for (const engine of ENGINES) {
  describe(`output of running calls on ${engine.engine}`, () => {
    it("is a part of the log once, however often and with whatever overlap it is sent", () =>
      withChat(engine, ONE, async (open) => {
        const { session_id, turn_id, after, tell } = await running(open);
        const twice = await Promise.all([tell(0, "one\n"), tell(0, "one\n"), tell(0, "one\n")]);
        assert.deepEqual(
          twice.map(({ taken }) => taken),
          [4, 4, 4],
        );
        assert.deepEqual(await tell(0, "one\ntwo\n"), { taken: 8, expires_in_ms: 30_000 });
        assert.equal((await tell(2, "e\n")).taken, 8);
        assert.equal((await tell(8, "")).taken, 8);
        await assert.rejects(tell(9, "four"), isCode("invalid_request", /^offset: 9, .* 8 char/));
        await assert.rejects(tell(8, "x", "window-2"), isCode("call_claimed"));
        await assert.rejects(tell(0, "x", "window-1", "other"), isCode("not_found"));

        const result = { type: "tool_result", call_id: "call", result: "one\ntwo\n" } as const;
        await send(open.chat, session_id, result, "window-1");
        const until = { pause_of: turn_id };
        const rest = await collect(open.chat, session_id, { after, until });
        assert.deepEqual(tokens(rest), ["one\n", "two\n"]);
        assert.deepEqual(
          rest.map(({ type }) => type),
          ["status", "status", "tool_result", "assistant_message", "done"],
        );
        assert.equal(rest[0]?.call_id, "call");
        assert.deepEqual(rest[0]?.metadata, { state: "tool_output" });
        assert.deepEqual(
          rest.map(({ seq }) => seq),
          rest.map((_, index) => after + 1 + index),
        );
        await assert.rejects(tell(8, "late"), isCode("not_waiting"));
        // What was said while it ran is no part of what the model is told twice.
        assert.deepEqual(open.requests.at(-1)?.messages.at(-1)?.content, "one\ntwo\n");
      }));

    it("is stored before a reader sees it, and reaches all of them", () =>
      withChat(engine, ONE, async (open) => {
        const { session_id, turn_id, after, tell } = await running(open);
        const leave = new AbortController();
        const readers = [1, 2].map(async () => {
          let seen = "";
          const options = { after, until: "left" } as const;
          for await (const batch of open.chat.stream(session_id, options, leave.signal)) {
            for (const { chunk } of batch) {
              const row = await open.database.reader
                .selectFrom("chunks")
                .select("payload")
                .where("session_id", "=", session_id)
                .where("seq", "=", chunk.seq)
                .executeTakeFirst();
              assert.ok(row?.payload.includes(JSON.stringify(chunk.token)));
              seen += chunk.token;
            }
            if (seen.length === 30) break;
          }
          return seen;
        });
        for (let n = 0; n < 10; n++) await tell(3 * n, `${n},\n`);
        const whole = Array.from({ length: 10 }, (_, n) => `${n},\n`).join("");
        assert.deepEqual(await Promise.all(readers), [whole, whole]);
        leave.abort();
        assert.equal((await open.chat.getSession(session_id)).turn?.id, turn_id);
      }));

    it("is a heartbeat, and of a call that nobody has a claim", () =>
      withChat(engine, ONE, async (open) => {
        const { session_id, tell } = await running(open);
        await expire(open);
        await tell(0, "still here");
        await giveUp(open);
        assert.equal((await open.chat.listPending(session_id)).pending.length, 1);

        const other = await ask(open.chat, "look");
        await read(open.chat, other);
        const piece = { client_id: "window-3", offset: 0, output: "mine" };
        const [call] = (await open.chat.listPending(other.session_id)).pending;
        await open.chat.takeOutput(other.session_id, call?.call_id ?? "", piece);
        const [claimed] = (await open.chat.listPending(other.session_id)).pending;
        assert.equal(claimed?.claimed_by, "window-3");
      }));

    it("is told to the model when its window dies, the newest of it", () =>
      withChat(engine, ONE, async (open) => {
        const { session_id, after, tell } = await running(open);
        await tell(0, "10 %");
        await tell(4, "\r50 %\nbuilt\n");
        await expire(open);
        await giveUp(open);
        const rest = await all(open, session_id, after);
        const ended = rest.find(({ type }) => type === "tool_result");
        assert.match(ended?.error ?? "", /^The window that ran this went away .* not known\.$/);
        const told = open.requests.at(-1)?.messages.at(-1)?.content ?? "";
        assert.match(
          told,
          /^Error: The window .* not known\. What it had said until then:\n50 %\nbuilt$/,
        );

        const next = await running(open);
        const long = `${"y".repeat(MAX_OUTPUT_PIECE - 7)}🎈 end\n`;
        await next.tell(0, long);
        await expire(open);
        await giveUp(open);
        await all(open, next.session_id, next.after);
        const bounded = open.requests.at(-1)?.messages.at(-1)?.content ?? "";
        assert.match(bounded, /\n\[… \d+ characters before are left out …\]\ny+🎈 end$/);
        assert.ok(bounded.length < 10_500);
      }));

    it("is in the history when its turn is stopped, or closed by a new message", () =>
      withChat(engine, TWO, async (open) => {
        const stop: ((sessionId: string) => Promise<unknown>)[] = [
          (id) => open.chat.cancelTurn(id),
          () => Promise.resolve(),
        ];
        for (const end of stop) {
          const { session_id, tell } = await running(open, "b");
          await tell(0, "half of it\n");
          await end(session_id);
          await read(open.chat, await ask(open.chat, "and now?", { session_id }));
          const told = open.requests.at(-1)?.messages.filter(({ role }) => role === "tool") ?? [];
          assert.deepEqual(
            told.map(({ content }) => content),
            [
              "The call was interrupted; there is no result. What it had said until then:\nhalf of it",
              "The call was interrupted; there is no result.",
            ],
          );
          await open.chat.cancelTurn(session_id);
        }
      }));

    it("is kept up to a bound, which is said once, and half a character never", () =>
      withChat(engine, ONE, async (open) => {
        const { session_id, tell, after } = await running(open);
        let offset = 0;
        const piece = "z".repeat(MAX_OUTPUT_PIECE - 1);
        while (offset + piece.length < MAX_OUTPUT) offset = (await tell(offset, piece)).taken;
        const room = MAX_OUTPUT - offset;
        offset = (await tell(offset, `${"z".repeat(room - 1)}🎈`)).taken;
        offset = (await tell(offset, "more")).taken;
        assert.equal(offset, MAX_OUTPUT + 5);
        assert.equal((await tell(offset, "and more")).taken, offset + 8);
        await open.chat.cancelTurn(session_id);
        const rest = await all(open, session_id, after);
        assert.equal(tokens(rest).join("").length, MAX_OUTPUT);
        assert.ok(tokens(rest).at(-1)?.endsWith("z\uFFFD"));
        assert.deepEqual(rest.map((chunk) => metadataOf(chunk).cut ?? false).filter(Boolean), [
          true,
        ]);
      }));

    for (const stepRows of [500, 7])
      it(`is one snapshot for each run afterwards, and every reader has the same, ${stepRows} rows at a time`, () =>
        withChat(engine, TWO, async (open) => {
          const { session_id, tell } = await running(open, "a");
          await open.chat.claimCall(session_id, "b", "window-1");
          const said = { a: "", b: "" };
          const say = async (id: "a" | "b", output: string) => {
            await tell(said[id].length, output, "window-1", id);
            said[id] += output;
          };
          for (let n = 0; n < 40; n++) await say("a", `a ${n} ё🎈 with some words to it\n`);
          for (let n = 0; n < 3; n++) {
            await say("b", `\rb ${n}`);
            await say("a", `then ${n}\n`);
          }
          for (let n = 0; n < 20; n++) await say("b", `\nb says ${n}`);
          for (const id of ["a", "b"] as const) {
            const result = `${said[id]}\n[Exit code 0]`;
            await send(
              open.chat,
              session_id,
              { type: "tool_result", call_id: id, result },
              "window-1",
            );
          }
          const before = await all(open, session_id);
          assert.equal(tokens(before).length, 66);
          assert.equal(await compactTurns(open.deps, Date.now() + 60_000, stepRows), 1);
          const after = await all(open, session_id);
          assert.deepEqual(shown(after), shown(before));
          assert.deepEqual(tokens(after), []);
          assert.equal(after.filter((chunk) => metadataOf(chunk).of === "tool_output").length, 8);
          for (let had = 1; had < before.length; had += 3) {
            const cursor = before[had - 1]?.seq ?? 0;
            const rest = await all(open, session_id, cursor);
            assert.equal(rest[0] && continuity(cursor, rest[0]), "next");
            assert.deepEqual(shown([...before.slice(0, had), ...rest]), shown(before), `${had}`);
          }
          const rows = await open.database.reader.selectFrom("chunks").select("payload").execute();
          const kept = rows.filter(({ payload }) => payload.includes("a 20 ё")).length;
          assert.equal(kept, 0, "its words are those of the result, and stand there alone");
        }));
  });
}

function shown(chunks: readonly StreamChunk[]): unknown {
  const { turns } = takeChunks(emptyLog(chunks[0]?.session_id ?? ""), chunks);
  return turns.map(({ status, parts }) => ({
    status,
    parts: parts.map((part) => {
      if ("text" in part) return part.text;
      return part.kind === "tool" ? [part.callId, outputText(part.output), part.result] : part.kind;
    }),
  }));
}

describe("the doctor, in a log with output of calls", function () {
  this.timeout(60_000);

  it("finds nothing wrong with it, and takes it for no part of the answer", async () => {
    const dataDir = newDataDir();
    prepareDataDir(dataDir);
    const path = join(dataDir, "streamkeeper.db");
    const open = await openChat({ engine: "sqlite", path }, ONE);
    const { session_id, turn_id, tell } = await running(open);
    const result = "The result of it all is the answer. ".repeat(3);
    await tell(0, "one, that is no part of the result\n");
    await send(open.chat, session_id, { type: "tool_result", call_id: "call", result }, "window-1");
    await all(open, session_id);
    const other = await running(open);
    await other.tell(0, "one\n");
    await other.tell(4, "two\n");
    await compactTurns(open.deps, Date.now() + 60_000);
    await open.close();
    assert.deepEqual((await reportOn(dataDir)).report.findings, []);

    const answer = `session_id = '${session_id}' and payload like '%"of":"assistant_message"%'`;
    const first = `session_id = '${other.session_id}' and payload like '%one\\n%'`;
    tamper(path, `delete from chunks where ${answer}`, `delete from chunks where ${first}`);
    const { code, report } = await reportOn(dataDir, "--repair");
    assert.deepEqual([code, problemsOf(report)], [0, []]);
    assert.match(report.done.join(), /1 place marked as lost/);
    const again = await openChat({ engine: "sqlite", path }, ONE);
    const log = await all(again, session_id);
    const said = log.filter(({ type, turn_id: of }) => type === "snapshot" && of === turn_id);
    assert.deepEqual(
      said.map(({ content }) => content),
      ["one, that is no part of the result\n", result],
    );
    // The other call still runs, and says the rest.
    await again.chat.claimCall(other.session_id, "call", "window-1");
    const piece = { client_id: "window-1", offset: 8, output: "three\n" };
    await again.chat.takeOutput(other.session_id, "call", piece);
    await again.chat.cancelTurn(other.session_id);
    assert.deepEqual(tokens(await all(again, other.session_id)), ["two\n", "three\n"]);
    await again.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
});

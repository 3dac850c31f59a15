// What a turn has changed in files, and a person's word on it: stored once, told to the model.
import assert from "node:assert/strict";
import type { Chat } from "../../server/chat/chat.ts";
import type { DecideChangesRequest } from "../../server/protocol/served-requests.ts";
import type { ProviderRequest } from "../../server/providers/provider.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { collect, exportedText, openChat, read, type Script, withChat } from "../support/chat.ts";
import { ENGINES, type Engine } from "../support/engines.ts";
import { ask, calling, calls, isCode, send } from "../support/tools.ts";

const CHANGED = { path: "src/a.ts", is_new: false, added: 3, removed: 1 };
const FIRST = "-0,1+0,2";
const SECOND = "-4,0+5,1";
const ALLOWED = calls("look", { path: "src/a.ts" });

const word = (more: Partial<DecideChangesRequest>): DecideChangesRequest => ({
  path: CHANGED.path,
  decision: "undo",
  hunks: [FIRST],
  open: 1,
  added: 1,
  removed: 0,
  ...more,
});

/** A turn whose one call has changed a file. */
async function changedTurn(chat: Chat) {
  const turn = await ask(chat, "change it");
  await read(chat, turn);
  const result = { type: "tool_result", call_id: "call", result: "Changed.", changed: CHANGED };
  const next = await send(chat, turn.session_id, { ...result, type: "tool_result" });
  return { ...turn, told: await read(chat, next) };
}

const decisions = async (chat: Chat, sessionId: string) =>
  (await collect(chat, sessionId, { after: 0, until: "turn_end" }))
    .map(metadataOf)
    .filter(({ state }) => state === "change_decided");

const script = calling(ALLOWED);
const on = (engine: Engine, work: Parameters<typeof withChat>[2], answers: Script = script) =>
  withChat(engine, answers, work);

for (const engine of ENGINES) {
  describe(`changes of files on ${engine.engine}`, () => {
    it("stand with the call that made them, in its chunk and its message", () =>
      on(engine, async ({ chat }) => {
        const { session_id, told } = await changedTurn(chat);
        const result = told.find(({ type }) => type === "tool_result");
        assert.deepEqual(metadataOf(result).changed, CHANGED);
        const { messages } = await chat.listMessages(session_id);
        assert.deepEqual(
          messages.find(({ role }) => role === "tool")?.metadata["changed"],
          CHANGED,
        );
      }));

    it("of a command stand with its result, by name", () =>
      on(engine, async ({ chat }) => {
        const turn = await ask(chat, "run it");
        await read(chat, turn);
        const changed_by_command = { files: [{ path: "a.ts", is: "new" as const }], more: null };
        const result = { type: "tool_result", call_id: "call", result: "[Exit code 0]" } as const;
        const next = await send(chat, turn.session_id, { ...result, changed_by_command });
        const told = (await read(chat, next)).find(({ type }) => type === "tool_result");
        assert.deepEqual(metadataOf(told).changed_by_command, changed_by_command);
        const copy = await chat.forkSession(turn.session_id);
        const copied = await collect(chat, copy.id, { after: 0, until: "turn_end" });
        const same = copied.find(({ type }) => type === "tool_result");
        assert.deepEqual(metadataOf(same).changed_by_command, changed_by_command);
      }));

    it("are decided once by place, whoever says it how often, and another word counts from then on", () =>
      on(engine, async ({ chat }) => {
        const { session_id, turn_id } = await changedTurn(chat);
        const say = (more: Partial<DecideChangesRequest>) =>
          chat.decideChanges(session_id, turn_id, word(more));
        await Promise.all([1, 2, 3].map(() => say({})));
        await say({ hunks: [FIRST, SECOND], open: 0, added: 0 });
        await say({ decision: "open", open: 1, added: 1 });
        await say({ decision: "open", open: 1, added: 1 });
        const said = (await decisions(chat, session_id)).map(
          ({ changed_turn_id, decision, hunks, kept, undone, open, added }) => {
            assert.equal(changed_turn_id, turn_id);
            return { decision, hunks, kept, undone, open, added };
          },
        );
        assert.deepEqual(said, [
          { decision: "undo", hunks: [FIRST], kept: 0, undone: 1, open: 1, added: 1 },
          { decision: "undo", hunks: [SECOND], kept: 0, undone: 2, open: 0, added: 0 },
          { decision: "open", hunks: [FIRST], kept: 0, undone: 1, open: 1, added: 1 },
        ]);
        const { messages } = await chat.listMessages(session_id);
        const { decided } = messages.find(({ role }) => role === "tool")?.metadata ?? {};
        assert.deepEqual(decided, { [SECOND]: "undo" });
      }));

    it("that were undone are told to the model with its next step, others are not", () => {
      const seen: ProviderRequest[] = [];
      const hearing: Script = (request, signal) => {
        seen.push(request);
        return script(request, signal);
      };
      return on(
        engine,
        async ({ chat }) => {
          const { session_id, turn_id } = await changedTurn(chat);
          const toldNext = async (): Promise<string> => {
            await read(chat, await ask(chat, "and now", { session_id }));
            const [result] = seen.at(-1)?.messages.filter(({ role }) => role === "tool") ?? [];
            await chat.cancelTurn(session_id);
            return result?.content ?? "";
          };
          await chat.decideChanges(session_id, turn_id, word({ decision: "keep" }));
          assert.equal(await toldNext(), "Changed.");
          await chat.decideChanges(session_id, turn_id, word({ hunks: [SECOND], open: 0 }));
          assert.match(await toldNext(), /^Changed\.\n\[The user has undone .* in one place/);
        },
        hearing,
      );
    });

    it("are left alone while a turn is open, and where there are none", () =>
      on(engine, async ({ chat }) => {
        const { session_id, turn_id } = await changedTurn(chat);
        await assert.rejects(
          chat.decideChanges(session_id, turn_id, word({ path: "b.ts" })),
          isCode("not_found"),
        );
        const other = await changedTurn(chat);
        await assert.rejects(
          chat.decideChanges(session_id, other.turn_id, word({})),
          isCode("not_found"),
        );
        await read(chat, await ask(chat, "again", { session_id }));
        await assert.rejects(
          chat.decideChanges(session_id, turn_id, word({})),
          isCode("session_busy"),
        );
        await chat.cancelTurn(session_id);
        assert.deepEqual(await decisions(chat, session_id), []);
      }));

    it("and their decisions outlive a crash, a file of the chat and a fork", async () => {
      const database = await engine.create();
      try {
        const before = await openChat(database.source, script);
        const { session_id, turn_id } = await changedTurn(before.chat);
        await before.chat.decideChanges(session_id, turn_id, word({}));
        await before.crash();
        const { chat, close } = await openChat(database.source, script);
        const [said] = await decisions(chat, session_id);
        assert.equal(said?.undone, 1);
        const fork = await chat.forkSession(session_id);
        const [copied] = await decisions(chat, fork.id);
        const { messages } = await chat.listMessages(fork.id);
        assert.equal(copied?.changed_turn_id, messages[0]?.turn_id);
        assert.notEqual(copied?.changed_turn_id, turn_id);
        const text = await exportedText(chat, session_id, "jsonl");
        await chat.deleteSession(session_id, true);
        const lines = text
          .trimEnd()
          .split("\n")
          .map((line, n) => ({ number: n + 1, text: line }));
        const report = await chat.importChats(
          (async function* () {
            yield* lines;
          })(),
          false,
        );
        assert.equal(report.complete, true);
        assert.deepEqual(await decisions(chat, session_id), [said]);
        await close();
      } finally {
        await database.remove();
      }
    });
  });
}

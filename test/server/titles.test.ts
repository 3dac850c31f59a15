// A chat's title by its model: asked once, beside everything; a person's own wins in every order.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { titleChat } from "../../server/chat/upkeep/title-chats.ts";
import { TITLE_PROMPT } from "../../server/domain/titles.ts";
import { SessionList } from "../../server/protocol/responses.ts";
import {
  FINISH,
  openChat,
  read,
  type Script,
  say,
  type TestChat,
  text,
  withChat,
} from "../support/chat.ts";
import { newDataDir, startCompanion } from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";
import { normal } from "../support/upstream/openai-scripts.ts";
import { FAKE_MODEL } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

const QUESTION = "How do I write a parser?";
const TITLE = "Writing a parser";

/** `gate`: the title is not said before. */
function scripted(
  title: string | (() => never),
  gate: Promise<unknown> = Promise.resolve(),
): Script {
  return async function* ({ system }, signal) {
    if (system !== TITLE_PROMPT) {
      yield text("With a table.");
      yield FINISH;
      return;
    }
    const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve));
    await Promise.race([gate, stopped]);
    yield text(typeof title === "string" ? title : title());
    yield { type: "finish", reason: "stop", usage: { input_tokens: 30, output_tokens: 4 } };
  };
}

const titleCalls = ({ requests }: TestChat) =>
  requests.filter(({ system }) => system === TITLE_PROMPT);

async function began({ chat }: TestChat, content = QUESTION): Promise<string> {
  const turn = await say(chat, content);
  await read(chat, turn);
  return turn.session_id;
}

const titleOf = async ({ chat }: TestChat, id: string) => (await chat.getSession(id)).title;

/** As if so much time had passed that nobody waits for the last call. */
const forgetCall = ({ deps }: TestChat, id: string) =>
  deps.newUnitOfWork({ sessionId: id }).commit("update_session", async (trx) => {
    await trx.updateTable("sessions").set({ title_asked_at: 1 }).where("id", "=", id).execute();
  });

for (const engine of ENGINES) {
  describe(`a title by the model on ${engine.engine}`, () => {
    it("is asked for once, with little, and counted", () =>
      withChat(engine, scripted(`"${TITLE}"`), async (open) => {
        const { chat, deps, metrics } = open;
        const id = await began(open);
        assert.equal(await titleOf(open, id), QUESTION);
        const before = await chat.getSession(id);
        await Promise.all([titleChat(deps, id), titleChat(deps, id)]);
        assert.deepEqual(await chat.getSession(id), { ...before, title: TITLE });
        await read(chat, await say(chat, "And then?", { session_id: id }));
        await titleChat(deps, id);
        const calls = titleCalls(open);
        assert.equal(calls.length, 1);
        assert.equal(calls[0]?.tools.length, 0);
        assert.deepEqual(calls[0]?.sampling, { max_output_tokens: 2_000 });
        const counted = (await metrics.tokens.get()).values;
        assert.deepEqual(
          counted.map(({ value }) => value),
          [30, 4],
        );
      }));

    it("loses to a person's own, given before, meanwhile or after", async () => {
      let release = (): void => {};
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      await withChat(engine, scripted(TITLE, gate), async (open) => {
        const { chat, deps } = open;
        const early = await began(open);
        await chat.updateSession(early, { title: "Mine" });
        await titleChat(deps, early);
        assert.equal(titleCalls(open).length, 0);
        const meanwhile = await began(open);
        const titling = titleChat(deps, meanwhile);
        while (titleCalls(open).length === 0) await new Promise((resolve) => setImmediate(resolve));
        // The very words that it has: they are somebody's choice now.
        await chat.updateSession(meanwhile, { title: QUESTION });
        release();
        await titling;
        assert.equal(await titleOf(open, meanwhile), QUESTION);
        const late = await began(open);
        await titleChat(deps, late);
        assert.equal(await titleOf(open, late), TITLE);
        await chat.updateSession(late, { title: "Mine" });
        await titleChat(deps, late);
        assert.equal(await titleOf(open, late), "Mine");
        const named = await chat.createSession({ title: "Mine" });
        await read(chat, await say(chat, QUESTION, { session_id: named.id }));
        await titleChat(deps, named.id);
        assert.equal(await titleOf(open, named.id), "Mine");
        assert.equal(titleCalls(open).length, 2);
      });
    });

    it("is asked for once more where the first call came to nothing, and never again", () =>
      withChat(
        engine,
        scripted(() => {
          throw new Error("offline");
        }),
        async (open) => {
          const { chat, deps } = open;
          const id = await began(open);
          await titleChat(deps, id);
          // Whoever asked may still wait for it.
          await titleChat(deps, id);
          assert.equal(titleCalls(open).length, 1);
          for (let turn = 0; turn < 3; turn++) {
            await forgetCall(open, id);
            await read(chat, await say(chat, "more", { session_id: id }));
            await titleChat(deps, id);
          }
          assert.equal(titleCalls(open).length, 2);
          assert.equal(await titleOf(open, id), QUESTION);
        },
      ));

    it("is asked for by one of two companions, and once more after one was killed", async () => {
      const database = await engine.create();
      try {
        const one = await openChat(database.source, scripted(TITLE, new Promise(() => {})));
        const id = await began(one);
        const titling = titleChat(one.deps, id);
        while (titleCalls(one).length === 0) await new Promise((resolve) => setImmediate(resolve));
        if (engine.engine === "sqlite") await one.crash();
        const two = await openChat(database.source, scripted("Told by another"));
        await titleChat(two.deps, id);
        assert.equal(titleCalls(two).length, 0);
        await forgetCall(two, id);
        await titleChat(two.deps, id);
        assert.equal(await titleOf(two, id), "Told by another");
        if (engine.engine === "postgres") await one.crash();
        await titling;
        assert.equal(await titleOf(two, id), "Told by another");
        await two.close();
      } finally {
        await database.remove();
      }
    });

    it("is none for a demo, a chat without an answer, or another language", () =>
      withChat(engine, scripted(TITLE), async (open) => {
        const { chat, deps } = open;
        const russian = await began(open, "Как написать парсер?");
        await titleChat(deps, russian);
        assert.equal(await titleOf(open, russian), "Как написать парсер?");
        const empty = await chat.createSession({});
        await titleChat(deps, empty.id);
        const id = await began(open);
        const demo = {
          ...deps,
          resolveModel: () => ({ ...deps.resolveModel(null), providerName: "demo" }),
        };
        await titleChat(demo, id);
        assert.equal(titleCalls(open).length, 1);
        await chat.deleteSession(id);
        await titleChat(deps, id);
        assert.equal(titleCalls(open).length, 1);
      }));
  });
}

describe("a title by the model in the companion's process", () => {
  for (const [flags, asked] of [
    [["--titles", "on"], 2],
    [[], 1],
  ] as const) {
    it(`asks its model ${asked} times for an answer with the flags [${flags.join(" ")}]`, () =>
      withUpstream(
        [normal("Hello there."), normal('"A greeting."'), normal("More.")],
        async (upstream) => {
          const dataDir = newDataDir();
          const companion = await startCompanion({ dataDir, args: flags });
          try {
            await companion.request("PUT", "/v1/keys/openai-compatible", {
              base_url: upstream.url,
            });
            const model = `openai-compatible/${FAKE_MODEL}`;
            const message = { type: "user_message", content: "Say hello to me please" };
            const send = async (session_id?: string) =>
              await (
                await companion.request("POST", "/v1/messages/stream", {
                  model,
                  message,
                  session_id,
                })
              ).text();
            await send();
            const read = async (): Promise<{ id: string; title: string }> => {
              const response = await companion.request("GET", "/v1/sessions");
              const [session] = SessionList.parse(await response.json()).sessions;
              assert.ok(session);
              return session;
            };
            const wanted = asked === 2 ? "A greeting" : message.content;
            for (let n = 0; n < 200 && (await read()).title !== wanted; n++)
              await new Promise((r) => setTimeout(r, 50));
            // As long as a chat rests before its model is asked, and half a second.
            if (asked === 1) await new Promise((r) => setTimeout(r, 2_500));
            const { id, title } = await read();
            assert.equal(title, wanted);
            await send(id);
            assert.equal(upstream.requests.length, asked + 1);
          } finally {
            await companion.stop();
            rmSync(dataDir, { recursive: true, force: true });
          }
        },
      ));
  }
});

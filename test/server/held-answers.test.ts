// A companion goes away in mid-answer, and the next one goes on with the very same
// answer, which its vendor holds.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { ask, logOf, until } from "../support/asking.ts";
import { type Companion, chunksOf, newDataDir, startCompanion } from "../support/companion.ts";
import { ENGINES, type Engine, POSTGRES } from "../support/engines.ts";
import { HELD_GOOGLE, interactionOf } from "../support/upstream/held-google.ts";
import { HELD_OPENAI, responseOf, type Said } from "../support/upstream/held-openai.ts";
import {
  type HeldFormat,
  type HeldPlan,
  type HeldUpstream,
  withHeldUpstream,
} from "../support/upstream/held-upstream.ts";

const WORDS = Array.from({ length: 30 }, (_, index) => `w${index} `);
const TEXT = WORDS.join("");
/** Of the events; some words have been said by then. */
const MIDDLE = 20;
const KEY = "test-key-1234567890";
const READ_FILE = {
  name: "read_file",
  description: "reads",
  parameters: { type: "object", properties: { path: { type: "string" } } },
  kind: "read",
};

interface Vendor {
  name: string;
  format: HeldFormat;
  eventsOf(said: Said, id: string): ReturnType<HeldPlan["events"]>;
  /** Whether a request brings a call's result. */
  hasResult(body: Record<string, unknown>): boolean;
}

const OPENAI: Vendor = {
  name: "openai",
  format: HELD_OPENAI,
  eventsOf: responseOf,
  hasResult: ({ input }) => JSON.stringify(input).includes("function_call_output"),
};

const GOOGLE: Vendor = {
  name: "google",
  format: HELD_GOOGLE,
  eventsOf: interactionOf,
  hasResult: ({ input }) => JSON.stringify(input).includes("function_result"),
};

interface Scene {
  upstream: HeldUpstream;
  start(how?: { dataDir?: string; isKeyless?: boolean }): Promise<Companion>;
  giveKey(companion: Companion): Promise<void>;
}

async function play(
  engine: Engine,
  vendor: Vendor,
  run: (scene: Scene) => Promise<void>,
  plan: Partial<HeldPlan> = {},
): Promise<void> {
  const database = await engine.create();
  const dataDir = newDataDir();
  const started: Companion[] = [];
  const events = (_body: unknown, id: string) => vendor.eventsOf({ words: WORDS }, id);
  try {
    await withHeldUpstream(
      vendor.format,
      { events, gapMs: 0, waitsAt: MIDDLE, ...plan },
      async (upstream) => {
        const giveKey: Scene["giveKey"] = async (companion) => {
          const base_url = `${upstream.origin}${vendor.format.base}`;
          const body = { key: KEY, base_url };
          const told = await companion.request("PUT", `/v1/keys/${vendor.name}`, body);
          assert.equal(told.status, 204, await told.text());
        };
        const start: Scene["start"] = async (how = {}) => {
          const companion = await startCompanion({
            dataDir: how.dataDir ?? dataDir,
            args: ["--database", database.flag, "--resume-answers", "on"],
          });
          started.push(companion);
          if (!how.isKeyless) await giveKey(companion);
          return companion;
        };
        await run({ upstream, start, giveKey });
      },
    );
  } finally {
    for (const companion of started) await companion.kill();
    rmSync(dataDir, { recursive: true, force: true });
    await database.remove();
  }
}

const textOf = (log: readonly StreamChunk[]): string =>
  log.map(({ type, token }) => (type === "assistant_message" ? token : "")).join("");

const toldBy = (chunk: StreamChunk | undefined): Readonly<Record<string, unknown>> => ({
  ...chunk?.metadata,
});

async function answerOf(companion: Companion, sessionId: string) {
  const response = await companion.request("GET", `/v1/sessions/${sessionId}/messages`);
  const { messages } = (await response.json()) as { messages: { role: string; content: string }[] };
  return messages.filter(({ role }) => role === "assistant").map(({ content }) => content);
}

for (const vendor of [OPENAI, GOOGLE]) {
  const MODEL = `${vendor.name}/fake-model`;
  for (const engine of ENGINES) {
    describe(`an answer that ${vendor.name} holds, on ${engine.engine}`, function () {
      this.timeout(60_000);

      for (const signal of ["SIGKILL", "SIGTERM"] as const) {
        it(`is gone on with after ${signal}: the same words, asked for once`, () =>
          play(engine, vendor, async ({ upstream, start }) => {
            const first = await start();
            const { sessionId, leave } = await ask(first, "hello", MODEL);
            first.process.kill(signal);
            await first.ended;
            leave();
            upstream.go();
            const second = await start();
            const log = await logOf(second, sessionId);
            assert.equal(textOf(log), TEXT);
            assert.equal(log.at(-1)?.type, "done");
            assert.deepEqual(
              log.map(({ seq }) => seq),
              log.map((_, index) => index + 1),
            );
            const usage = { input_tokens: 7, output_tokens: WORDS.length };
            assert.deepEqual(toldBy(log.at(-1))["usage"], usage);
            assert.deepEqual(await answerOf(second, sessionId), [TEXT]);
            assert.equal(upstream.asked(), 1);
          }));
      }

      it("survives one kill after another", () =>
        play(
          engine,
          vendor,
          async ({ upstream, start }) => {
            let companion = await start();
            const { sessionId, leave } = await ask(companion, "hello", MODEL);
            for (let kills = 0; kills < 3; kills += 1) {
              await companion.kill();
              companion = await start();
            }
            leave();
            assert.equal(textOf(await logOf(companion, sessionId)), TEXT);
            assert.equal(upstream.asked(), 1);
          },
          { waitsAt: Number.POSITIVE_INFINITY, gapMs: 100 },
        ));

      it("brings its call, and its thinking goes back with the result", () =>
        play(
          engine,
          vendor,
          async ({ upstream, start }) => {
            const first = await start();
            const response = await first.request("POST", "/v1/messages/stream", {
              model: MODEL,
              message: { type: "user_message", content: "read it" },
              tools: [READ_FILE],
            });
            const session = await until("a session", async () => {
              const list = await first.request("GET", "/v1/sessions");
              const { sessions } = (await list.json()) as { sessions: { id: string }[] };
              return sessions[0];
            });
            const thought = async () =>
              (await logSoFar(first, session.id)).some(({ token }) => token?.includes("w1"));
            await until("words", thought);
            await first.kill();
            await response.text().catch(() => "");
            upstream.go();
            const second = await start();
            const call = await until("the call", async () =>
              (await logSoFar(second, session.id)).find(({ type }) => type === "tool_call"),
            );
            assert.deepEqual(call.arguments, { path: "a.txt" });
            for (const message of [
              { type: "tool_decision", decision: "approve" },
              { type: "tool_result", result: "inside" },
            ]) {
              const told = await second.request("POST", "/v1/messages/stream", {
                session_id: session.id,
                message: { ...message, call_id: call.call_id },
              });
              assert.equal(told.status, 200, await told.text());
            }
            const log = await logOf(second, session.id);
            const thinking = log.map(({ type, token }) => (type === "reasoning" ? token : ""));
            assert.equal(thinking.join(""), "Let me think.");
            assert.equal(textOf(log), `${TEXT}${TEXT}`);
            assert.equal(log.at(-1)?.type, "done");
            assert.equal(upstream.asked(), 2);
            const [asked] = upstream.answers;
            const sent = JSON.stringify(upstream.answers[1]?.body);
            assert.ok(sent.includes(`cipher of ${asked?.id}`), sent);
            assert.ok(sent.includes(String(call.call_id)));
          },
          {
            events: (body, id) =>
              vendor.eventsOf(
                vendor.hasResult(body)
                  ? { words: WORDS }
                  : {
                      thoughts: ["Let ", "me ", "think."],
                      words: WORDS,
                      call: { name: "read_file", arguments: '{"path":"a.txt"}' },
                    },
                id,
              ),
          },
        ));

      it("that the vendor has no more is interrupted with its words kept, and says so", () =>
        play(engine, vendor, async ({ upstream, start }) => {
          const first = await start();
          const { sessionId, leave } = await ask(first, "hello", MODEL);
          await first.kill();
          leave();
          upstream.forget();
          const second = await start();
          const log = await logOf(second, sessionId);
          const last = log.at(-1);
          assert.equal(last?.type, "interrupted");
          assert.equal(toldBy(last)["code"], "server_restarted");
          assert.match(last.content ?? "", /does not give the rest of the answer any more/);
          const kept = textOf(log);
          assert.ok(kept !== "" && TEXT.startsWith(kept));
          assert.deepEqual(await answerOf(second, sessionId), [kept]);
        }));

      it("is cancelled at the vendor by Stop, before a restart and after one", () =>
        play(engine, vendor, async ({ upstream, start }) => {
          const first = await start();
          const one = await ask(first, "hello", MODEL);
          await first.request("POST", `/v1/sessions/${one.sessionId}/cancel`);
          await until("its end at the vendor", () => upstream.answers[0]?.isCancelled);
          const two = await ask(first, "again", MODEL);
          await first.kill();
          for (const { leave } of [one, two]) leave();
          const second = await start();
          await second.request("POST", `/v1/sessions/${two.sessionId}/cancel`);
          await until("its end at the vendor", () => upstream.answers[1]?.isCancelled);
          const log = await logOf(second, two.sessionId);
          assert.equal(toldBy(log.at(-1))["code"], "cancelled");
        }));

      it("waits for its key, which a window brings", () =>
        play(engine, vendor, async ({ upstream, start, giveKey }) => {
          const first = await start();
          const { sessionId, leave } = await ask(first, "hello", MODEL);
          await first.kill();
          leave();
          upstream.go();
          const second = await start({ isKeyless: true });
          await giveKey(second);
          const log = await logOf(second, sessionId);
          assert.equal(textOf(log), TEXT);
          assert.equal(log.at(-1)?.type, "done");
        }));
    });
  }

  it(`an answer that ${vendor.name} holds is gone on with by another companion`, function () {
    this.timeout(60_000);
    const other = newDataDir();
    return play(POSTGRES, vendor, async ({ upstream, start }) => {
      const first = await start();
      const second = await start({ dataDir: other });
      const { sessionId, leave } = await ask(first, "hello", MODEL);
      await first.stop();
      leave();
      upstream.go();
      assert.equal(textOf(await logOf(second, sessionId)), TEXT);
      assert.equal(upstream.asked(), 1);
    }).finally(() => rmSync(other, { recursive: true, force: true }));
  });
}

/** Its lease has to run out first: some 20 s. */
it("a held answer is gone on with by another companion after a kill of the first", function () {
  this.timeout(60_000);
  const other = newDataDir();
  return play(POSTGRES, OPENAI, async ({ upstream, start }) => {
    const first = await start();
    const second = await start({ dataDir: other });
    const asked = await Promise.all([1, 2, 3].map(() => ask(first, "hello", "openai/fake-model")));
    await first.kill();
    for (const { leave } of asked) leave();
    upstream.go();
    for (const { sessionId } of asked) {
      const log = await logOf(second, sessionId);
      assert.equal(textOf(log), TEXT);
      assert.equal(log.at(-1)?.type, "done");
      assert.deepEqual(await answerOf(second, sessionId), [TEXT]);
    }
    assert.equal(upstream.asked(), asked.length);
    // The first one is back, and has nothing to do with them.
    const again = await start();
    for (const { sessionId } of asked) assert.equal(textOf(await logOf(again, sessionId)), TEXT);
    assert.equal(upstream.asked(), asked.length);
  }).finally(() => rmSync(other, { recursive: true, force: true }));
});

/** Up to now. */
async function logSoFar(companion: Companion, sessionId: string): Promise<StreamChunk[]> {
  const path = `/v1/sessions/${sessionId}/stream?after=0`;
  const stop = new AbortController();
  const response = await fetch(`${companion.url}${path}`, {
    headers: { authorization: `Bearer ${companion.token}` },
    signal: stop.signal,
  });
  const chunks: StreamChunk[] = [];
  const timer = setTimeout(() => stop.abort(), 150);
  try {
    for await (const chunk of chunksOf(response)) chunks.push(chunk);
  } catch {
    // Left, since a session that runs has no end.
  } finally {
    clearTimeout(timer);
  }
  return chunks;
}

// Answers that are read by a thread of their own are the same answers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { ChatError } from "../../server/errors.ts";
import { currentTrace, traceOf, withTrace } from "../../server/observe/trace-context.ts";
import { usualAnswerThreads } from "../../server/providers/answer-threads.ts";
import { createCatalog } from "../../server/providers/catalog.ts";
import type { ProviderEvent } from "../../server/providers/provider.ts";
import { newDataDir, startCompanion } from "../support/companion.ts";
import {
  collect,
  HELLO,
  NO_SETTINGS,
  providerAt,
  textOf,
  WEATHER,
} from "../support/upstream/collect.ts";
import { controlled, normal, status, text, write } from "../support/upstream/openai-scripts.ts";
import { replay } from "../support/upstream/replay.ts";
import { FAKE_MODEL, type Script } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

const inThread = { answerThreads: 1 };

describe("an answer that a thread reads", () => {
  for (const name of ["openai", "anthropic", "google", "ollama"]) {
    for (const what of ["text", "tool", "error"] as const) {
      it(`has the same events and the same end: ${name}, ${what}`, () =>
        withUpstream([replay(name, what)], async ({ url }) => {
          const request = { ...HELLO, tools: [WEATHER] };
          const here = await collect(providerAt(url, { name }), request);
          const there = await collect(providerAt(url, { name, ...inThread }), request);
          assert.deepEqual(merged(there.events), merged(here.events));
          assert.ok(here.events.length > 0);
          assertSameError(there.error, here.error);
        }));
    }
  }

  it("fails with the same words, hint and time to wait", () =>
    withUpstream([status(429, "slow down", { "retry-after": "77" })], async ({ url }) => {
      const here = await collect(providerAt(url));
      const there = await collect(providerAt(url, inThread));
      assert.ok(there.error instanceof ChatError);
      assert.equal(there.error.retryAfterSeconds, 77);
      assertSameError(there.error, here.error);
    }));

  it("is stopped as any other: its connection is closed, the reason is the caller's", () => {
    const answer = controlled();
    return withUpstream([answer.script], async ({ url }) => {
      const stop = new AbortController();
      const reason = new Error("the reader's own reason");
      const provider = providerAt(url, inThread);
      const reading = provider.stream(HELLO, stop.signal).each?.(() => {
        stop.abort(reason);
        return undefined;
      });
      await answer.say("Hel");
      await assert.rejects(reading ?? Promise.resolve(), reason);
      await (await answer.request).left;
    });
  });

  it("waits for a taker that has enough: what is not taken is not read for ever", () => {
    let written = 0;
    const piece = text("word ".repeat(100));
    const flood: Script = async (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      while (!response.destroyed) {
        await write(response, piece);
        // Where the thread reads as fast, no write waits, and this would hold the taker's loop.
        if (++written % 20 === 0) await setImmediate();
      }
    };
    return withUpstream([flood], async ({ url }) => {
      const stop = new AbortController();
      const room = Promise.withResolvers<void>();
      const provider = providerAt(url, { ...inThread, maxAnswerChars: 1e9 });
      const reading = provider.stream(HELLO, stop.signal).each?.(() => room.promise);
      // What sockets and both threads hold, and no more, however long nobody takes it.
      const standsAt = async (): Promise<number> => {
        for (let still = 0, before = 0; still < 4; before = written) {
          await delay(500);
          still = written === before ? still + 1 : 0;
          assert.ok(written < 60_000, "it was read on and on");
        }
        return written;
      };
      while (written === 0) await delay(10);
      const held = await standsAt();
      room.resolve();
      while (written < held + 10_000) await delay(10);
      stop.abort(new Error("enough"));
      await assert.rejects(reading ?? Promise.resolve(), /enough/);
    });
  });

  it("belongs to the trace of who asked", () =>
    withUpstream([normal()], async ({ url }) => {
      const provider = providerAt(url, inThread);
      for (const trace of [traceOf(undefined), traceOf(undefined)]) {
        const seen = new Set<string | undefined>();
        await withTrace(trace, () =>
          provider.stream(HELLO, new AbortController().signal).each?.(() => {
            seen.add(currentTrace()?.traceId);
            return undefined;
          }),
        );
        assert.deepEqual([...seen], [trace.traceId]);
      }
    }));

  it("ends with an error when its thread dies, its words kept, and the next one is read", () => {
    const answer = controlled();
    return withUpstream([answer.script, normal("Here again.")], async ({ url }) => {
      const started = once(process, "worker") as Promise<[Worker]>;
      const provider = providerAt(url, inThread);
      const reading = collect(provider);
      const [thread] = await started;
      await answer.say("Hel");
      await delay(200);
      await thread.terminate();
      const broken = await reading;
      assert.equal(textOf(broken), "Hel");
      assert.ok(broken.error instanceof ChatError && broken.error.code === "upstream_cut");
      assert.equal(textOf(await collect(provider)), "Here again.");
    });
  });

  it("goes over new connections after a sleep", () =>
    withUpstream([normal()], async ({ url, requests }) => {
      const catalog = createCatalog({
        ...{ providers: NO_SETTINGS, defaultModel: undefined, stallSeconds: 5, ...inThread },
      });
      catalog.setKey("openai-compatible", "test-key-1234567890", url);
      const read = () => collect(catalog.resolve(`openai-compatible/${FAKE_MODEL}`).provider);
      await read();
      await read();
      catalog.wake(60_000);
      await read();
      const [first, second, third] = requests.map(({ clientPort }) => clientPort);
      assert.equal(second, first);
      assert.notEqual(third, first);
    }));

  it("goes through a companion, whose end waits for no thread", () =>
    withUpstream([normal("By a thread.")], async ({ url }) => {
      const companion = await startCompanion({
        dataDir: newDataDir(),
        args: ["--answer-threads", "2", "--model", `openai-compatible/${FAKE_MODEL}`],
        env: { OPENAI_BASE_URL: url, OPENAI_API_KEY: "test" },
      });
      const message = { type: "user_message", content: "Hello" };
      const answer = await companion.request("POST", "/v1/messages/stream", { message });
      const said = await answer.text();
      assert.match(said, /"done"/);
      const tokens = [...said.matchAll(/"token":"([^"]*)"/g)].map(([, token]) => token);
      assert.equal(tokens.join(""), "By a thread.");
      assert.equal((await companion.stop()).code, 0);
    }));
});

describe("how many threads read answers", () => {
  it("is none on two cores, one on four, and a few on many", () => {
    assert.deepEqual([1, 2, 3, 4, 8, 64].map(usualAnswerThreads), [0, 0, 0, 1, 2, 4]);
  });
});

/**
 * What arrives in one read depends on the moment, and ids that a vendor does not give on chance.
 */
function merged(events: readonly ProviderEvent[]): ProviderEvent[] {
  const all: ProviderEvent[] = [];
  for (const event of events) {
    const last = all.at(-1);
    if (event.type === "text" && last?.type === "text") last.text += event.text;
    else if (event.type === "reasoning" && last?.type === "reasoning") last.text += event.text;
    else if (event.type === "tool_call") all.push({ ...event, call_id: "" });
    else all.push({ ...event });
  }
  return all;
}

function assertSameError(there: unknown, here: unknown): void {
  const facts = (error: unknown) =>
    error instanceof ChatError && {
      code: error.code,
      message: error.message,
      hint: error.hint,
      retryAfterSeconds: error.retryAfterSeconds,
      mayPass: error.mayPass,
    };
  assert.deepEqual(facts(there), facts(here));
}

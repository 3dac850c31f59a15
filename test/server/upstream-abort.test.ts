import assert from "node:assert/strict";
import { once } from "node:events";
import { ChatError } from "../../server/errors.ts";
import type { Provider } from "../../server/providers/provider.ts";
import { collect, eventsOf, HELLO, providerAt, textOf } from "../support/upstream/collect.ts";
import {
  controlled,
  cut,
  normal,
  silent,
  stalls,
  status,
  text,
  write,
} from "../support/upstream/openai-scripts.ts";
import { type Script, startUpstream } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

/** Reads until the first word, then does what `then` says. */
async function onFirstWord(
  provider: Provider,
  signal: AbortSignal,
  then: () => void,
): Promise<void> {
  for await (const event of eventsOf(provider, HELLO, signal)) {
    if (event.type === "text") then();
  }
}

describe("stopping an answer", () => {
  const reason = new Error("the reader's own reason");

  it("closes the connection in the middle of the answer and throws the caller's reason", () => {
    const answer = controlled();
    return withUpstream([answer.script], async (upstream) => {
      const stop = new AbortController();
      const reading = onFirstWord(providerAt(upstream.url), stop.signal, () => stop.abort(reason));
      await answer.say("Hel");
      await assert.rejects(reading, reason);
      await (await answer.request).left;
    });
  });

  it("closes it before the first byte, too", () =>
    withUpstream([silent], async (upstream) => {
      const stop = new AbortController();
      const reading = collect(providerAt(upstream.url), HELLO, stop.signal);
      const request = await upstream.request(0);
      stop.abort(reason);
      assert.equal((await reading).error, reason);
      await request.left;
    }));

  it("closes it when the reader just leaves", () => {
    const answer = controlled();
    return withUpstream([answer.script], async (upstream) => {
      const saying = answer.say("Hel");
      const provider = providerAt(upstream.url);
      for await (const event of eventsOf(provider, HELLO, new AbortController().signal)) {
        assert.deepEqual(event, { type: "text", text: "Hel" });
        break;
      }
      await saying;
      await (await answer.request).left;
    });
  });

  it("ends the wait before a retry", () =>
    withUpstream([status(429, "wait", { "retry-after": "9" })], async (upstream) => {
      const stop = new AbortController();
      const reading = collect(providerAt(upstream.url), HELLO, stop.signal);
      await upstream.request(0);
      stop.abort(reason);
      assert.equal((await reading).error, reason);
      assert.equal(upstream.requests.length, 1);
    }));

  it("asks nobody when it was stopped before it began", () =>
    withUpstream([normal()], async (upstream) => {
      const { error } = await collect(providerAt(upstream.url), HELLO, AbortSignal.abort(reason));
      assert.equal(error, reason);
      assert.equal(upstream.requests.length, 0);
    }));

  it("leaves nothing behind that could end the process, whenever it comes", () =>
    withUpstream([normal("a b c d e f g h i j k l m n o p")], async (upstream) => {
      const unhandled: unknown[] = [];
      const keep = (error: unknown): void => void unhandled.push(error);
      process.on("uncaughtExceptionMonitor", keep);
      const provider = providerAt(upstream.url);
      for (let words = 0; words < 20; words += 1) {
        const stop = new AbortController();
        let read = 0;
        const reading = onFirstWord(provider, stop.signal, () => {
          read += 1;
          if (read > words) stop.abort(reason);
        });
        await reading.catch((error) => assert.equal(error, reason));
        stop.abort(reason);
      }
      await new Promise(setImmediate);
      process.off("uncaughtExceptionMonitor", keep);
      assert.deepEqual(unhandled, []);
    }));
});

describe("a slow or broken answer", () => {
  it("gives each word when it comes, not at the end", () => {
    const answer = controlled();
    return withUpstream([answer.script], async (upstream) => {
      const events = eventsOf(providerAt(upstream.url), HELLO, new AbortController().signal);
      for (const word of ["one", " two", " three"]) {
        const [next] = await Promise.all([events.next(), answer.say(word)]);
        assert.deepEqual(next.value, { type: "text", text: word });
      }
      void answer.finish();
      assert.equal((await events.next()).value?.type, "finish");
      assert.equal((await events.next()).done, true);
    });
  });

  it("does not count the reader's own slowness as a stall", () => {
    const words = "word ".repeat(20_000);
    return withUpstream([normal(words)], async (upstream) => {
      const provider = providerAt(upstream.url, { stallSeconds: 1 });
      let seen = "";
      for await (const event of eventsOf(provider, HELLO, new AbortController().signal)) {
        if (seen === "") await once(AbortSignal.timeout(1_500), "abort");
        if (event.type === "text") seen += event.text;
      }
      assert.equal(seen, words.trimEnd());
    });
  });

  for (const how of ["fin", "rst"] as const) {
    it(`gives a slow reader all that came before a break (${how.toUpperCase()})`, () => {
      const words = Array.from({ length: 300 }, (_, index) => ` ${index}`);
      const broken = Promise.withResolvers<void>();
      const script: Script = async (request, response) => {
        await cut(how, words.map(text).join(""))(request, response);
        broken.resolve();
      };
      return withUpstream([script], async (upstream) => {
        let seen = "";
        const reading = async (): Promise<void> => {
          const events = eventsOf(providerAt(upstream.url), HELLO, new AbortController().signal);
          for await (const event of events) {
            await broken.promise;
            await new Promise(setImmediate);
            if (event.type === "text") seen += event.text;
          }
        };
        await assert.rejects(reading(), { code: "upstream_cut" });
        assert.equal(seen, words.join(""));
      });
    });
  }

  it("is not read on after its error, whatever comes after it", () => {
    const error = { type: "server_error", code: "server_error", message: "no", param: null };
    const first = `data: ${JSON.stringify({ type: "error", sequence_number: 0, error })}\n\n`;
    return withUpstream([stalls(first)], async (upstream) => {
      const { error } = await collect(providerAt(upstream.url, { name: "openai" }));
      assert.ok(error instanceof ChatError && error.code === "upstream_failed", String(error));
      assert.equal(upstream.requests.length, 3);
      await Promise.all(upstream.requests.map((request) => request.left));
    });
  });

  it("holds up no other answer", async () => {
    const stuck = await startUpstream(async (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      await write(response, text("stuck"));
    });
    const stop = new AbortController();
    const waiting = collect(providerAt(stuck.url), HELLO, stop.signal);
    await stuck.request(0);
    await withUpstream([normal("quick")], async (upstream) => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => collect(providerAt(upstream.url))),
      );
      for (const answer of answers) assert.equal(textOf(answer), "quick");
    });
    stop.abort(new Error("enough"));
    await waiting;
    await stuck.close();
  });
});

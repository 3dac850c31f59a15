// Real HTTP against a fake model's server that does everything wrong which such servers do.
import assert from "node:assert/strict";
import { ChatError } from "../../server/errors.ts";
import { checkAnswer } from "../support/upstream/check-answer.ts";
import { collect, HELLO, providerAt, WEATHER } from "../support/upstream/collect.ts";
import {
  body,
  chunk,
  cut,
  DONE,
  event,
  moreArguments,
  normal,
  silent,
  stalls,
  status,
  stop,
  stream,
  text,
  toolCall,
} from "../support/upstream/openai-scripts.ts";
import { startUpstream } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

describe("a model's server that does as it should", () => {
  it("gives its words one by one, then the usage", async () => {
    const { events } = await checkAnswer({ scripts: [normal("one two three")] });
    assert.deepEqual(events, [
      { type: "text", text: "one" },
      { type: "text", text: " two" },
      { type: "text", text: " three" },
      { type: "finish", reason: "stop", usage: { input_tokens: 7, output_tokens: 3 } },
    ]);
  });

  it("gets the key, the model, the system prompt and the conversation", () =>
    withUpstream([normal()], async (upstream) => {
      await collect(providerAt(upstream.url));
      const [request] = upstream.requests;
      assert.equal(request?.path, "/v1/chat/completions");
      assert.equal(request.headers.authorization, "Bearer test-key-1234567890");
      assert.deepEqual(request.body, {
        model: "fake-model",
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: "hello" },
        ],
        stream: true,
        stream_options: { include_usage: true },
      });
    }));

  it("is asked over the same connection again", () =>
    withUpstream([normal()], async (upstream) => {
      const provider = providerAt(upstream.url);
      await collect(provider);
      // The end of the first answer is read in the background.
      await new Promise(setImmediate);
      await collect(provider);
      const [first, second] = upstream.requests;
      assert.equal(first?.clientPort, second?.clientPort);
    }));

  it("may reason, finish for length, and leave out usage", async () => {
    const { events } = await checkAnswer({
      scripts: [stream(chunk({ reasoning_content: "hm" }), text("a"), stop("length"), DONE)],
    });
    assert.deepEqual(events, [
      { type: "reasoning", text: "hm" },
      { type: "text", text: "a" },
      { type: "finish", reason: "length", usage: undefined },
    ]);
  });

  it("may call a tool in pieces", async () => {
    const { events } = await checkAnswer({
      scripts: [
        stream(
          text("Let me look."),
          toolCall("call_1", "get_weather", '{"ci'),
          moreArguments('ty":"Oslo"}'),
          stop("tool_calls"),
          DONE,
        ),
      ],
      request: { ...HELLO, tools: [WEATHER] },
    });
    assert.deepEqual(events, [
      { type: "text", text: "Let me look." },
      {
        type: "tool_call",
        call_id: "call_1",
        tool_name: "get_weather",
        arguments: { city: "Oslo" },
      },
      { type: "finish", reason: "tool_calls", usage: undefined },
    ]);
  });

  it("may send comments, an end mark twice, or only the end mark", async () => {
    await checkAnswer({ scripts: [stream(": hi\n\n", text("a"), stop(), DONE, DONE)], text: "a" });
    const { events } = await checkAnswer({ scripts: [stream(text("a"), DONE)], text: "a" });
    assert.deepEqual(events.at(-1), { type: "finish", reason: "other", usage: undefined });
  });

  it("may keep the connection open after the end mark", () =>
    checkAnswer({ scripts: [stalls(text("a"), stop(), DONE)], text: "a" }));

  it("may cut characters in two, by bytes or by surrogates", async () => {
    const bytes = Buffer.from(text("héllo 🎉"));
    const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
    await checkAnswer({ scripts: [stream(...pieces, stop(), DONE)], text: "héllo 🎉" });
    await checkAnswer({
      scripts: [stream(text("a\ud83c"), text("\udf89b"), stop(), DONE)],
      text: "a🎉b",
    });
  });

  it("may send bytes that are no text: they become replacement characters", () =>
    checkAnswer({
      scripts: [
        stream(
          Buffer.from(`data: {"choices":[{"index":0,"delta":{"content":"a`),
          Uint8Array.of(0xff),
          Uint8Array.of(0xc3),
          Buffer.from(`b\\u0000\\ud800c"}}]}\n\n`),
          stop(),
          DONE,
        ),
      ],
      text: "a\ufffd\ufffdb\ufffd\ufffdc",
    }));
});

describe("a model's server that says no", () => {
  it("401 and 403: the key", async () => {
    const hint = /Set API key.*OPENAI_API_KEY/;
    const said = "Incorrect API key provided: test-key-1234567890.";
    await checkAnswer({
      scripts: [status(401, said)],
      error: "upstream_unauthorized",
      message: /401.*Incorrect API key provided: \[redacted\]/,
      hint,
    });
    await checkAnswer({
      scripts: [status(403)],
      error: "upstream_unauthorized",
      message: /403/,
      hint,
    });
  });

  it("404 and other 4xx: its own sentence, shortened", async () => {
    await checkAnswer({
      scripts: [status(404, "The model `x` does not exist")],
      error: "upstream_rejected",
      message: /404.*The model `x` does not exist/,
      hint: /base URL, http:\/\/127/,
    });
    const { error } = await checkAnswer({
      scripts: [status(400, `too long: ${"x".repeat(5000)}`)],
      error: "upstream_rejected",
    });
    assert.ok(error instanceof ChatError && error.message.length < 500);
  });

  it("a redirect: not followed, since the key would go along", () =>
    checkAnswer({
      scripts: [body(307, "text/plain", "", { location: "http://127.0.0.1:9/v1" })],
      error: "upstream_rejected",
      hint: /redirect/,
    }));

  it("429: waits as long as asked, in seconds, then goes on", () =>
    checkAnswer({
      scripts: [status(429, "slow down", { "retry-after": "0" }), normal("later")],
      text: "later",
      requests: 2,
    }));

  it("429 with a date in the past: tries at once", () =>
    checkAnswer({
      scripts: [
        status(429, "slow down", { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }),
        normal("later"),
      ],
      text: "later",
      requests: 2,
    }));

  it("429 for long: says so at once", async () => {
    await checkAnswer({
      scripts: [status(429, "slow down", { "retry-after": "120" })],
      error: "upstream_rate_limited",
      message: /429.*slow down/,
      hint: /Wait 120 s/,
      retryAfterSeconds: 120,
    });
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    const { error } = await withUpstream(
      [status(429, "slow down", { "retry-after": date })],
      (upstream) => collect(providerAt(upstream.url)),
    );
    assert.ok(error instanceof ChatError && error.code === "upstream_rate_limited");
    assert.ok((error.retryAfterSeconds ?? 0) > 3_500 && (error.retryAfterSeconds ?? 0) <= 3_600);
  });

  it("429 because there is no money: not a matter of waiting", () =>
    checkAnswer({
      scripts: [status(429, "You exceeded your quota", {}, { code: "insufficient_quota" })],
      error: "upstream_rejected",
      hint: /billing/,
    }));

  it("x-should-retry: decides, whatever the status says", async () => {
    await checkAnswer({
      scripts: [status(400, "not yet", { "x-should-retry": "true" }), normal("later")],
      text: "later",
      requests: 2,
    });
    await checkAnswer({
      scripts: [status(500, "never", { "x-should-retry": "false" }), normal("later")],
      error: "upstream_failed",
      message: /never/,
      requests: 1,
    });
  });

  it("500 and 529: tries twice more, then says it", async () => {
    await checkAnswer({
      scripts: [status(500), status(502), normal("third")],
      text: "third",
      requests: 3,
    });
    await checkAnswer({
      scripts: [status(500)],
      error: "upstream_failed",
      message: /500/,
      requests: 3,
    });
    await checkAnswer({
      scripts: [status(529, "Overloaded")],
      error: "upstream_failed",
      message: /is overloaded \(529\): Overloaded/,
      requests: 3,
    });
  });

  it("an error as an event: before the first word tried again, after it told", async () => {
    const failure = event({ error: { message: "the GPU is on fire", type: "server_error" } });
    await checkAnswer({ scripts: [stream(failure), normal("again")], text: "again", requests: 2 });
    await checkAnswer({
      scripts: [stream(text("Hel"), failure)],
      text: "Hel",
      error: "upstream_failed",
      message: /the GPU is on fire/,
    });
  });

  it("nobody there: not reachable, with the address", async () => {
    const upstream = await startUpstream(silent);
    await upstream.close();
    const { error } = await collect(providerAt(upstream.url));
    assert.ok(error instanceof ChatError);
    assert.equal(error.code, "upstream_unreachable");
    assert.match(error.message, new RegExp(`nothing listens at ${upstream.origin}`));
  });

  it("no such host, and a server that does not speak TLS", async () => {
    const unknown = await collect(providerAt("http://no-such-host.invalid/v1"));
    assert.ok(unknown.error instanceof ChatError);
    assert.equal(unknown.error.code, "upstream_unreachable");
    assert.match(unknown.error.message, /no address is known for http:\/\/no-such-host.invalid/);
    await withUpstream([normal()], async (upstream) => {
      const { error } = await collect(providerAt(upstream.url.replace("http:", "https:")));
      assert.ok(error instanceof ChatError);
      assert.equal(error.code, "upstream_unreachable");
      assert.match(error.message, /secure connection/);
    });
  });
});

describe("a model's server that breaks off", () => {
  it("before its first byte: a timeout after twice the stall time", async () => {
    const timedOut = { error: "upstream_timeout", message: /did not begin.*0\.2 s/ } as const;
    await checkAnswer({ scripts: [silent], stallSeconds: 0.1, ...timedOut });
    await checkAnswer({ scripts: [stalls()], stallSeconds: 0.1, ...timedOut });
  });

  it("in the middle, with the connection open: a timeout, the words kept", () =>
    checkAnswer({
      scripts: [stalls(text("Hel"), text("lo"))],
      stallSeconds: 1,
      text: "Hello",
      error: "upstream_timeout",
      message: /stopped in the middle.*1 s/,
      hint: /stall timeout/,
    }));

  for (const how of ["fin", "rst"] as const) {
    it(`in the middle, with ${how.toUpperCase()}: cut, every word kept`, () => {
      const words = Array.from({ length: 200 }, (_, index) => ` ${index}`);
      return checkAnswer({
        scripts: [cut(how, ...words.map(text))],
        // A reset may overtake what was sent, so of that only the order can be promised.
        ...(how === "fin" && { text: words.join("") }),
        error: "upstream_cut",
        hint: /kept/,
      });
    });
    it(`before the first word, with ${how.toUpperCase()}: tried again`, () =>
      checkAnswer({ scripts: [cut(how), normal("again")], text: "again", requests: 2 }));
  }

  it("with a clean end, but no end mark", () =>
    checkAnswer({ scripts: [stream(text("Hel"))], text: "Hel", error: "upstream_cut" }));

  it("inside a tool call: the call is not made", async () => {
    const { events } = await checkAnswer({
      scripts: [stream(text("a"), toolCall("call_1", "get_weather", '{"city":"Os'))],
      request: { ...HELLO, tools: [WEATHER] },
      text: "a",
      error: "upstream_cut",
    });
    assert.ok(!events.some((event) => event.type === "tool_call"));
  });
});

// Over real HTTP: bodies under any name and any packing, and errors that a server
// tells inside of a success.
import assert from "node:assert/strict";
import zlib from "node:zlib";
import { ChatError } from "../../server/errors.ts";
import type { ErrorCode } from "../../server/protocol/errors.ts";
import { checkAnswer } from "../support/upstream/check-answer.ts";
import { collect, providerAt, textOf } from "../support/upstream/collect.ts";
import {
  body,
  DONE,
  event,
  normal,
  status,
  stop,
  stream,
  text,
  write,
} from "../support/upstream/openai-scripts.ts";
import type { Script } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

const WORDS = Array.from({ length: 50 }, (_, index) => ` ${index}é`);
const PLAIN = Buffer.from([...WORDS.map(text), stop(), DONE].join(""));

/** These bytes in pieces of a few, under this head. */
const raw =
  (bytes: Buffer, headers: Record<string, string>): Script =>
  async (_request, response) => {
    response.writeHead(200, headers);
    for (let from = 0; from < bytes.length; from += 97) {
      await write(response, bytes.subarray(from, from + 97));
    }
    response.end();
  };

describe("the body of an answer", () => {
  for (const type of ["text/plain", "application/octet-stream", "application/json", "nonsense"]) {
    it(`may be events under ${type}`, () =>
      checkAnswer({ scripts: [raw(PLAIN, { "content-type": type })], text: WORDS.join("") }));
  }

  const packed: [string, Buffer][] = [
    ["gzip", zlib.gzipSync(PLAIN)],
    ["deflate", zlib.deflateSync(PLAIN)],
    ["br", zlib.brotliCompressSync(PLAIN)],
    ["zstd", zlib.zstdCompressSync(PLAIN)],
  ];
  for (const [encoding, bytes] of [...packed, ["deflate", zlib.deflateRawSync(PLAIN)]] as const) {
    it(`may be packed with ${encoding}`, () =>
      checkAnswer({
        scripts: [raw(bytes, { "content-encoding": encoding })],
        text: WORDS.join(""),
      }));
    it(`may be plain though it is said to be packed with ${encoding}`, () =>
      checkAnswer({
        scripts: [raw(PLAIN, { "content-encoding": encoding })],
        text: WORDS.join(""),
      }));
  }

  it("may be packed without a word of it, and cut: what came is kept", async () => {
    await checkAnswer({ scripts: [raw(zlib.gzipSync(PLAIN), {})], text: WORDS.join("") });
    const cut = raw(zlib.gzipSync(PLAIN).subarray(0, -30), { "content-encoding": "gzip" });
    const { error, ...collected } = await withUpstream([cut], ({ url }) =>
      collect(providerAt(url)),
    );
    assert.ok(error instanceof ChatError && error.code === "upstream_cut", String(error));
    assert.ok(WORDS.join("").startsWith(textOf({ error, ...collected })));
    assert.notEqual(textOf({ error, ...collected }), "");
  });

  it("gives the words of a packed stream as they come", () =>
    withUpstream(
      [
        async (_request, response) => {
          response.writeHead(200, { "content-encoding": "gzip" });
          const gzip = zlib.createGzip();
          gzip.on("data", (bytes: Buffer) => response.write(bytes));
          gzip.write(text("first"));
          gzip.flush(zlib.constants.Z_SYNC_FLUSH);
          await new Promise(() => {});
        },
      ],
      async ({ url }) => {
        const stopReading = new AbortController();
        for await (const [first] of providerAt(url).stream(
          {
            model: "fake-model",
            system: "",
            messages: [{ role: "user", content: "x" }],
            tools: [],
          },
          stopReading.signal,
        )) {
          assert.deepEqual(first, { type: "text", text: "first" });
          break;
        }
      },
    ));

  it("may be a page of a proxy: its title is told, as the status that it names", async () => {
    const page = (title: string): string =>
      `<!DOCTYPE html><html><title>${title}</title><p>x</html>`;
    await checkAnswer({
      scripts: [body(200, "text/html", page("Sign in"))],
      error: "upstream_malformed",
      message: /a web page instead of an answer, "Sign in"/,
    });
    await checkAnswer({
      scripts: [body(200, "text/html", page("503 Service Unavailable")), normal("hi")],
      text: "hi",
      requests: 2,
    });
    await checkAnswer({
      scripts: [body(502, "text/html", page("502 Bad Gateway"))],
      error: "upstream_failed",
      message: /502 Bad Gateway/,
      requests: 3,
    });
  });
});

describe("words that are no event, where an answer breaks off", () => {
  const page = (title: string): string =>
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>nginx</body>\r\n</html>\r\n`;
  const broken = (said: string, error: ErrorCode, message: RegExp): Promise<unknown> =>
    checkAnswer({ scripts: [stream(text("Hel"), said)], text: "Hel", error, message });

  it("are told, as what their status would have been", async () => {
    await broken(page("502 Bad Gateway"), "upstream_failed", /502.*Bad Gateway/);
    await broken(page("Too Many Requests"), "upstream_rate_limited", /Too Many Requests/);
    await broken("Service Unavailable", "upstream_failed", /Service Unavailable/);
    await broken("data: HTTP 503 from the model\n\n", "upstream_failed", /503 from the model/);
    await broken("data: the model was unplugged\n\n", "upstream_cut", /said: the model was unplug/);
    await checkAnswer({
      scripts: [
        raw(Buffer.from('{"message":{"content":"Hel"},"done":false}\nInternal Server Error\n'), {}),
      ],
      text: "Hel",
      error: "upstream_failed",
      message: /Internal Server Error/,
    });
  });

  it("are nothing to tell where the answer went on after them, or was cut in the name of a field", async () => {
    await checkAnswer({
      scripts: [stream(text("Hel"), "oops\n", text("lo"))],
      text: "Hello",
      error: "upstream_cut",
      message: /middle of the answer\.$/,
    });
    await broken("dat", "upstream_cut", /middle of the answer\.$/);
    await checkAnswer({
      scripts: [stream(text("Hel"), "oops\n", text("lo"), stop(), DONE)],
      text: "Hello",
    });
  });
});

interface Told {
  said: object;
  code: ErrorCode;
  requests?: number;
}

const SAID = "Said by the server";
const ERRORS: Told[] = [
  {
    said: { error: { message: SAID, type: "rate_limit_error" } },
    code: "upstream_rate_limited",
    requests: 3,
  },
  { said: { error: { message: SAID, code: 429 } }, code: "upstream_rate_limited", requests: 3 },
  { said: { error: { message: SAID, code: "429" } }, code: "upstream_rate_limited", requests: 3 },
  { said: { error: { message: SAID, code: "insufficient_quota" } }, code: "upstream_rejected" },
  {
    said: { error: { message: SAID, type: "overloaded_error" } },
    code: "upstream_failed",
    requests: 3,
  },
  { said: { error: { message: SAID, code: "invalid_api_key" } }, code: "upstream_unauthorized" },
  { said: { error: { message: SAID, status: "UNAUTHENTICATED" } }, code: "upstream_unauthorized" },
  {
    said: { error: { message: SAID, status: "RESOURCE_EXHAUSTED" } },
    code: "upstream_rate_limited",
    requests: 3,
  },
  {
    said: { error: { message: SAID, code: "context_length_exceeded" } },
    code: "upstream_rejected",
  },
  { said: { error: { message: SAID, code: "content_filter" } }, code: "upstream_rejected" },
  { said: { error: SAID, status: 401 }, code: "upstream_unauthorized" },
  { said: { error: `${SAID}: Rate limit reached` }, code: "upstream_rate_limited", requests: 3 },
  { said: { object: "error", message: SAID, code: 400 }, code: "upstream_rejected" },
  {
    said: { type: "error", error: { type: "api_error", message: SAID } },
    code: "upstream_failed",
    requests: 3,
  },
  { said: { detail: SAID }, code: "upstream_failed", requests: 3 },
  {
    said: { base_resp: { status_code: 1004, status_msg: SAID } },
    code: "upstream_failed",
    requests: 3,
  },
  {
    said: {
      error: {
        message: "Provider returned error",
        code: 400,
        metadata: { raw: `{"error":"${SAID}"}` },
      },
    },
    code: "upstream_rejected",
  },
];

describe("an error inside of a success", () => {
  for (const { said, code, requests = 1 } of ERRORS) {
    it(`is what its status would have been: ${JSON.stringify(said)}`, async () => {
      const message = new RegExp(SAID);
      const shape = { error: code, message } as const;
      const json = `data: ${JSON.stringify(said)}\n\n`;
      await checkAnswer({ scripts: [stream(json)], requests, ...shape });
      await checkAnswer({
        scripts: [body(200, "application/json", JSON.stringify(said))],
        requests,
        ...shape,
      });
      await checkAnswer({
        scripts: [stream(text("Hel"), json, text("lo"))],
        text: "Hel",
        ...shape,
      });
    });
  }

  it("may be named so, or be plain words", async () => {
    for (const data of [`{"message":"${SAID}","type":"server_error"}`, SAID, `"${SAID}"`]) {
      await checkAnswer({
        scripts: [stream(text("Hel"), `event: error\ndata: ${data}\n\n`)],
        text: "Hel",
        error: "upstream_failed",
        message: new RegExp(SAID),
      });
    }
  });

  it("is tried again when the server wants it, in whichever words", async () => {
    for (const error of [
      { message: "Rate limit reached. Please try again in 20ms.", code: "rate_limit_exceeded" },
      { code: 429, message: "x", details: [{ "@type": "RetryInfo", retryDelay: "0.01s" }] },
      { code: 429, message: "x", retry_after: 0.01 },
    ]) {
      await checkAnswer({
        scripts: [stream(event({ choices: [], error })), normal("later")],
        text: "later",
        requests: 2,
      });
    }
    await checkAnswer({
      scripts: [status(429, "Please try again in 6m0s")],
      error: "upstream_rate_limited",
      retryAfterSeconds: 360,
    });
    await checkAnswer({
      scripts: [
        status(429, "no", {
          "x-ratelimit-remaining-requests": "0",
          "x-ratelimit-reset-requests": "1m30s",
          "x-ratelimit-remaining-tokens": "100",
          "x-ratelimit-reset-tokens": "5m",
        }),
      ],
      error: "upstream_rate_limited",
      retryAfterSeconds: 90,
    });
  });
});

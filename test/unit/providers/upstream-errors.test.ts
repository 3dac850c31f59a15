import assert from "node:assert/strict";
import fc from "fast-check";
import { createAccessBook } from "../../../server/providers/access.ts";
import { retryAfter } from "../../../server/providers/failures/retry-after.ts";
import { sentenceOf } from "../../../server/providers/failures/told-words.ts";
import { networkError, statusError } from "../../../server/providers/failures/upstream-errors.ts";

const access = createAccessBook({
  openai: { key: "secret-key-of-the-test" },
  anthropic: {},
  google: {},
  ollama: {},
}).use("openai");
const NOW = Date.parse("2026-11-23T12:00:00Z");

describe("Retry-After", () => {
  it("is read as seconds, as a date and in OpenAI's milliseconds", () => {
    assert.equal(retryAfter({ "retry-after": "7" }, NOW), 7);
    assert.equal(retryAfter({ "retry-after": " 1.5 " }, NOW), 1.5);
    assert.equal(retryAfter({ "retry-after": "Mon, 23 Nov 2026 12:00:30 GMT" }, NOW), 30);
    assert.equal(retryAfter({ "retry-after": "Mon, 23 Nov 2026 11:00:00 GMT" }, NOW), 0);
    assert.equal(retryAfter({ "retry-after": "9", "retry-after-ms": "250" }, NOW), 0.25);
  });

  it("is nothing, or bounded, when it is nonsense", () => {
    assert.equal(retryAfter({}, NOW), undefined);
    assert.equal(retryAfter({ "retry-after": "soon" }, NOW), undefined);
    assert.equal(retryAfter({ "retry-after": "1e9" }, NOW), undefined);
    assert.equal(retryAfter({ "retry-after": "999999999" }, NOW), 86_400);
  });
});

describe("a server's own sentence", () => {
  it("is found in every vendor's form", () => {
    const key = undefined;
    assert.equal(sentenceOf(`{"error":{"message":"no such model."}}`, key), "no such model");
    assert.equal(sentenceOf(`{"type":"error","error":{"type":"x","message":"m"}}`, key), "m");
    assert.equal(sentenceOf(`[{"error":{"code":400,"message":"g","status":"X"}}]`, key), "g");
    assert.equal(sentenceOf(`{"error":"model not found"}`, key), "model not found");
    assert.equal(sentenceOf(`{"detail":[{"msg":"field required"}]}`, key), "field required");
    assert.equal(sentenceOf("upstream connect error\nreset", key), "upstream connect error reset");
    for (const none of ["", "<html>x</html>", "{broken", "[]", "{}", "null", "42"]) {
      assert.equal(sentenceOf(none, key), none === "42" ? "" : "", none);
    }
  });

  it("is short, one line, well formed and without secrets, whatever it was", () => {
    const secret = access.key ?? "";
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 2_000 }), fc.boolean(), (said, asJson) => {
        const body = asJson ? JSON.stringify({ error: { message: said + secret } }) : said + secret;
        const { message } = statusError(access, 400, body);
        assert.ok(message.length < 400 && message.isWellFormed());
        assert.doesNotMatch(message, /[\n\r\0]/);
        assert.ok(!message.includes(secret));
      }),
    );
    assert.match(sentenceOf("bad key sk-abcdefghijklmnop1234", undefined), /bad key \[redacted\]/);
    assert.match(sentenceOf("see https://me:pass@host/", undefined), /me:\[redacted\]@host/);
  });
});

describe("a connection that fails", () => {
  it("is explained by its code", () => {
    const told = (code: string): string =>
      networkError(access, Object.assign(new Error("x"), { code })).message;
    assert.match(told("ECONNREFUSED"), /nothing listens at https:\/\/api\.openai\.com/);
    assert.match(told("EAI_AGAIN"), /no address is known/);
    assert.match(told("DEPTH_ZERO_SELF_SIGNED_CERT"), /secure connection/);
    assert.match(told("ERR_TLS_CERT_ALTNAME_INVALID"), /secure connection/);
    assert.match(told("ECONNRESET"), /closed the connection/);
    assert.equal(networkError(access, new Error("x")).code, "upstream_unreachable");
  });
});

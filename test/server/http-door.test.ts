// Who gets in, and what they hear if not: Host, Origin, token, body, route, in this order.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { ErrorBody } from "../../server/protocol/responses.ts";
import {
  type Companion,
  chunksOf,
  newDataDir,
  rawRequest,
  startCompanion,
} from "../support/companion.ts";

const ROUTES = [
  ["POST", "/v1/messages/stream"],
  ["GET", "/v1/sessions"],
  ["POST", "/v1/sessions"],
  ["GET", "/v1/sessions/x"],
  ["PATCH", "/v1/sessions/x"],
  ["DELETE", "/v1/sessions/x"],
  ["GET", "/v1/sessions/x/stream"],
  ["GET", "/v1/sessions/x/messages"],
  ["GET", "/v1/sessions/x/pending"],
  ["POST", "/v1/sessions/x/cancel"],
  ["GET", "/v1/agents"],
  ["GET", "/v1/models"],
  ["PUT", "/v1/keys/openai"],
  ["DELETE", "/v1/keys/openai"],
  ["POST", "/v1/chat/completions"],
  ["GET", "/v1/transactions"],
  ["GET", "/metrics"],
  ["GET", "/readyz"],
  ["GET", "/nowhere"],
] as const;

describe("the door", () => {
  let companion: Companion;
  const dataDir = newDataDir();
  before(async () => {
    companion = await startCompanion({ dataDir });
  });
  after(async () => {
    await companion.kill();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const raw = (head: string, body = "") => rawRequest(companion.port, `${head}\r\n\r\n${body}`);
  const get = (headers: string[], path = "/v1/agents", version = "1.1") =>
    raw([`GET ${path} HTTP/${version}`, "Connection: close", ...headers].join("\r\n"));
  const host = () => `Host: 127.0.0.1:${companion.port}`;
  const auth = () => `Authorization: Bearer ${companion.token}`;
  const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  const codeOf = async (response: Response) => ErrorBody.parse(await response.json()).error;

  it("opens no route without a token", async () => {
    const said = new Set<string>();
    for (const [method, path] of ROUTES) {
      for (const headers of [
        {},
        { authorization: "Bearer wrong" },
        { authorization: `Basic ${companion.token}` },
      ]) {
        const response = await fetch(companion.url + path, { method, headers });
        assert.equal(response.status, 401, `${method} ${path}`);
        const { request_id: _, ...rest } = await codeOf(response);
        said.add(JSON.stringify(rest));
      }
    }
    assert.equal(said.size, 1, "each refusal says the same");
    const inQuery = await fetch(`${companion.url}/v1/agents?token=${companion.token}`);
    assert.equal(inQuery.status, 401);
  });

  it("opens /metrics to the metrics token, and nothing else", async () => {
    const headers = { authorization: `Bearer ${companion.metricsToken}` };
    for (const [method, path] of ROUTES) {
      const { status } = await fetch(companion.url + path, { method, headers });
      assert.equal(status, path === "/metrics" ? 200 : 403, `${method} ${path}`);
    }
  });

  it("answers only to its own name", async () => {
    const { port } = companion;
    assert.equal(statusOf(await get([host(), auth()])), 200);
    assert.equal(statusOf(await get([`Host: localhost:${port}`, auth()])), 200);
    for (const name of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.com",
      `localhost:${port + 1}`,
      "localhost",
      "[::1",
      "a b",
      "x".repeat(8_000),
      "тест",
    ]) {
      const answer = await get([`Host: ${name}`, auth()]);
      assert.ok(
        [400, 403, 431].includes(statusOf(answer)),
        `${name.slice(0, 30)}: ${answer.slice(0, 60)}`,
      );
      assert.doesNotMatch(answer, /agents/);
    }
    assert.equal(statusOf(await get([host(), "Host: evil", auth()])), 400, "two Host headers");
    assert.equal(statusOf(await get([auth()], "/v1/agents", "1.0")), 400, "no Host");
    const foreign = await get([host(), auth()], "http://evil.example/v1/agents");
    assert.equal(statusOf(foreign), 403, "absolute form");
    assert.equal(statusOf(await get([host(), auth(), "X-Forwarded-Host: evil"])), 200);
  });

  it("answers no page of another origin, even with a valid token, and sends no CORS header", async () => {
    const own = companion.url;
    assert.equal(statusOf(await get([host(), auth(), `Origin: ${own}`])), 200);
    for (const origin of [
      "https://evil",
      "null",
      "http://localhost:3000",
      "vscode-webview://x",
      `${own}.evil`,
    ]) {
      const answer = await get([host(), auth(), `Origin: ${origin}`]);
      assert.equal(statusOf(answer), 403, origin);
      assert.doesNotMatch(answer, /access-control/i);
    }
    const preflight = await fetch(`${own}/v1/sessions`, {
      method: "OPTIONS",
      headers: { "access-control-request-method": "POST" },
    });
    assert.ok(preflight.status >= 400);
    assert.equal(preflight.headers.get("access-control-allow-origin"), null);
  });

  it("puts the same careful headers on every answer", async () => {
    for (const path of ["/healthz", "/", "/v1/agents", "/nowhere", "/v1/hello?nonce=x"]) {
      const { headers } = await companion.request("GET", path);
      assert.equal(headers.get("x-content-type-options"), "nosniff", path);
      assert.equal(headers.get("cross-origin-resource-policy"), "same-origin", path);
      assert.equal(headers.get("x-powered-by"), null, path);
      assert.match(headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/, path);
      assert.match(headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/, path);
    }
  });

  it("refuses a large body without a token before it is sent", async () => {
    const answer = await raw(
      [
        `POST /v1/sessions HTTP/1.1`,
        host(),
        "Content-Type: application/json",
        "Content-Length: 10000000",
      ].join("\r\n"),
      "x",
    );
    assert.equal(statusOf(answer), 401);
  });

  it("names what is wrong with a body", async () => {
    const post = (body: string, type = "application/json") =>
      fetch(`${companion.url}/v1/messages/stream`, {
        method: "POST",
        headers: { authorization: `Bearer ${companion.token}`, "content-type": type },
        body,
      });
    const message = (content: string) =>
      JSON.stringify({ message: { type: "user_message", content } });
    const cases: [string, number, RegExp, string?][] = [
      ["{", 400, /not valid JSON/],
      ["", 400, /message/],
      ["{}", 400, /message/],
      [message(""), 400, /message\.content/],
      [message("\0"), 400, /message\.content/],
      ['{"message":{"type":"user_message","content":"\\ud800"}}', 400, /message\.content/],
      [JSON.stringify({ message: { type: "user_message", content: "x" }, extra: 1 }), 400, /extra/],
      [JSON.stringify({ message: { type: "nonsense" } }), 400, /message/],
      [JSON.stringify({ session_id: "a\r\nSet-Cookie: x", message: {} }), 400, /session_id/],
      [JSON.stringify({ session_id: "' or 1=1", message: {} }), 400, /session_id/],
      ['{"__proto__":{"polluted":1}}', 400, /__proto__/],
      [`${"[".repeat(50_000)}${"]".repeat(50_000)}`, 400, /nested/],
      [message("x".repeat(1_100_000)), 413, /larger/],
      [message("x"), 415, /application\/json/, "text/plain"],
      [message("x"), 415, /application\/json/, "multipart/form-data"],
    ];
    for (const [body, status, said, type] of cases) {
      const response = await post(body, type);
      const error = await codeOf(response);
      assert.equal(response.status, status, body.slice(0, 60));
      assert.match(error.message, said, body.slice(0, 60));
    }
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });

  it("refuses other methods, unknown paths and ids, and cursors that are none", async () => {
    assert.equal((await companion.request("DELETE", "/v1/sessions")).status, 405);
    assert.equal((await companion.request("POST", "/metrics", {})).status, 405);
    assert.equal((await companion.request("GET", "/v1/nothing")).status, 404);
    assert.equal((await companion.request("GET", "/v1/sessions/a%0d%0aX:1")).status, 400);
    assert.equal((await companion.request("GET", "/v1/sessions/..%2f..%2fetc")).status, 400);
    assert.equal((await companion.request("GET", "/v1/sessions/unknown/stream")).status, 404);
    assert.equal((await companion.request("GET", "/app.js/../../package.json")).status, 404);
    const created = await companion.request("POST", "/v1/sessions", {});
    const { id } = (await created.json()) as { id: string };
    for (const cursor of ["-1", "1.5", "9".repeat(30), "x", "1 or 1=1"]) {
      const response = await fetch(`${companion.url}/v1/sessions/${id}/stream`, {
        headers: { authorization: `Bearer ${companion.token}`, "last-event-id": cursor },
      });
      assert.equal(response.status, 400, cursor);
    }
  });

  it("closes the connection on what could be read in two ways", async () => {
    const both = await raw(
      [
        "POST /v1/sessions HTTP/1.1",
        host(),
        auth(),
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
      ].join("\r\n"),
      "0\r\n\r\n",
    );
    assert.equal(statusOf(both), 400);
    const upgrade = await raw(
      ["GET /v1/agents HTTP/1.1", host(), auth(), "Connection: Upgrade", "Upgrade: websocket"].join(
        "\r\n",
      ),
    );
    assert.equal(statusOf(upgrade), 404);
  });

  it("stays up and answers others while a reader does not read", async () => {
    const created = await companion.request("POST", "/v1/sessions", {});
    const { id } = (await created.json()) as { id: string };
    const lazy = connect(companion.port, "127.0.0.1");
    lazy.write(`GET /v1/sessions/${id}/stream HTTP/1.1\r\n${host()}\r\n${auth()}\r\n\r\n`);
    lazy.pause();
    const body = { session_id: id, message: { type: "user_message", content: "hi" } };
    let last = "";
    for await (const chunk of chunksOf(
      await companion.request("POST", "/v1/messages/stream", body),
    )) {
      last = chunk.type;
    }
    assert.equal(last, "done");
    lazy.destroy();
    assert.equal((await companion.request("GET", "/healthz")).status, 200);
  });

  it("proves that it knows the token without telling it", async () => {
    const { createHmac } = await import("node:crypto");
    const response = await fetch(`${companion.url}/v1/hello?nonce=abc`);
    const hello = (await response.json()) as { hmac: string };
    const expected = createHmac("sha256", companion.token).update("abc").digest("hex");
    assert.equal(hello.hmac, expected);
    assert.equal((await fetch(`${companion.url}/v1/hello`)).status, 400);
  });

  it("has written neither token nor body to its log", () => {
    assert.doesNotMatch(
      companion.output(),
      new RegExp(`${companion.token}|${companion.metricsToken}`),
    );
    assert.doesNotMatch(companion.output(), /user_message/);
  });
});

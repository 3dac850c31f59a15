import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
} from "node:net";
import { askHello, createProvenAgent } from "../../../extension/companion/proven-agent.ts";
import type { Problem } from "../../../extension/problem.ts";

const TOKEN = "the-right-token";
const HOST = "127.0.0.1";

/** A real HTTP server that proves itself with `token`, and keeps what it was sent. */
async function withServer(
  token: string,
  body: (port: number, seen: IncomingMessage[], server: Server) => Promise<void>,
): Promise<void> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    const nonce = new URL(request.url ?? "", "http://x").searchParams.get("nonce");
    if (nonce === null) return response.end("secret");
    const hmac = createHmac("sha256", token).update(nonce).digest("hex");
    const hello = { hmac, version: "0.1.0", protocol: 1, pid: process.pid, started_at: "" };
    const text = JSON.stringify(hello);
    response.writeHead(200, { "content-length": text.length });
    // In two pieces, as a network may deliver it.
    response.write(text.slice(0, 10));
    setImmediate(() => response.end(text.slice(10)));
  });
  server.listen(0, HOST);
  await once(server, "listening");
  try {
    await body((server.address() as AddressInfo).port, seen, server);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function fetchWith(agent: ReturnType<typeof createProvenAgent>, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const request = get(
      { host: HOST, port, path: "/x", headers, agent: agent.agent },
      (response) => {
        assert.ok(response.socket && agent.isProven(response.socket));
        response.setEncoding("utf8").on("data", resolve).on("error", reject);
      },
    );
    request.on("error", reject);
  });
}

const isUnproven = (error: Problem) => error.code === "companion_unproven";

describe("proof of the companion", () => {
  it("comes before the token on every new connection, and the connection is used again", () =>
    withServer(TOKEN, async (port, seen) => {
      const agent = createProvenAgent({ host: HOST, port }, TOKEN);
      assert.equal(await fetchWith(agent, port), "secret");
      assert.equal(await fetchWith(agent, port), "secret");
      assert.deepEqual(
        seen.map(({ url, headers }) => `${url?.split("?")[0]} ${headers.authorization ?? "-"}`),
        ["/v1/hello -", `/x Bearer ${TOKEN}`, `/x Bearer ${TOKEN}`],
      );
      agent.agent.destroy();
    }));

  it("gives whoever took the port nothing", async () => {
    await withServer("another-token", async (port, seen) => {
      const agent = createProvenAgent({ host: HOST, port }, TOKEN);
      await assert.rejects(fetchWith(agent, port), isUnproven);
      await assert.rejects(askHello({ host: HOST, port }, TOKEN), isUnproven);
      assert.equal(seen.length, 2);
      assert.ok(seen.every(({ headers }) => headers.authorization === undefined));
    });
  });

  it("is asked for again when the port changed hands between two requests", async () => {
    let taken: TcpServer | undefined;
    let received = "";
    await withServer(TOKEN, async (port, _seen, server) => {
      const agent = createProvenAgent({ host: HOST, port }, TOKEN);
      assert.equal(await fetchWith(agent, port), "secret");
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      const thief = createTcpServer((socket) => {
        socket.on("error", () => undefined);
        socket.on("data", (data) => {
          received += data.toString();
          socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        });
      });
      taken = thief;
      thief.listen(port, HOST);
      await once(thief, "listening");
      await assert.rejects(fetchWith(agent, port));
      await assert.rejects(fetchWith(agent, port), isUnproven);
    });
    taken?.close();
    assert.match(received, /^GET \/v1\/hello/);
    assert.doesNotMatch(received, /authorization|the-right-token/i);
  });

  it("fails on anything but a proper answer", async () => {
    const answers = [
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
      "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n",
      `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}${"x".repeat(100)}`,
      "x".repeat(20_000),
    ];
    for (const answer of answers) {
      const server = createTcpServer((socket) => socket.on("error", () => undefined).write(answer));
      server.listen(0, HOST);
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      await assert.rejects(askHello({ host: HOST, port }, TOKEN), isUnproven, answer.slice(0, 60));
      server.close();
    }
  });

  it("says that nobody is there when the port is closed", async () => {
    const server = createTcpServer().listen(0, HOST);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await assert.rejects(
      askHello({ host: HOST, port }, TOKEN),
      (error: Problem) => error.code === "companion_lost",
    );
  });
});

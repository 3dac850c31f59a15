// Readers at the live edge: whatever HTTP they speak, they get what a later reader gets; and who
// leaves in the middle leaves nothing behind.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import express from "express";
import { StreamReaders } from "../../server/http/sse.ts";
import { createMetrics } from "../../server/observe/metrics.ts";
import { type Companion, withCompanion } from "../support/companion.ts";

/** Over a socket of its own, as it is on the wire; ends with the connection. */
function readRaw({ port, token }: Companion, method: string, path: string, version: string) {
  const socket = connect(port, "127.0.0.1");
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  socket.write(
    `${method} ${path} HTTP/${version}\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  return {
    begun: once(socket, "data"),
    whole: once(socket, "close").then(() => {
      const bytes = Buffer.concat(parts);
      const end = bytes.indexOf("\r\n\r\n");
      return { head: bytes.toString("utf8", 0, end), body: bytes.subarray(end + 4) };
    }),
  };
}

/** RFC 9112, section 7.1, to the letter. */
function unchunked(body: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.toString("latin1", at, line), 16);
    assert.match(body.toString("latin1", at, line), /^[0-9a-f]+$/);
    const begin = line + 2;
    assert.equal(body.toString("latin1", begin + size, begin + size + 2), "\r\n");
    at = begin + size + 2;
    if (size === 0) {
      assert.equal(at, body.length);
      return Buffer.concat(parts).toString("utf8");
    }
    parts.push(body.subarray(begin, begin + size));
  }
}

const frames = (text: string) => text.split("\n\n").filter((block) => block.startsWith("id: "));

describe("readers at the live edge", () => {
  it("get the same frames as a later one, in chunks, without them, with ids of an epoch, or no body", () =>
    withCompanion({}, async (companion) => {
      const created = await companion.request("POST", "/v1/sessions", {});
      const { id } = (await created.json()) as { id: string };
      const path = `/v1/sessions/${id}/stream`;
      // Who reads until the end of a turn needs one that runs.
      const sent = companion.request("POST", "/v1/messages/stream", {
        session_id: id,
        message: { type: "user_message", content: "Привет" },
      });
      const { body } = await sent;
      const live = [
        readRaw(companion, "GET", `${path}?until=turn_end`, "1.1"),
        readRaw(companion, "GET", `${path}?until=turn_end`, "1.1"),
        readRaw(companion, "GET", `${path}?until=turn_end`, "1.0"),
        readRaw(companion, "GET", `${path}?until=turn_end&ids=epoch`, "1.1"),
        readRaw(companion, "HEAD", `${path}?until=turn_end`, "1.1"),
      ];
      await Promise.all(live.map(({ begun }) => begun));
      const own = frames(await new Response(body).text());
      const later = frames(await (await companion.request("GET", `${path}?until=turn_end`)).text());
      assert.ok(later.length > 20);
      assert.ok(later.some((frame) => /[^\0-\u007f]/.test(frame)));
      assert.deepEqual(own, later.slice(-own.length));
      const [first, second, old, epoch, head] = await Promise.all(live.map(({ whole }) => whole));
      assert.ok(first && second && old && epoch && head);
      for (const { body } of [first, second]) assert.deepEqual(frames(unchunked(body)), later);
      assert.doesNotMatch(old.head, /transfer-encoding/i);
      assert.deepEqual(frames(old.body.toString("utf8")), later);
      const plain = frames(unchunked(epoch.body)).map((frame) =>
        frame.replace(/^id: \w+:/, "id: "),
      );
      assert.deepEqual(plain, later);
      assert.equal(head.body.length, 0);
    })).timeout(30_000);

  it("are not listened for any more once they have left in the middle of a frame", async () => {
    const readers = new StreamReaders(createMetrics("test"), 10);
    const over = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) yield [{ text: "x".repeat(1 << 20) }];
      } finally {
        over.resolve();
      }
    }
    const app = express().get("/", (request, response) =>
      readers.serve(request, response, "session", endless),
    );
    const server = createServer(app).listen(0, "127.0.0.1");
    try {
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const lazy = connect(port, "127.0.0.1");
      lazy.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await once(lazy, "data");
      lazy.pause().destroy();
      await over.promise;
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(readers.count, 0);
    } finally {
      readers.close();
      server.close();
    }
  });
});

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { type Companion, findCompanion } from "../../../extension/companion/companion.ts";
import { CompanionClient } from "../../../extension/companion/companion-client.ts";
import type { Problem } from "../../../extension/problem.ts";
import type { StreamChunk } from "../../../server/protocol/chunks.ts";
import { SSE_HEARTBEAT, SSE_RETRY, toFrame } from "../../../server/protocol/sse.ts";
import { type Queue, toQueueFrame, toResetFrame } from "../../../server/protocol/stream-events.ts";
import { type AnyChunk, placed } from "../../support/any-chunk.ts";

const TOKEN = "a-token";

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

interface Setup {
  client: CompanionClient;
  companion: Companion;
  /** How often the client asked whether the companion is still there. */
  readonly checks: () => number;
  /** How often it said that the companion drains. */
  readonly successions: () => number;
}

/** A client of a real HTTP server that proves itself and otherwise answers as `answer` says. */
async function withClient(answer: Answer, body: (setup: Setup) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "streamkeeper-client-"));
  const server = createServer((incoming, response) => {
    const nonce = new URL(incoming.url ?? "", "http://x").searchParams.get("nonce");
    if (nonce !== null) return response.end(toHello(nonce));
    assert.equal(incoming.headers.authorization, `Bearer ${TOKEN}`);
    let text = "";
    incoming.on("data", (data) => {
      text += data;
    });
    incoming.on("end", () => answer(incoming, response, text));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const runtime = {
    pid: 1,
    host: "127.0.0.1",
    port,
    version: "0.1.0",
    protocol: 1,
    started_at: "",
  };
  writeFileSync(join(dataDir, "server.json"), JSON.stringify(runtime), { mode: 0o600 });
  writeFileSync(join(dataDir, "token"), TOKEN, { mode: 0o600 });
  const companion = await findCompanion(dataDir);
  assert.ok(companion);
  let checks = 0;
  let successions = 0;
  const client = new CompanionClient({
    source: {
      ensure: async () => companion,
      check: async () => void checks++,
      waitUntilReady: async () => companion,
      succeed: async () => void successions++,
      pause: (ms, signal) => delay(ms, undefined, { signal }),
    },
    log: { warn: () => undefined },
  });
  try {
    await body({ client, companion, checks: () => checks, successions: () => successions });
  } finally {
    companion.close();
    server.closeAllConnections();
    server.close();
    rmSync(dataDir, { recursive: true });
  }
}

function toHello(nonce: string): string {
  const hmac = createHmac("sha256", TOKEN).update(nonce).digest("hex");
  return JSON.stringify({ hmac, version: "0.1.0", protocol: 1, pid: 1, started_at: "" });
}

function chunk(seq: number, rest: Partial<AnyChunk> = {}): StreamChunk {
  const delta = { type: "assistant_message", token: `«${seq}»`, ...rest } as const;
  return placed(delta, { seq, session_id: "s1", turn_id: "t1" });
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { code, message: `${code}!`, request_id: "r" } }));
}

const cursorOf = (incoming: IncomingMessage) => Number(incoming.headers["last-event-id"]);

/** Reads until chunk `last` has come. */
async function readUntil(client: CompanionClient, after: number, last: number): Promise<number[]> {
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const chunks of client.stream("s1", after, stop.signal)) {
    seen.push(...chunks.map(({ seq }) => seq));
    if ((seen.at(-1) ?? 0) >= last) stop.abort();
  }
  return seen;
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

describe("stream of a session", () => {
  it("gives every chunk once and in order, wherever the connection is cut", async function () {
    this.timeout(20_000);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 25 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { maxLength: 2 }),
        fc.integer({ min: 0, max: 3 }),
        async (total, cuts, overlap) => {
          const pending = [...cuts];
          await withClient(
            (incoming, response) => {
              // A server may repeat what the client has; it may not leave anything out.
              const from = Math.max(1, cursorOf(incoming) + 1 - overlap);
              const frames = range(from, total).map((seq) => toFrame(chunk(seq)) + SSE_HEARTBEAT);
              const bytes = Buffer.from(SSE_RETRY + frames.join(""));
              const cut = pending.shift();
              response.writeHead(200, { "content-type": "text/event-stream" });
              if (cut === undefined) return void response.write(bytes);
              response.write(bytes.subarray(0, cut), () => response.destroy());
            },
            async ({ client }) =>
              assert.deepEqual(await readUntil(client, 0, total), range(1, total)),
          );
        },
      ),
      { numRuns: 25 },
    );
  });

  it("never shows a gap: it asks again from its cursor", () => {
    const asked: number[] = [];
    return withClient(
      (incoming, response) => {
        asked.push(cursorOf(incoming));
        const seqs = asked.length === 1 ? [1, 2, 4, 5] : range(cursorOf(incoming) + 1, 5);
        response.writeHead(200).write(seqs.map((seq) => toFrame(chunk(seq))).join(""));
      },
      async ({ client }) => {
        assert.deepEqual(await readUntil(client, 0, 5), range(1, 5));
        assert.deepEqual(asked, [0, 2]);
      },
    );
  });

  it("takes a snapshot in the place of the chunks it stands for", () =>
    withClient(
      (_incoming, response) => {
        const snapshot = chunk(9, { type: "snapshot", content: "all", metadata: { from_seq: 2 } });
        response.writeHead(200).write([chunk(1), snapshot, chunk(10)].map(toFrame).join(""));
      },
      async ({ client }) => assert.deepEqual(await readUntil(client, 0, 10), [1, 9, 10]),
    ));

  it("goes on over types and states of a newer companion", () => {
    const newer = toFrame(chunk(2)).replaceAll("assistant_message", "thought_up_later");
    const metadata = { state: "thought_up_later", of: [1] };
    const frames = [chunk(1), chunk(3, { type: "status", metadata }), chunk(4)].map(toFrame);
    return withClient(
      (_incoming, response) => {
        response.writeHead(200).write([frames[0], newer, ...frames.slice(1)].join(""));
      },
      async ({ client }) => assert.deepEqual(await readUntil(client, 0, 4), range(1, 4)),
    );
  });

  it("goes on after the companion ended it, and asks whether it is still there", () => {
    let times = 0;
    return withClient(
      (incoming, response) => {
        if (++times === 2) return refuse(response, 503, "draining");
        const seq = cursorOf(incoming) + 1;
        response.writeHead(200).end(toFrame(chunk(seq)));
      },
      async ({ client, checks }) => {
        assert.deepEqual(await readUntil(client, 0, 2), [1, 2]);
        assert.ok(checks() >= 2);
      },
    );
  });

  it("says the epoch of its cursor, and ends with word of a log that went back", () => {
    const asked: (string | undefined)[] = [];
    const reset = {
      type: "log_reset" as const,
      session_id: "s1",
      epoch: "new",
      reason: "epoch" as const,
      seen: 2,
      last_seq: 1,
      resume_after: 1,
    };
    return withClient(
      (incoming, response) => {
        asked.push(incoming.url?.split("?")[1]);
        const epoch = asked.length === 1 ? "old" : "new";
        response.writeHead(200, { "content-type": "text/event-stream", "x-log-epoch": epoch });
        if (asked.length === 1) response.end(toFrame(chunk(1)) + toFrame(chunk(2)));
        else if (asked.length === 2) response.end();
        else response.write(toResetFrame(reset) + toFrame(chunk(2)));
      },
      async ({ client }) => {
        const resets: unknown[] = [];
        const seen: number[] = [];
        const onReset = (given: unknown) => void resets.push(given);
        const stream = client.stream("s1", 0, new AbortController().signal, { onReset });
        for await (const chunks of stream) seen.push(...chunks.map(({ seq }) => seq));
        assert.deepEqual(seen, [1, 2]);
        assert.deepEqual(asked, [undefined, "epoch=old", "epoch=old"]);
        assert.deepEqual(resets, [reset]);
      },
    );
  });

  it("ends with the reason when the session is gone", () =>
    withClient(
      (_incoming, response) => refuse(response, 404, "not_found"),
      async ({ client }) => {
        await assert.rejects(
          readUntil(client, 0, 1),
          (error: Problem) => error.code === "not_found",
        );
      },
    ));

  it("ends at once when its reader leaves", async () => {
    await withClient(
      (_incoming, response) => void response.writeHead(200).write(SSE_RETRY),
      async ({ client }) => {
        const stop = new AbortController();
        const next = client.stream("s1", 0, stop.signal).next();
        setTimeout(() => stop.abort(), 20);
        assert.deepEqual(await next, { done: true, value: undefined });
      },
    );
  });
});

describe("calls of the companion", () => {
  it("resolve with the parsed answer", () =>
    withClient(
      (incoming, response) => {
        assert.equal(incoming.url, "/v1/sessions?query=a%26b");
        response.end(JSON.stringify({ sessions: [], next_cursor: null }));
      },
      async ({ client }) => {
        const list = await client.call("list_sessions", { query: "a&b" });
        assert.deepEqual(list, { sessions: [], next_cursor: null });
      },
    ));

  it("reject with the code of the refusal", () =>
    withClient(
      (_incoming, response) => refuse(response, 409, "session_busy"),
      async ({ client }) => {
        await assert.rejects(client.call("get_session", { session_id: "s1" }), (error: Problem) => {
          return error.code === "session_busy" && error.message === "session_busy!";
        });
      },
    ));

  it("say of a file that cannot be sent why it cannot be read", () =>
    withClient(
      (_incoming, response) => response.end(),
      async ({ companion }) => {
        for (let time = 0; time < 2; time++) {
          const bytes = createReadStream(join(tmpdir(), "streamkeeper-no-such-file"));
          const sent = companion.text({ method: "POST", path: "/v1/import", bytes });
          await assert.rejects(sent, /ENOENT: .*no-such-file/);
        }
      },
    ));

  it("reject an answer of another form", () =>
    withClient(
      (_incoming, response) => response.end("{}"),
      async ({ client }) => {
        await assert.rejects(
          client.call("list_agents", {}),
          (error: Problem) => error.code === "companion_malformed",
        );
      },
    ));

  it("send a message once, even over a lost connection, and leave the answer to the stream", () => {
    const bodies: { request_id: string }[] = [];
    return withClient(
      (incoming, response, body) => {
        bodies.push(JSON.parse(body));
        if (bodies.length === 1) return void incoming.socket.destroy();
        response.writeHead(200).write(SSE_RETRY + toFrame(chunk(8, { type: "user_message" })));
        response.on("close", () => undefined);
      },
      async ({ client }) => {
        const message = { type: "user_message", content: "hi" } as const;
        const accepted = await client.call("send_message", { message });
        assert.deepEqual(accepted, { session_id: "s1", turn_id: "t1", after: 7 });
        assert.equal(bodies.length, 2);
        assert.ok(bodies[0]?.request_id);
        assert.equal(bodies[0]?.request_id, bodies[1]?.request_id);
        await client.call("send_message", { request_id: "of-the-page", message });
        assert.equal(bodies[2]?.request_id, "of-the-page");
      },
    );
  });

  it("are refused by a companion that drains, and tell that its place has to be taken", () =>
    withClient(
      (_incoming, response) => refuse(response, 503, "draining"),
      async ({ client, successions }) => {
        const message = { type: "user_message", content: "hi" } as const;
        await assert.rejects(
          client.call("send_message", { message }),
          (error: Problem) => error.code === "draining",
        );
        assert.equal(successions(), 1);
      },
    ));

  it("are not repeated when that could do something twice", () => {
    const bodies: { request_id?: string }[] = [];
    return withClient(
      (incoming, _response, body) => {
        bodies.push(JSON.parse(body));
        incoming.socket.destroy();
      },
      async ({ client }) => {
        const isLost = (error: Problem) => error.code === "companion_lost";
        await assert.rejects(client.call("create_session", {}), isLost);
        assert.equal(bodies.length, 1);
        const copy = { session_id: "s1", at_seq: 7, request_id: "one" };
        await assert.rejects(client.call("fork_session", copy), isLost);
        const again = bodies.slice(1).map(({ request_id }) => request_id);
        assert.deepEqual(again, ["one", "one", "one"]);
      },
    );
  });

  it("tells what waits after the chunks that it came with, and of a message that has to", () => {
    const message = {
      id: "r1",
      version: 1,
      content: "later",
      steers: false,
      created_at: "2026-01-01T00:00:00Z",
    };
    const queue: Queue = { type: "queue", session_id: "s1", messages: [message] };
    const queued = { type: "queued", session_id: "s1", message };
    return withClient(
      (incoming, response) => {
        if (incoming.method === "POST") {
          response.writeHead(202, { "content-type": "application/json" });
          response.end(JSON.stringify(queued));
          return;
        }
        assert.match(incoming.url ?? "", /[?&]queue=true/);
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(toFrame(chunk(1)) + toQueueFrame(queue) + toFrame(chunk(2)));
      },
      async ({ client }) => {
        const sent = await client.call("send_message", {
          session_id: "s1",
          request_id: "r1",
          when_busy: "queue",
          message: { type: "user_message", content: "later" },
        });
        assert.deepEqual(sent, queued);
        const stop = new AbortController();
        const heard: unknown[] = [];
        const onQueue = (told: Queue): void => {
          heard.push(told);
          stop.abort();
        };
        for await (const chunks of client.stream("s1", 0, stop.signal, { onQueue })) {
          heard.push(...chunks.map(({ seq }) => seq));
        }
        assert.deepEqual(heard, [1, 2, queue]);
      },
    );
  });
});

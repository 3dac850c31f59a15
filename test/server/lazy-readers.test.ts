// Readers that do not take what is written for them, over real sockets. Unix ones: those keep a
// few hundred KB, not several MB as TCP's do.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import type { Chat } from "../../server/chat/chat.ts";
import { StreamReaders } from "../../server/http/sse.ts";
import { createMetrics } from "../../server/observe/metrics.ts";
import { toFrame } from "../../server/protocol/sse.ts";
import { collect, FINISH, read, type Script, say, text, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

/** Two bytes a letter; 3 MB in all, of which one page of the log has everything. */
const LONG: Script = ({ messages }) =>
  JSON.stringify(messages).includes("long")
    ? [...Array.from({ length: 200 }, (_, n) => text(`${n} ${"ы".repeat(8_000)}`)), FINISH]
    : [text("short"), FINISH];

interface Door {
  readers: StreamReaders;
  /** Over a socket of its own, from a cursor on. */
  open(after: number): Promise<Reading>;
}
interface Reading {
  socket: Socket;
  /** The companion's end. */
  far: Socket;
  /** Resolves with the end of this frame; rejects if the stream ends before. */
  until(end: string): Promise<void>;
  /** What has come. */
  text(): string;
}

async function withDoor(
  chat: Chat,
  sessionId: string,
  maxStalledMs: number,
  body: (door: Door) => Promise<void>,
): Promise<void> {
  const readers = new StreamReaders(createMetrics("test"), 10, maxStalledMs);
  const app = express().get("/:after", (request, response) =>
    readers.serve(request, response, sessionId, (signal, direct) =>
      chat.stream(
        sessionId,
        { after: Number(request.params.after), until: "left", direct },
        signal,
      ),
    ),
  );
  const dir = mkdtempSync(join(tmpdir(), "streamkeeper-"));
  const server = createServer(app).listen(join(dir, "s"));
  const open = async (after: number) => {
    const connected = once(server, "connection");
    const socket = connect(join(dir, "s"));
    const parts: Buffer[] = [];
    socket.on("data", (part) => parts.push(part));
    // HTTP/1.0: what comes is the stream itself.
    socket.write(`GET /${after} HTTP/1.0\r\n\r\n`);
    const [far] = (await connected) as [Socket];
    const until = (end: string) =>
      new Promise<void>((resolve, reject) => {
        socket.on("data", (part) => part.toString("utf8").endsWith(end.slice(-100)) && resolve());
        socket.on("close", () => reject(new Error("let go")));
      });
    return { socket, far, until, text: () => Buffer.concat(parts).toString("utf8") };
  };
  try {
    await once(server, "listening");
    await body({ readers, open });
  } finally {
    readers.close();
    server.close();
    server.closeAllConnections();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The last may be cut. */
const framesIn = (raw: string) => {
  const whole = raw.slice(0, raw.lastIndexOf("\n\n") + 2);
  return whole.split(/(?<=\n\n)/).filter((block) => /(?:^|\n)id: /.test(block));
};

for (const engine of ENGINES) {
  describe(`readers that do not read, on ${engine.engine}`, () => {
    it("are let go, keep little in memory, delay nobody and resume where they were", () =>
      withChat(engine, LONG, async ({ chat }) => {
        const turn = await say(chat, "long");
        const log = (await collect(chat, turn.session_id, { after: 0, until: "turn_end" })).map(
          toFrame,
        );
        await withDoor(chat, turn.session_id, 3_000, async ({ readers, open }) => {
          const begun = Date.now();
          const lazy = await open(0);
          await once(lazy.socket, "data");
          lazy.socket.pause();
          const gone = once(lazy.far, "close");
          // Meanwhile others read all of it, and have answers of their own.
          const other = await open(0);
          await other.until(log.at(-1) ?? "");
          assert.equal((await read(chat, await say(chat, "hi"))).at(-1)?.type, "done");
          assert.ok(!lazy.far.destroyed, "others did not wait for its end");
          const unread = lazy.far.writableLength;
          assert.ok(unread > 0 && unread < 300_000, `${unread} bytes wait in memory`);
          await gone;
          assert.ok(Date.now() - begun >= 3_000);
          assert.equal(readers.count, 1, "the other one stays");
          lazy.socket.resume();
          await once(lazy.socket, "close");
          const had = framesIn(lazy.text());
          assert.ok(had.length > 0 && had.length < log.length);
          const again = await open(had.length);
          await again.until(log.at(-1) ?? "");
          assert.deepEqual([...had, ...framesIn(again.text())].map(plain), log);
        });
      })).timeout(30_000);
  });
}

describe("readers that read slowly", () => {
  it("are not taken for those that do not read", async () => {
    const [sqlite] = ENGINES;
    assert.ok(sqlite);
    await withChat(sqlite, LONG, async ({ chat }) => {
      const turn = await say(chat, "long");
      const log = await collect(chat, turn.session_id, { after: 0, until: "turn_end" });
      await withDoor(chat, turn.session_id, 700, async ({ open }) => {
        const slow = await open(0);
        slow.socket.on("data", () => {
          slow.socket.pause();
          setTimeout(() => slow.socket.resume(), 20);
        });
        const begun = Date.now();
        await slow.until(log.map(toFrame).at(-1) ?? "");
        assert.ok(Date.now() - begun > 700, "all of it takes longer than the patience");
      });
    });
  }).timeout(30_000);
});

/** Without what stands before the first one. */
function plain(frame: string): string {
  return frame.slice(frame.indexOf("id: "));
}

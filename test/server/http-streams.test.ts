// Streams over real HTTP, on both engines, with the real companion process.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { EventSource } from "eventsource";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { type Companion, chunksOf, newDataDir, startCompanion } from "../support/companion.ts";
import { ENGINES, type TestDatabase } from "../support/engines.ts";

const user = (content: string, more = {}) => ({
  ...more,
  message: { type: "user_message", content },
});

async function all(response: Response): Promise<StreamChunk[]> {
  const chunks: StreamChunk[] = [];
  for await (const chunk of chunksOf(response)) chunks.push(chunk);
  return chunks;
}

for (const engine of ENGINES) {
  describe(`streams over HTTP on ${engine.engine}`, () => {
    let dataDir: string;
    let database: TestDatabase;
    let companion: Companion;

    before(async () => {
      dataDir = newDataDir();
      database = await engine.create();
      await start();
    });
    after(async () => {
      await companion.kill();
      await database.remove();
      rmSync(dataDir, { recursive: true, force: true });
    });

    async function start(): Promise<void> {
      companion = await startCompanion({
        dataDir,
        args: ["--database", database.flag, "--continue-answers", "off"],
        quick: true,
      });
    }
    const send = (body: object) => companion.request("POST", "/v1/messages/stream", body);
    const stream = (sessionId: string, lastEventId: number, query = "") =>
      fetch(`${companion.url}/v1/sessions/${sessionId}/stream${query}`, {
        headers: {
          authorization: `Bearer ${companion.token}`,
          "last-event-id": String(lastEventId),
        },
      });

    it("answers in the frames and headers of the contract", async () => {
      const response = await send(user("hi"));
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
      assert.equal(response.headers.get("cache-control"), "no-cache, no-transform");
      assert.equal(response.headers.get("x-accel-buffering"), "no");
      const text = await response.text();
      assert.ok(text.startsWith("retry: 1000\n\n"));
      const frames = text.split("\n\n").filter((frame) => frame.startsWith("id:"));
      for (const [index, frame] of frames.entries()) {
        const [, id, type, data] =
          /^id: (\d+)\nevent: ([a-z_]+)\ndata: (\{[^\n]*\})$/.exec(frame) ?? [];
        assert.equal(Number(id), index + 1);
        assert.equal((JSON.parse(data ?? "{}") as StreamChunk).type, type);
      }
      const last = frames.at(-1) ?? "";
      assert.match(last, /event: done/);
      assert.match(last, /"is_final":true/);
    });

    it("resumes exactly after each of many broken connections", async () => {
      let session = "";
      for await (const chunk of chunksOf(await send(user("a long answer, please")))) {
        session = chunk.session_id;
        break;
      }
      const seen: number[] = [];
      let cursor = 0;
      for (let done = false, round = 1; !done; round++) {
        let taken = 0;
        for await (const chunk of chunksOf(await stream(session, cursor))) {
          seen.push(chunk.seq);
          cursor = chunk.seq;
          done = chunk.is_final;
          if (chunk.seq === 200) void companion.request("POST", `/v1/sessions/${session}/cancel`);
          if (done || ++taken === round * 7) break;
        }
      }
      assert.deepEqual(
        seen,
        seen.map((_, index) => index + 1),
      );
      assert.ok(seen.length > 100);
      const again = await all(await stream(session, 0, "?until=turn_end"));
      assert.equal(again.length, seen.length);
    }).timeout(60_000);

    it("lets any client stop a turn, and any other see it", async () => {
      const reader = chunksOf(await send(user("a long answer, please")));
      const { value: first } = await reader.next();
      assert.ok(first);
      const session = first.session_id;
      const busy = await send(user("me too", { session_id: session }));
      assert.equal(busy.status, 409);
      const { error } = (await busy.json()) as { error: { code: string } };
      assert.equal(error.code, "session_busy");
      const cancel = await companion.request("POST", `/v1/sessions/${session}/cancel`);
      assert.equal(cancel.status, 200);
      let last: StreamChunk | undefined;
      for await (const chunk of reader) last = chunk;
      assert.equal(last?.type, "interrupted");
      assert.equal(metadataOf(last).code, "cancelled");
    });

    it("keeps every frame that was seen through kill -9, and closes the turn", async () => {
      const seen: StreamChunk[] = [];
      try {
        for await (const chunk of chunksOf(await send(user("a long answer, please")))) {
          seen.push(chunk);
          if (seen.length === 40) await companion.kill();
        }
      } catch {
        // The connection broke, as it should.
      }
      assert.ok(seen.length >= 40);
      const session = seen[0]?.session_id ?? "";
      await start();
      const log = await all(await stream(session, 0, "?until=turn_end"));
      assert.deepEqual(log.slice(0, seen.length), seen);
      assert.equal(log.at(-1)?.type, "interrupted");
      assert.equal(metadataOf(log.at(-1)).code, "server_restarted");
      const next = await all(await send(user("go on", { session_id: session })));
      assert.equal(next.at(-1)?.type, "done");
    }).timeout(60_000);

    it("ends in order on SIGTERM: readers get the committed end", async () => {
      let last: StreamChunk | undefined;
      let stopping: Promise<unknown> | undefined;
      const began = performance.now();
      for await (const chunk of chunksOf(await send(user("a long answer, please")))) {
        last = chunk;
        if (chunk.type === "assistant_message") stopping ??= companion.stop();
      }
      assert.equal(metadataOf(last).code, "server_stopped");
      assert.deepEqual(await stopping, { code: 0, signal: null });
      assert.ok(performance.now() - began < 10_000);
      await start();
    }).timeout(30_000);

    it("lists, finds, renames, reads and deletes sessions", async () => {
      const created = await companion.request("POST", "/v1/sessions", { title: "Unique grapes" });
      assert.equal(created.status, 201);
      const { id } = (await created.json()) as { id: string };
      const renamed = await companion.request("PATCH", `/v1/sessions/${id}`, { title: "Figs" });
      assert.equal(((await renamed.json()) as { title: string }).title, "Figs");
      await all(await send(user("tell me of table", { session_id: id })));
      const messages = await companion.request("GET", `/v1/sessions/${id}/messages`);
      const body = (await messages.json()) as { messages: { role: string }[] };
      assert.deepEqual(
        body.messages.map((message) => message.role),
        ["user", "assistant"],
      );
      const found = await companion.request("GET", "/v1/sessions?query=figs&limit=5");
      const list = (await found.json()) as { sessions: { id: string }[] };
      assert.deepEqual(
        list.sessions.map((session) => session.id),
        [id],
      );
      const deleted = await companion.request("DELETE", `/v1/sessions/${id}`);
      assert.equal(deleted.status, 204);
      assert.equal((await companion.request("GET", `/v1/sessions/${id}`)).status, 404);
      assert.equal((await stream(id, 0)).status, 404);
    }).timeout(30_000);

    it("serves a standard EventSource client through broken connections", async () => {
      const created = await companion.request("POST", "/v1/sessions", {});
      const { id } = (await created.json()) as { id: string };
      const ids: number[] = [];
      const done = Promise.withResolvers<void>();
      const source = new EventSource(`${companion.url}/v1/sessions/${id}/stream`, {
        fetch: (url, init) =>
          fetch(url, {
            ...init,
            headers: { ...init.headers, authorization: `Bearer ${companion.token}` },
          }),
      });
      for (const type of ["session_info", "user_message", "assistant_message", "done"]) {
        source.addEventListener(type, (event) => {
          ids.push(Number(event.lastEventId));
          if (type === "done") done.resolve();
        });
      }
      await all(await send(user("hi", { session_id: id })));
      await done.promise;
      source.close();
      assert.deepEqual(
        ids,
        ids.map((_, index) => index + 1),
      );
    }).timeout(30_000);
  });
}

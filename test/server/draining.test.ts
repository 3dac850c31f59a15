// What a companion does that is told to retire: nothing new, and what runs has its end.
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import SQLite from "better-sqlite3";
import pg from "pg";
import type { DatabaseSource } from "../../server/db/opened-database.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { ask, lastOf } from "../support/asking.ts";
import { FINISH, read, say, text, withChat } from "../support/chat.ts";
import { type Companion, newDataDir, startCompanion } from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";

const ASK = { message: { type: "user_message", content: "Hello" } };

describe("draining", () => {
  const dirs: string[] = [];
  after(() => {
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  });
  async function startOne(): Promise<Companion> {
    const dataDir = newDataDir();
    dirs.push(dataDir);
    return await startCompanion({ dataDir });
  }

  it("takes nothing new, lets what runs finish, and ends", async () => {
    const companion = await startOne();
    const { chunks } = await ask(companion, "Hello");
    const drain = await companion.request("POST", "/v1/drain", { grace_seconds: 30 });
    assert.equal(drain.status, 202);
    assert.deepEqual(await drain.json(), { running_turns: 1, grace_seconds: 30 });
    const refused = await companion.request("POST", "/v1/messages/stream", ASK);
    assert.equal(refused.status, 503);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    assert.match(await refused.text(), /"draining"/);
    const ready = await companion.request("GET", "/readyz");
    assert.match(await ready.text(), /"draining":true/);
    assert.equal(await lastType(chunks), "done");
    assert.deepEqual(await companion.ended, { code: 0, signal: null });
    assert.ok(!existsSync(join(companion.dataDir, "server.json")));
  }).timeout(60_000);

  it("ends what does not finish in time as interrupted, with the partial answer kept", async () => {
    const companion = await startOne();
    const { chunks, sessionId } = await ask(companion);
    await companion.request("POST", "/v1/drain", { grace_seconds: 0.2 });
    assert.equal(await lastType(chunks), "interrupted");
    assert.deepEqual(await companion.ended, { code: 0, signal: null });
    const next = await startCompanion({ dataDir: companion.dataDir });
    const kept = await next.request("GET", `/v1/sessions/${sessionId}/messages`);
    assert.match(await kept.text(), /"status":"partial"/);
    await next.stop();
  }).timeout(60_000);

  for (const engine of ENGINES) {
    it(`lets a message on ${engine.engine} that was taken just before have its answer, however long that takes to store`, () =>
      withChat(
        engine,
        () => [text("Hello"), FINISH],
        async ({ chat }, { source }) => {
          const letGo = await lockSessions(source);
          const saying = say(chat, "hi");
          const retired = chat.retire();
          const first = await Promise.race([retired.then(() => "retired"), delay(500, "waits")]);
          await letGo();
          assert.equal(first, "waits");
          const turn = await saying;
          await retired;
          assert.equal(chat.runningTurns(), 0);
          const chunks = await read(chat, turn);
          assert.equal(chunks.at(-1)?.type, "done");
          await assert.rejects(say(chat, "again"), { code: "draining" });
        },
      ));
  }

  it("is for the holder of the token only", async () => {
    const companion = await startOne();
    const post = (token: string) =>
      fetch(`${companion.url}/v1/drain`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: "{}",
      });
    assert.equal((await post("x")).status, 401);
    assert.equal((await post(companion.metricsToken)).status, 403);
    assert.equal((await companion.request("GET", "/v1/drain")).status, 405);
    assert.equal((await companion.request("POST", "/v1/drain", { grace_seconds: -1 })).status, 400);
    assert.equal(companion.process.exitCode, null);
    await companion.stop();
  }).timeout(30_000);
});

async function lastType(chunks: AsyncIterable<StreamChunk>): Promise<string | undefined> {
  return (await lastOf(chunks))?.type;
}

/** Nobody can write a session until the function that is returned was called. */
async function lockSessions(source: DatabaseSource): Promise<() => Promise<void>> {
  if (source.engine === "sqlite") {
    const other = new SQLite(source.path);
    other.exec("begin immediate");
    return async () => void other.close();
  }
  const other = new pg.Client({ connectionString: source.url });
  await other.connect();
  await other.query("begin; lock table sessions in exclusive mode");
  return () => other.end();
}

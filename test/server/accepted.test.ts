// What is refused was not stored, and who has had a message stored gets its
// answer: on both engines.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { FINISH, read, type Script, say, text, transcript, withChat } from "../support/chat.ts";
import { type Companion, chunksOf, newDataDir, startCompanion } from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";

const HELLO: Script = () => [text("Hello"), FINISH];
const USER = { type: "user_message", content: "hi" } as const;

describe("a message to a session that many read", function () {
  this.timeout(60_000);
  let companion: Companion;
  const dataDir = newDataDir();
  const left = new AbortController();
  before(async () => {
    companion = await startCompanion({ dataDir });
  });
  after(async () => {
    left.abort();
    await companion.kill();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("is answered to its author, however many readers there are", async () => {
    const created = await companion.request("POST", "/v1/sessions", {});
    const { id } = (await created.json()) as { id: string };
    // Kept: the body of an answer that is collected as garbage is given up.
    const readers: Response[] = [];
    const readOnly = () =>
      fetch(`${companion.url}/v1/sessions/${id}/stream`, {
        headers: { authorization: `Bearer ${companion.token}` },
        signal: left.signal,
      });
    for (let n = 0; n < 64; n++) readers.push(await readOnly());
    assert.deepEqual([...new Set(readers.map(({ status }) => status))], [200]);
    for (let round = 0; round < 3; round++) {
      const answer = await companion.request("POST", "/v1/messages/stream", {
        session_id: id,
        message: USER,
      });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("x-session-id"), id);
      let last = "";
      for await (const { type } of chunksOf(answer)) last = type;
      assert.equal(last, "done");
    }
    assert.equal((await readOnly()).status, 429, "one who only reads is still refused");
  });
});

for (const engine of ENGINES) {
  describe(`what is accepted on ${engine.engine}`, () => {
    it("is told from its first chunk when the first try made the session and no more", () =>
      withChat(engine, HELLO, async ({ chat, database }) => {
        const { id } = await chat.createSession({});
        // As a companion leaves it that dies between the two steps of a new chat.
        const body = JSON.stringify([USER, null, null]);
        await database.writer
          .insertInto("requests")
          .values({
            request_id: "r-1",
            body_hash: createHash("sha256").update(body).digest("hex"),
            session_id: id,
            turn_id: null,
            created_at: Date.now(),
          })
          .execute();
        const turn = await say(chat, "hi", { request_id: "r-1" });
        assert.equal(turn.session_id, id);
        assert.deepEqual(transcript(await read(chat, turn)), [
          "session_info",
          "user_message hi",
          "assistant_message Hello",
          "done",
        ]);
      }));

    for (const field of ["replaces_turn_id", "resume_plan_id"]) {
      it(`leaves no session behind when a new chat is refused for its ${field}`, () =>
        withChat(engine, HELLO, async ({ chat }) => {
          const message = { ...USER, [field]: "0197a3a0-0000-7000-8000-000000000000" };
          await assert.rejects(chat.startTurn({ message }), /goes with a session_id/);
          assert.deepEqual((await chat.listSessions({})).sessions, []);
        }));
    }
  });
}

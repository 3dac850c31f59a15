// Whichever way chunks are stored, nobody is told of them before they are.
import assert from "node:assert/strict";
import SQLite from "better-sqlite3";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { FINISH, read, type Script, say, text, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

const HELLO: Script = () => [text("Hel"), text("lo"), FINISH];

for (const engine of ENGINES) {
  describe(`what is shown on ${engine.engine}`, () => {
    it("is never a chunk that a second connection cannot read yet", () =>
      withChat(engine, HELLO, async ({ chat, database, deps: { hub } }, { source }) => {
        const shown = new Set<string>();
        const missing: string[] = [];
        const looks: Promise<void>[] = [];
        const other = source.engine === "sqlite" ? new SQLite(source.path) : undefined;
        const look = (sessionId: string, { seq, type }: StreamChunk) => {
          shown.add(type);
          if (other) {
            const row = other
              .prepare("select 1 from chunks where session_id = ? and seq = ?")
              .get(sessionId, seq);
            if (!row) missing.push(type);
            return;
          }
          const query = database.reader
            .selectFrom("chunks")
            .select("seq")
            .where("session_id", "=", sessionId)
            .where("seq", "=", seq)
            .execute();
          looks.push(query.then(({ length }) => void (length > 0 || missing.push(type))));
        };
        const { publish } = hub;
        hub.publish = (sessionId, chunks, payloads) => {
          for (const chunk of chunks) look(sessionId, chunk);
          publish(sessionId, chunks, payloads);
        };
        // A chat that begins with its message, and one that was made before.
        await read(chat, await say(chat, "hi"));
        const { id } = await chat.createSession({});
        await read(chat, await say(chat, "hi", { session_id: id }));
        await chat.setApprovalLevel(id, { level: "all" });
        await Promise.all(looks);
        other?.close();
        const all = ["assistant_message", "done", "session_info", "status", "user_message"];
        assert.deepEqual([...shown].toSorted(), all);
        assert.deepEqual(missing, []);
      }));
  });
}

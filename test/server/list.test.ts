// The list of chats: what a person pins, puts away, and looks for by workspace.
import assert from "node:assert/strict";
import { FINISH, read, type Script, say, type TestChat, text, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";

const SCRIPT: Script = function* () {
  yield text("Yes.");
  yield FINISH;
};

async function began(open: TestChat, content: string, workspace?: string): Promise<string> {
  const turn = await say(open.chat, content, { ...(workspace && { workspace }) });
  await read(open.chat, turn);
  return turn.session_id;
}

for (const engine of ENGINES) {
  describe(`the list of chats on ${engine.engine}`, () => {
    it("has those that are put away in a list of their own, until somebody writes in one", () =>
      withChat(engine, SCRIPT, async (open) => {
        const { chat } = open;
        const ids: string[] = [];
        for (const word of ["one", "two", "three"]) ids.push(await began(open, word));
        const [one = "", two = "", three = ""] = ids;
        const listed = async (filter = {}) =>
          (await chat.listSessions(filter)).sessions.map(({ id }) => id);
        const before = await chat.getSession(two);
        const away = await chat.updateSession(two, { archived: true });
        assert.deepEqual(away, { ...before, archived: true });
        assert.deepEqual(await listed(), [three, one]);
        assert.deepEqual(await listed({ archived: true }), [two]);
        assert.deepEqual(await listed({ query: "two" }), [two]);
        assert.deepEqual(await chat.updateSession(two, { archived: false }), before);
        assert.deepEqual(await listed(), [three, two, one]);
        await chat.updateSession(two, { archived: true });
        await read(chat, await say(chat, "more", { session_id: two }));
        assert.deepEqual(await listed(), [two, three, one]);
        assert.deepEqual(await listed({ archived: true }), []);
      }));

    it("has what is pinned by itself, and moves nothing for it", () =>
      withChat(engine, SCRIPT, async (open) => {
        const { chat } = open;
        const old = await began(open, "old");
        const young = await began(open, "young");
        const pinned = async () =>
          (await chat.listSessions({ pinned: true })).sessions.map(({ id }) => id);
        assert.equal((await chat.updateSession(old, { pinned: true })).pinned, true);
        await chat.updateSession(old, { pinned: true });
        assert.deepEqual(await pinned(), [old]);
        const all = (await chat.listSessions({})).sessions;
        assert.deepEqual(
          all.map(({ id, pinned: is }) => [id, is]),
          [
            [young, undefined],
            [old, true],
          ],
        );
        await chat.updateSession(old, { pinned: false });
        assert.deepEqual(await pinned(), []);
      }));

    it("is read by workspace, page by page", () =>
      withChat(engine, SCRIPT, async (open) => {
        const { chat } = open;
        const here = "/home/me/here";
        const ids: string[] = [];
        for (const word of ["one", "two", "three"]) {
          ids.unshift(await began(open, word, here));
          await began(open, `${word} elsewhere`, "/elsewhere");
          await began(open, `${word} nowhere`);
        }
        const pages: string[] = [];
        let cursor: string | null = null;
        do {
          const page = await chat.listSessions({
            ...{ workspace: here, limit: 2 },
            ...(cursor !== null && { cursor }),
          });
          pages.push(...page.sessions.map(({ id }) => id));
          cursor = page.next_cursor;
        } while (cursor !== null);
        assert.deepEqual(pages, ids);
        assert.deepEqual(await chat.listWorkspaces(), { workspaces: ["/elsewhere", here] });
        // A chat goes along with whoever writes in it; who names none leaves it where it is.
        const [moved = ""] = ids;
        await read(chat, await say(chat, "more", { session_id: moved, workspace: "/elsewhere" }));
        await read(chat, await say(chat, "more", { session_id: moved }));
        assert.equal((await chat.getSession(moved)).workspace, "/elsewhere");
      }));
  });
}

// Calls that clients run: who runs them, what happens when nobody does, and where they end.
import assert from "node:assert/strict";
import { giveUpOld } from "../../server/chat/calls/claims.ts";
import { metadataOf } from "../support/any-chunk.ts";
import {
  FINISH,
  openChat,
  read,
  type Script,
  text,
  transcript,
  withChat,
} from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { ask, calling, calls, isCode, READ, send, toolNames } from "../support/tools.ts";

for (const engine of ENGINES) {
  describe(`calls of clients' tools on ${engine.engine}`, () => {
    it("let the one client that claims a call run it, without asking where the rule says so", () =>
      withChat(engine, calling(calls("look", { path: "a" })), async ({ chat }) => {
        const turn = await ask(chat, "look");
        const { session_id } = turn;
        const asked = await read(chat, turn);
        assert.equal(asked.at(-2)?.requires_approval, false);
        assert.deepEqual(asked.at(-2)?.metadata, {
          agent_type: "universal",
          kind: "read",
          client_id: "window-1",
          workspace: "/project",
        });
        const claims = await Promise.allSettled(
          ["window-1", "window-2"].map((client) => chat.claimCall(session_id, "call", client)),
        );
        assert.deepEqual(claims.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
        const winner = claims[0]?.status === "fulfilled" ? "window-1" : "window-2";
        const loser = winner === "window-1" ? "window-2" : "window-1";
        const again = await chat.claimCall(session_id, "call", winner);
        assert.equal(again.expires_in_ms, 30_000);
        assert.equal((await chat.listPending(session_id)).pending[0]?.claimed_by, winner);
        const result = { type: "tool_result", call_id: "call", result: "text of a" } as const;
        await assert.rejects(send(chat, session_id, result, loser), isCode("call_claimed"));
        await assert.rejects(send(chat, session_id, result), isCode("call_claimed"));
        const rest = await read(chat, await send(chat, session_id, result, winner));
        assert.deepEqual(transcript(rest).slice(0, 2), [
          "tool_result text of a",
          "assistant_message text of a",
        ]);
        await assert.rejects(chat.claimCall(session_id, "call", winner), isCode("not_waiting"));
      }));

    it("tell the model what a person has made of a call", () =>
      withChat(
        engine,
        calling(calls("execute_command", { command: "rm a" })),
        async ({ chat, requests }) => {
          const turn = await ask(chat, "tidy up");
          const { session_id } = turn;
          await read(chat, turn);
          const modified_arguments = { command: "ls a" };
          const edit = { decision: "edit", call_id: "call", modified_arguments } as const;
          await send(chat, session_id, { type: "tool_decision", ...edit });
          const result = { type: "tool_result", call_id: "call", result: "a" } as const;
          const rest = await read(chat, await send(chat, session_id, result));
          assert.equal(transcript(rest)[0], "tool_result a", "who reads along sees the result");
          assert.match(
            requests.at(-1)?.messages.at(-1)?.content ?? "",
            /^\[The user changed this call before it ran\. What ran: \{"command":"ls a"\}\]\na$/,
          );
        },
      ));

    it("give up a call whose client has gone, and tell the model", () =>
      withChat(engine, calling(calls("look", { path: "a" })), async ({ chat, deps }) => {
        const turn = await ask(chat, "look");
        await read(chat, turn);
        await chat.claimCall(turn.session_id, "call", "window-1");
        await giveUpOld(deps);
        assert.equal((await chat.listPending(turn.session_id)).pending.length, 1, "not yet");

        const uow = deps.newUnitOfWork();
        await uow.commit("claim_call", (trx) =>
          trx.updateTable("tool_calls").set({ claim_expires_at: 1 }).execute(),
        );
        uow.close();
        await giveUpOld(deps);
        const whole = await read(chat, turn);
        assert.match(transcript(whole).at(-1) ?? "", /status waiting/, "the first stream paused");
        const { last_seq } = await chat.getSession(turn.session_id);
        assert.ok(last_seq > (whole.at(-1)?.seq ?? 0));
        const rest = await read(chat, { ...turn, after: whole.at(-1)?.seq ?? 0 });
        assert.match(rest[0]?.error ?? "", /window .* went away .* not known/);
        assert.equal(rest.at(-1)?.type, "done");
      }));

    it("end a loop of switches: 50 in a turn, then the model is told, then the turn ends", async function () {
      this.timeout(60_000);
      const loop: Script = ({ messages }) => {
        const to = messages.length % 4 < 2 ? "coder" : "universal";
        return [calls("switch_agent", { agent_type: to, reason: "" }), FINISH];
      };
      await withChat(engine, loop, async ({ chat, requests }) => {
        const chunks = await read(chat, await ask(chat, "go", { agent_type: "universal" }));
        assert.equal(chunks.filter(({ type }) => type === "agent_switched").length, 50);
        assert.match(chunks.find(({ error }) => error)?.error ?? "", /changed 50 times/);
        assert.equal(metadataOf(chunks.at(-1)).code, "step_limit");
        assert.equal(requests.length, 200);
      });
    });

    it("stop for good, at whatever moment the turn pauses or goes on", async function () {
      this.timeout(60_000);
      const endless: Script = async function* () {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
        yield calls("look", { path: "a" });
        yield FINISH;
      };
      await withChat(engine, endless, async ({ chat }) => {
        for (let round = 0; round < 15; round++) {
          const turn = await ask(chat, "go");
          const { session_id } = turn;
          let stopped = false;
          const answering = (async () => {
            while (!stopped) {
              const { pending } = await chat.listPending(session_id);
              for (const { call_id } of pending) {
                const result = { type: "tool_result", call_id, result: "text" } as const;
                await send(chat, session_id, result).catch(() => undefined);
              }
              await new Promise((resolve) => setImmediate(resolve));
            }
          })();
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 40));
          assert.equal((await chat.cancelTurn(session_id)).turn_id, turn.turn_id);
          const { turn: after } = await chat.getSession(session_id);
          assert.equal(after?.status, "interrupted", `round ${round}`);
          stopped = true;
          await answering;
        }
      });
    });

    it("count the tokens of all steps, over pauses and restarts", async () => {
      const usage = {
        ...{ input_tokens: 10, cache_read_tokens: 8, cache_write_tokens: 1 },
        ...{ output_tokens: 2, reasoning_tokens: 1 },
      };
      const script: Script = ({ messages }) => {
        const finish = { ...FINISH, usage } as typeof FINISH;
        const results = messages.filter(({ role }) => role === "tool").length;
        return results < 2 ? [calls("look", { path: "a" }), finish] : [text("done"), finish];
      };
      const database = await engine.create();
      let open = await openChat(database.source, script);
      const turn = await ask(open.chat, "look twice", { tools: [READ] });
      let chunks = await read(open.chat, turn);
      for (let round = 0; round < 2; round++) {
        await open.close();
        open = await openChat(database.source, script);
        const [waiting] = (await open.chat.listPending(turn.session_id)).pending;
        const call_id = waiting?.call_id ?? "";
        const result = { type: "tool_result", call_id, result: "text" } as const;
        chunks = await read(open.chat, await send(open.chat, turn.session_id, result));
      }
      assert.deepEqual(metadataOf(chunks.at(-1)).usage, {
        ...{ input_tokens: 30, cache_read_tokens: 24, cache_write_tokens: 3 },
        ...{ output_tokens: 6, reasoning_tokens: 3 },
      });
      const { messages } = await open.chat.listMessages(turn.session_id);
      assert.ok(!JSON.stringify(messages).includes("cache_read"), "a reader is told");
      assert.deepEqual(toolNames(open.requests[0]), ["look"], "what was offered is still known");
      await open.close();
      await database.remove();
    });
  });
}

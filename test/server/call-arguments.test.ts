// What models write in the place of a call's arguments, from their server's stream
// to what the model is told.
import assert from "node:assert/strict";
import type { FinishReason, ProviderEvent } from "../../server/providers/provider.ts";
import { read, type Script, text, transcript, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { ask, calls, EXECUTE, isCode, READ, send } from "../support/tools.ts";

const LOOK = {
  ...READ,
  parameters: {
    type: "object",
    properties: { path: { type: "string" }, line: { type: "integer" } },
    required: ["path"],
  },
};
const TOOLS = [LOOK, EXECUTE];

const raw = (raw_arguments: string, tool_name = "look"): ProviderEvent => ({
  ...calls(tool_name),
  ...{ raw_arguments },
});

/** One answer that ends so with these calls, then what the model was told. */
const once =
  (reason: FinishReason, ...each: ProviderEvent[]): Script =>
  ({ messages }) => {
    const results = messages.filter((message) => message.role === "tool");
    const said = results.map(({ content }) => content).join(" | ");
    const events = results.length === 0 ? each : [text(said)];
    return [
      ...events,
      { type: "finish", reason: results.length === 0 ? reason : "stop", usage: undefined },
    ];
  };

for (const engine of ENGINES) {
  describe(`a call's arguments on ${engine.engine}`, () => {
    /** What the model is told when nobody has to act. */
    const told = async (reason: FinishReason, ...each: ProviderEvent[]): Promise<string> => {
      let answer = "";
      await withChat(engine, once(reason, ...each), async ({ chat, requests }) => {
        const turn = await ask(chat, "go", { tools: TOOLS });
        const chunks = await read(chat, turn);
        assert.equal(transcript(chunks).at(-1), "done");
        assert.equal(requests.length, 2, "the model goes on");
        answer = chunks.find(({ type }) => type === "assistant_message")?.token ?? "";
      });
      return answer;
    };

    it("that are no JSON are mended before anyone is asked or runs the call", () =>
      withChat(
        engine,
        once("tool_calls", raw('{"path":"a\\d", "line": "2",}}')),
        async ({ chat }) => {
          const turn = await ask(chat, "go", { tools: TOOLS });
          await read(chat, turn);
          const [waiting] = (await chat.listPending(turn.session_id)).pending;
          assert.deepEqual(waiting?.arguments, { path: String.raw`a\d`, line: 2 });
        },
      ));

    it("that cannot be read go back to the model with the reason", async () => {
      const answer = await told("tool_calls", raw('{"path":"say "hi""}'));
      assert.match(answer, /^Error: .*no backslash.*19 characters came.*say.*valid JSON/);
    });

    it("that do not fit go back to the model with what is expected", async () => {
      const answer = await told("tool_calls", calls("look", { path: "a", line: "two" }));
      assert.match(answer, /^Error: .*line: a whole number .*is expected, a string "two" came/);
    });

    it("that were cut off are never completed: the model is told so", async () => {
      const cut = /^Error: .*length limit.*cut off and not run/;
      assert.match(await told("length", raw('{"path":"a')), cut);
      assert.match(await told("length", raw('{"path":"a"')), cut);
      // Before its first character.
      assert.match(await told("length", calls("look")), cut);
      assert.match(await told("tool_calls", raw('{"path":"a')), /ends inside of a text/);
    });

    it("for a tool that nobody knows are not asked about: the model is told which there are", async () => {
      const answer = await told("tool_calls", calls("no_such_tool", { path: "a" }));
      assert.match(answer, /^Error: There is no tool "no_such_tool"\. Your tools: .*look, /);
    });

    it("hold no characters that cannot be stored", () =>
      withChat(engine, once("tool_calls", raw('{"path":"\\u0000\\ud800",}')), async ({ chat }) => {
        const turn = await ask(chat, "go", { tools: TOOLS });
        await read(chat, turn);
        const [waiting] = (await chat.listPending(turn.session_id)).pending;
        assert.deepEqual(waiting?.arguments, { path: "\ufffd\ufffd" });
      }));

    it("that whoever would run the call cannot work with go back to the model, and no person decides", () =>
      withChat(engine, once("tool_calls", calls("execute_command")), async ({ chat }) => {
        const turn = await ask(chat, "go", { tools: TOOLS });
        await read(chat, turn);
        const refuse = (client: string, message = {}) =>
          send(
            chat,
            turn.session_id,
            { type: "tool_result", call_id: "call", error: "no such file", ...message },
            client,
          );
        await assert.rejects(refuse("window-2"), isCode("not_waiting"));
        const ran = { error: undefined, result: "ran" };
        await assert.rejects(refuse("window-1", ran), isCode("not_waiting"));
        const chunks = await read(chat, await refuse("window-1"));
        assert.deepEqual(transcript(chunks).slice(-3), [
          "tool_result no such file",
          "assistant_message Error: no such file",
          "done",
        ]);
      }));
  });
}

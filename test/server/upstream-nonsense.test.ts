// What model servers send that is no answer, and how it ends.
import assert from "node:assert/strict";
import { checkAnswer } from "../support/upstream/check-answer.ts";
import { HELLO, textOf, WEATHER } from "../support/upstream/collect.ts";
import {
  body,
  chunk,
  DONE,
  endless,
  hugeLine,
  normal,
  stop,
  stream,
  text,
  toolCall,
  usage,
} from "../support/upstream/openai-scripts.ts";

describe("a model's server that sends nonsense", () => {
  it("JSON that is none, or another format: left out", async () => {
    for (const odd of ["data: {nonsense\n\n", `data: {"choices":"none"}\n\n`, "data: null\n\n"]) {
      await checkAnswer({
        scripts: [stream(text("Hel"), odd, text("lo"), stop(), DONE)],
        text: "Hello",
      });
      await checkAnswer({
        scripts: [stream(text("Hel"), odd)],
        text: "Hel",
        error: "upstream_cut",
      });
    }
  });

  it("lines that are no events at all: its words are shown", () =>
    checkAnswer({
      scripts: [stream("what is this\n\n", "and that\n\n")],
      error: "upstream_malformed",
      message: /says: what is this and that/,
    }));

  it("a web page, or anything else that is no stream", async () => {
    const error = "upstream_malformed";
    await checkAnswer({
      scripts: [body(200, "text/html", "<html>Sign in</html>")],
      error,
      message: /a web page instead of an answer/,
      hint: /may not be the address/,
    });
    await checkAnswer({
      scripts: [body(200, "application/json", `{"error":"use the other port"}`)],
      error: "upstream_failed",
      message: /use the other port/,
      requests: 3,
    });
  });

  it("tool arguments that are no object: passed on as they came, whole or cut off", async () => {
    for (const args of ["[1]", '"x"', '{"a":', '{"a":"b\n"}']) {
      for (const reason of ["tool_calls", "length"]) {
        const { events } = await checkAnswer({
          scripts: [stream(toolCall("c", "get_weather", args), stop(reason), DONE)],
          request: { ...HELLO, tools: [WEATHER] },
        });
        const [call] = events;
        assert.ok(call?.type === "tool_call");
        assert.deepEqual([call.arguments, call.raw_arguments], [{}, args]);
      }
    }
  });

  it("a tool call without arguments or with an id that no client could send back", async () => {
    const { events } = await checkAnswer({
      scripts: [stream(toolCall("call 1\n🎉", "get_weather", ""), stop("tool_calls"), DONE)],
      request: { ...HELLO, tools: [WEATHER] },
    });
    const [call] = events;
    assert.ok(call?.type === "tool_call");
    assert.deepEqual(call.arguments, {});
    assert.match(call.call_id, /^call_[0-9a-f-]{36}$/);
  });

  it("a call that was left in the text: made where its tool was offered, else only shown", async () => {
    const written = '<tool_call>{"name": "get_weather", "arguments": {"city": "Oslo"}}</tool_call>';
    for (const tools of [[WEATHER], []]) {
      const { events } = await checkAnswer({
        scripts: [stream(text(written), stop(), DONE)],
        request: { ...HELLO, tools },
        text: written,
      });
      const called = events.filter((event) => event.type === "tool_call");
      assert.deepEqual(
        called.map((call) => call.arguments),
        tools.map(() => ({ city: "Oslo" })),
      );
    }
  });

  it("a line of 10 MB: given up after the first", () =>
    checkAnswer({
      scripts: [hugeLine(10 * 1024 * 1024)],
      text: "before",
      error: "upstream_malformed",
      message: /1 MB/,
    }));

  it("an answer without an end: ended at the limit, what came is kept", async () => {
    const collected = await checkAnswer({
      scripts: [endless(text("word "))],
      maxAnswerChars: 10_000,
      error: "upstream_too_long",
      message: /10,000/,
    });
    const { length } = textOf(collected);
    assert.ok(length >= 10_000 && length < 10_010, String(length));
  });

  it("events without a word, for ever", () =>
    checkAnswer({
      scripts: [endless(chunk({ role: "assistant" }))],
      error: "upstream_malformed",
      message: /without a word/,
    }));

  it("usage, an end, and nothing else: an empty answer is said to be one", () =>
    checkAnswer({
      scripts: [stream(usage(1, 0), stop(), DONE)],
      text: "",
      error: "upstream_failed",
      message: /empty answer/,
      requests: 3,
    }));

  it("thinking, an end, and nothing else: says that there is no answer, and asks for no other", async () => {
    const thought = chunk({ reasoning_content: "The user wants" });
    await checkAnswer({
      scripts: [stream(thought, text("\n"), stop(), DONE), normal("later")],
      error: "upstream_failed",
      message: /thought, but gave no answer/,
      requests: 1,
    });
    await checkAnswer({
      scripts: [stream(text("<think>The user wants</think>"), stop(), DONE)],
      error: "upstream_failed",
      message: /thought, but gave no answer/,
    });
    await checkAnswer({ scripts: [stream(thought, stop("length"), DONE)] });
  });

  it("blanks, an end, and nothing else: the same, but what was shown is not asked for again", async () => {
    const blanks = [text("\n"), text(" \n")] as const;
    await checkAnswer({
      scripts: [stream(...blanks, stop(), DONE)],
      error: "upstream_failed",
      message: /empty answer/,
    });
    await checkAnswer({ scripts: [stream(...blanks)], error: "upstream_cut" });
  });
});

import assert from "node:assert/strict";
import { createDemoProvider, DEMO_TOOLS, runDemoTool } from "../../../server/providers/demo.ts";
import type { ConversationMessage, ProviderEvent } from "../../../server/providers/provider.ts";
import { collect, textOf } from "../../support/upstream/collect.ts";

const ask = async (
  content: string,
  { tools = true, before = [] }: { tools?: boolean; before?: ConversationMessage[] } = {},
) => {
  const messages: ConversationMessage[] = [...before, { role: "user", content }];
  const request = { model: "demo", system: "", messages, tools: tools ? [...DEMO_TOOLS] : [] };
  const collected = await collect(createDemoProvider({ deltaMs: 0 }), request);
  assert.equal(collected.error, undefined);
  return { ...collected, text: textOf(collected), last: collected.events.at(-1) };
};

const typesOf = (events: ProviderEvent[]): string[] =>
  events.map((event) => event.type).filter((type, index, all) => type !== all[index - 1]);

describe("the demo model", () => {
  it("says in every answer that it is the demo", async () => {
    for (const question of [
      "hi",
      "explain the commit promise",
      "show some code",
      "show a table",
      "make a plan",
      "a long answer",
      "use a tool",
      "switch agent",
    ]) {
      assert.match((await ask(question)).text, /demo/i, question);
    }
  });

  it("gives the same answer to the same message", async () => {
    assert.deepEqual(await ask("hi"), await ask("hi"));
  });

  it("answers the examples of the empty chat with what they ask for", async () => {
    const code = await ask("Explain debouncing and write a typed debounce function in TypeScript.");
    assert.match(code.text, /```typescript\n[^`]*debounce</);
    const table = await ask("Compare SQLite and Postgres for a local tool, in a table.");
    assert.match(table.text, /\| \| SQLite \| Postgres \|/);
    const plan = await ask(
      "How do I split a 2,000-line module into smaller ones without breaking its users?",
    );
    assert.match(plan.text, /^1\. \*\*Pin what it does/m);
    assert.match((await ask("Explain the commit promise")).text, /committed.*\n.*shown/s);
    assert.match((await ask("hello")).text, /Set API key/);
  });

  it("tells who asks in Russian, in Russian, that its script is English", async () => {
    const { text } = await ask("Сравни SQLite и Postgres для локального инструмента, таблицей.");
    assert.match(text, /^\*Это встроенная демонстрация/);
    assert.match(text, /\| SQLite \|/);
  });

  it("looks at the message only, not at the files that go with it", async () => {
    const { text } = await ask('<context type="file" label="a">\na long table\n</context>\n\nhi');
    assert.match(text, /^## Hello/);
  });

  it("has a long answer of thousands of words in small pieces", async () => {
    const { text, events } = await ask("a long answer, please");
    assert.ok((text.match(/\S+/g) ?? []).length > 2_500);
    assert.ok(events.every((event) => event.type !== "text" || event.text.length < 60));
  });

  it("counts words as its usage", async () => {
    const { last, events } = await ask("one two three");
    assert.deepEqual(last, {
      type: "finish",
      reason: "stop",
      usage: { input_tokens: 3, output_tokens: events.length - 1 },
    });
  });

  it("asks for its tool after a sentence, and ends the answer with the result", async () => {
    for (const question of ["please use a tool", "покажи инструмент"]) {
      const { events, last } = await ask(question);
      assert.deepEqual(typesOf(events), ["text", "tool_call", "finish"]);
      assert.ok(last?.type === "finish" && last.reason === "tool_calls");
      const call = events.find((event) => event.type === "tool_call");
      assert.ok(call?.type === "tool_call");
      assert.deepEqual(call.arguments, { text: question });
    }
    const { tool_name, call_id } = { tool_name: "demo_word_count", call_id: "c" };
    const request = {
      model: "demo",
      system: "",
      messages: [
        { role: "user" as const, content: "please use a tool" },
        { role: "tool" as const, call_id, tool_name, content: "4" },
      ],
      tools: [...DEMO_TOOLS],
    };
    const collected = await collect(createDemoProvider({ deltaMs: 0 }), request);
    assert.match(textOf(collected), /\*\*4\*\*/);
    assert.deepEqual(typesOf(collected.events), ["text", "finish"]);
  });

  it("does not ask for a tool that it is not told of", async () => {
    const { events } = await ask("use a tool", { tools: false });
    assert.deepEqual(typesOf(events), ["text", "finish"]);
  });

  it("switches the agent and goes on", async () => {
    for (const question of ["switch agent", "switch to another agent", "смени агента"]) {
      const { events } = await ask(question);
      assert.deepEqual(typesOf(events), ["text", "switch_agent", "text", "finish"]);
      const event = events.find(({ type }) => type === "switch_agent");
      assert.ok(
        event?.type === "switch_agent" && event.to_agent === "coder" && event.reason !== "",
      );
    }
  });

  it("keeps its pace, and stops at once with the caller's reason", async () => {
    const started = performance.now();
    const stop = new AbortController();
    const reason = new Error("enough");
    let words = 0;
    const reading = async (): Promise<void> => {
      const request = { model: "demo", system: "", messages: [], tools: [] };
      for await (const events of createDemoProvider().stream(request, stop.signal)) {
        assert.deepEqual(
          events.map(({ type }) => type),
          ["text"],
        );
        words += 1;
        if (words === 10) stop.abort(reason);
      }
    };
    await assert.rejects(reading(), reason);
    assert.equal(words, 10);
    assert.ok(performance.now() - started > 100);
    const slow = createDemoProvider({ deltaMs: 60_000 });
    const late = new AbortController();
    const waiting = collect(
      slow,
      { model: "demo", system: "", messages: [], tools: [] },
      late.signal,
    );
    late.abort(reason);
    assert.equal((await waiting).error, reason);
  });
});

describe("the demo's tool", () => {
  it("counts words, and refuses what it does not know", () => {
    assert.equal(runDemoTool("demo_word_count", { text: " one  two\nthree " }), "3");
    assert.equal(runDemoTool("demo_word_count", { text: "" }), "0");
    assert.throws(() => runDemoTool("demo_word_count", {}), /text: must be a string/);
    assert.throws(() => runDemoTool("rm", { text: "" }), /no tool/);
    assert.equal(DEMO_TOOLS[0]?.rule, "ask");
  });
});

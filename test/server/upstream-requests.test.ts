// What vendors ask of a request beside the conversation: addresses, headers, the cache,
// how long an answer may be.
import assert from "node:assert/strict";
import type { ConversationMessage, ProviderRequest } from "../../server/providers/provider.ts";
import { collect, HELLO, providerAt, textOf, WEATHER } from "../support/upstream/collect.ts";
import {
  DONE,
  normal,
  status,
  stop,
  stream,
  text,
  write,
} from "../support/upstream/openai-scripts.ts";
import { replay } from "../support/upstream/replay.ts";
import type { Script, UpstreamRequest } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

type Block = Record<string, unknown>;
interface AnthropicBody {
  max_tokens: number;
  system: Block[];
  tools: Block[];
  messages: { role: string; content: Block[] }[];
}

/**
 * Bills as Anthropic does: what stands before a mark is written to the cache, and what was written
 * is read where the beginning is the same, at a mark or at one of the twenty blocks before it. A
 * token is a character here.
 */
function billing(): { script: Script; bills: { fresh: number; read: number; written: number }[] } {
  const cache = new Set<string>();
  const bills: { fresh: number; read: number; written: number }[] = [];
  const script: Script = (request, response) => {
    const { tools, system, messages } = request.body as AnthropicBody;
    const blocks = [...tools, ...system, ...messages.flatMap(({ content }) => content)];
    const plain = blocks.map(({ cache_control: _mark, ...block }) => JSON.stringify(block));
    const upTo = (count: number): string => plain.slice(0, count).join("");
    const marks = blocks.flatMap((block, index) => (block["cache_control"] ? [index + 1] : []));
    assert.ok(marks.length <= 4, "more than four marks");
    const looked = marks.flatMap((mark) => Array.from({ length: 20 }, (_, back) => mark - back));
    const hits = looked.filter((count) => count > 0 && cache.has(upTo(count)));
    const read = hits.length > 0 ? upTo(Math.max(...hits)).length : 0;
    const written = Math.max(0, upTo(Math.max(0, ...marks)).length - read);
    for (const mark of marks) cache.add(upTo(mark));
    bills.push({ fresh: upTo(plain.length).length - read - written, read, written });
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        type: "message",
        content: [{ type: "text", text: "ok" }],
        stop_reason: "end_turn",
        usage: {
          input_tokens: bills.at(-1)?.fresh,
          cache_read_input_tokens: read,
          cache_creation_input_tokens: written,
          output_tokens: 1,
        },
      }),
    );
  };
  return { script, bills };
}

const calls = (id: string): ConversationMessage[] => [
  {
    role: "assistant",
    content: "",
    tool_calls: [{ call_id: id, tool_name: "get_weather", arguments: { city: "Oslo" } }],
  },
  { role: "tool", call_id: id, tool_name: "get_weather", content: "snow" },
];

describe("a request to Anthropic", () => {
  const ask = (messages: ConversationMessage[]): ProviderRequest => ({
    ...HELLO,
    system: "Be brief. ".repeat(300),
    tools: [WEATHER],
    messages,
  });
  const first: ConversationMessage[] = [{ role: "user", content: "Oslo? ".repeat(200) }];

  it("reads at least 90 % of a later step's prompt from the cache, and says so", () => {
    const { script, bills } = billing();
    return withUpstream([script], async ({ origin }) => {
      const provider = providerAt(origin, { name: "anthropic" });
      const steps = [
        first,
        [...first, ...calls("a")],
        [...first, ...calls("a"), ...calls("b")],
        [...first, ...calls("a"), ...calls("b"), ...calls("c"), ...calls("d")],
      ];
      for (const [index, messages] of steps.entries()) {
        const { events, error } = await collect(provider, ask(messages));
        assert.equal(error, undefined);
        const { fresh = 0, read = 0, written = 0 } = bills[index] ?? {};
        const finish = events.at(-1);
        assert.ok(finish?.type === "finish");
        assert.equal(finish.usage?.input_tokens, fresh + read + written);
        assert.equal(finish.usage?.cache_read_tokens ?? 0, read);
        const share = read / (fresh + read + written);
        if (index > 0) assert.ok(share >= 0.9, `step ${index + 1} reads ${share}`);
      }
    });
  });

  const think = (id: string): ConversationMessage[] =>
    calls(id).map((message) =>
      message.role !== "assistant"
        ? message
        : {
            ...message,
            content: "Let me look.",
            thinking: {
              model: `anthropic/${HELLO.model}`,
              parts: [
                {
                  text: 0,
                  calls: 0,
                  data: { type: "thinking", thinking: id.repeat(100), signature: id },
                },
              ],
            },
          },
    );
  const long: ConversationMessage[] = [{ role: "user", content: "Oslo? ".repeat(8_000) }];
  /** Fourteen at once. */
  const many = (): ConversationMessage[] => {
    const pairs = Array.from({ length: 14 }, (_, index) => calls(`m${index}`));
    const tool_calls = pairs.flatMap(([one]) => (one?.role === "assistant" ? one.tool_calls : []));
    const results = pairs.flatMap((pair) => pair.slice(1));
    return [{ role: "assistant", content: "", tool_calls }, ...results];
  };
  const summary: ConversationMessage[] = [
    { role: "user", content: "[Summary] ".repeat(150) },
    { role: "assistant", content: "I see.", tool_calls: [] },
    { role: "user", content: "And Rome? " },
  ];
  for (const [what, steps] of [
    ["with thinking", [first, [...first, ...think("a")], [...first, ...think("a"), ...think("b")]]],
    ["after more calls at once than Anthropic looks back", [long, [...long, ...many()]]],
    [
      "after a summary has taken the place of what was before",
      [summary, [...summary, ...think("c")], [...summary, ...think("c"), ...calls("d")]],
    ],
  ] as [string, ConversationMessage[][]][]) {
    it(`reads at least 90 % of a later step's prompt from the cache ${what}`, () => {
      const { script, bills } = billing();
      return withUpstream([script], async ({ origin, requests }) => {
        const provider = providerAt(origin, { name: "anthropic" });
        for (const messages of steps) await collect(provider, ask(messages));
        for (const { fresh, read, written } of bills.slice(1)) {
          const share = read / (fresh + read + written);
          assert.ok(share >= 0.9, `${share}`);
        }
        assert.equal(/"signature"/.test(JSON.stringify(requests)), /thinking|summary/.test(what));
      });
    });
  }

  it("asks for less where the server says that it is too much, and remembers", () =>
    withUpstream(
      [
        status(400, "max_tokens: 32000 > 8192, which is the maximum allowed for fake-model"),
        replay("anthropic", "text"),
      ],
      async ({ origin, requests }) => {
        const provider = providerAt(origin, { name: "anthropic" });
        await collect(provider);
        await collect(provider);
        const asked = requests.map(({ body }) => (body as AnthropicBody).max_tokens);
        assert.deepEqual(asked, [32_000, 8_192, 8_192]);
      },
    ));
});

describe("the address of a request", () => {
  const asked = async (
    base: (origin: string) => string,
    name = "openai-compatible",
  ): Promise<UpstreamRequest> =>
    await withUpstream([normal("hi")], async ({ origin, requests }) => {
      await collect(providerAt(base(origin), { name }));
      const [request] = requests;
      assert.ok(request, "nothing was asked");
      return request;
    });

  it("keeps a path and a query, whatever stands at its end", async () => {
    for (const [given, path] of [
      ["", "/v1/chat/completions"],
      ["/", "/v1/chat/completions"],
      ["/v1/", "/v1/chat/completions"],
      ["/gateway/x/v1//", "/gateway/x/v1/chat/completions"],
      ["/v1?team=a&b=c%20d", "/v1/chat/completions?team=a&b=c+d"],
      ["/v1/chat/completions", "/v1/chat/completions"],
      ["/v1/chat/completions?x=1", "/v1/chat/completions?x=1"],
    ] as const) {
      assert.equal((await asked((origin) => origin + given)).path, path, given);
    }
    const google = await asked((origin) => `${origin}?x=1`, "google");
    assert.equal(google.path, "/v1beta/models/fake-model:streamGenerateContent?alt=sse&x=1");
  });

  it("is Azure's, with its own header, where it has Azure's form", async () => {
    const azure = "/openai/deployments/mine?api-version=2025-01-01";
    const { path, headers } = await asked((origin) => origin + azure);
    assert.equal(path, "/openai/deployments/mine/chat/completions?api-version=2025-01-01");
    assert.equal(headers["api-key"], "test-key-1234567890");
    assert.equal(headers.authorization, undefined);
  });

  it("says who asks to OpenRouter alone", async () => {
    const router = await asked((origin) => `${origin}/api/v1`);
    assert.equal(router.headers["x-title"], "Streamkeeper");
    assert.match(String(router.headers["http-referer"]), /^https:/);
    assert.equal((await asked((origin) => origin)).headers["x-title"], undefined);
  });
});

describe("a server that refuses a part of a request", () => {
  it("is told the limit under its newer name, and ids of calls that it takes", () =>
    withUpstream(
      [
        status(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        status(400, "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9."),
        normal("hi"),
      ],
      async ({ url, requests }) => {
        const messages = [...HELLO.messages, ...calls("call_1")];
        const sampling = { max_output_tokens: 50 };
        const asked = { ...HELLO, tools: [WEATHER], messages, sampling };
        assert.equal(textOf(await collect(providerAt(url), asked)), "hi");
        const body = requests[2]?.body as Record<string, unknown>;
        assert.deepEqual([body["max_tokens"], body["max_completion_tokens"]], [undefined, 50]);
        const [
          ,
          ,
          {
            tool_calls: [call],
          },
          { tool_call_id },
        ] = body["messages"] as [
          unknown,
          unknown,
          { tool_calls: [{ id: string }] },
          { tool_call_id: string },
        ];
        assert.match(tool_call_id, /^[A-Za-z0-9]{9}$/);
        assert.equal(call.id, tool_call_id);
      },
    ));

  it("is asked again without it", () =>
    withUpstream(
      [status(400, "Unrecognized request argument: stream_options"), normal("hi")],
      async ({ url, requests }) => {
        const collected = await collect(providerAt(url));
        assert.equal(textOf(collected), "hi");
        assert.doesNotMatch(JSON.stringify(requests[1]?.body), /stream_options/);
      },
    ));
});

describe("a model whose thinking begins in its prompt", () => {
  it("is known by the tag that ends it: its next answer is told apart from the first word on", () => {
    const answer = (...words: string[]) => stream(...words.map(text), stop(), DONE);
    const lone: Script = async (_request, response) => {
      response.writeHead(200);
      for (const words of ["Let me", " see.\n", "</think>", "\n\nHello"]) {
        await write(response, text(words));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      response.end(stop() + DONE);
    };
    return withUpstream([lone, lone, answer("No need", " to think")], async ({ url }) => {
      const provider = providerAt(url);
      const reasoningOf = ({ events }: Awaited<ReturnType<typeof collect>>): string =>
        events.map((one) => (one.type === "reasoning" ? one.text : "")).join("");
      assert.doesNotMatch(textOf(await collect(provider)), /think>/);
      const second = await collect(provider);
      assert.deepEqual([textOf(second), reasoningOf(second)], ["Hello", "Let me see.\n"]);
      assert.equal(textOf(await collect(provider)), "No need to think");
    });
  });
});

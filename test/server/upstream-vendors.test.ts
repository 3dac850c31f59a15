// Each vendor's own format over real HTTP gives the same events. The
// recordings are written by hand.
import assert from "node:assert/strict";
import { ChatError } from "../../server/errors.ts";
import type { ProviderRequest, Usage } from "../../server/providers/provider.ts";
import { collect, HELLO, providerAt, WEATHER } from "../support/upstream/collect.ts";
import { status } from "../support/upstream/openai-scripts.ts";
import { replay } from "../support/upstream/replay.ts";
import type { UpstreamRequest } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

const KEY = "test-key-1234567890";

interface VendorCase {
  name: string;
  path: string;
  key(request: UpstreamRequest): unknown;
  /** Up to here the answer is not complete. */
  endMark: string;
  /** What this vendor calls the faults that it tells inside a stream. */
  error: RegExp;
  /** What it tells beside the sums. */
  usage?: Partial<Usage>;
}

const VENDORS: VendorCase[] = [
  {
    name: "openai",
    path: "/v1/responses",
    key: ({ headers }) => headers.authorization?.replace("Bearer ", ""),
    endMark: "event: response.completed",
    error: /OpenAI failed \(500\): The model failed/,
    usage: { reasoning_tokens: 1 },
  },
  {
    name: "anthropic",
    path: "/v1/messages",
    key: ({ headers }) => headers["x-api-key"],
    endMark: "event: message_delta",
    error: /Anthropic is overloaded \(529\): Overloaded/,
  },
  {
    name: "google",
    path: "/v1beta/models/fake-model:streamGenerateContent?alt=sse",
    key: ({ headers }) => headers["x-goog-api-key"],
    endMark: `data: {"candidates":[{"content":{"parts":[{"text":" w`,
    error: /Google Gemini failed \(503\): The model is overloaded/,
  },
  {
    name: "ollama",
    path: "/v1/chat/completions",
    key: ({ headers }) => headers.authorization?.replace("Bearer ", ""),
    endMark: `"finish_reason":"stop"`,
    error: /Ollama failed \(500\): llama runner process has terminated/,
  },
];

/** A conversation with everything in it. */
const LONG: ProviderRequest = {
  ...HELLO,
  tools: [WEATHER],
  messages: [
    { role: "user", content: "Oslo and Rome?" },
    {
      role: "assistant",
      content: "",
      tool_calls: [
        { call_id: "call_1", tool_name: "get_weather", arguments: { city: "Oslo" } },
        { call_id: "call_2", tool_name: "get_weather", arguments: { city: "Rome" } },
      ],
    },
    { role: "tool", call_id: "call_1", tool_name: "get_weather", content: "snow" },
    { role: "tool", call_id: "call_2", tool_name: "get_weather", content: "sun" },
    { role: "assistant", content: "Snow and sun.", tool_calls: [] },
    { role: "user", content: "Thanks" },
  ],
};

for (const vendor of VENDORS) {
  describe(`${vendor.name}, as its documentation has it`, () => {
    it("answers with reasoning, text and usage", () =>
      withUpstream([replay(vendor.name, "text")], async (upstream) => {
        // A base URL without a path gets the vendor's usual one.
        const provider = providerAt(upstream.origin, { name: vendor.name, key: KEY });
        const { events, error } = await collect(provider, LONG);
        assert.equal(error, undefined);
        const usage = { input_tokens: 7, output_tokens: 3, ...vendor.usage };
        assert.deepEqual(
          events.filter(({ type }) => type !== "thinking"),
          [
            { type: "reasoning", text: "A greeting." },
            { type: "text", text: "Hello" },
            { type: "text", text: " wörld 🎉" },
            { type: "finish", reason: "stop", usage },
          ],
        );
        const [request] = upstream.requests;
        assert.ok(request);
        assert.equal(request.path, vendor.path);
        assert.equal(vendor.key(request), KEY);
        const sent = JSON.stringify(request.body);
        for (const word of [
          "Be brief.",
          "Oslo and Rome?",
          "snow",
          "sun",
          "Snow and sun.",
          "Thanks",
        ]) {
          assert.ok(sent.includes(word), `${word} is missing in ${sent}`);
        }
      }));

    it("calls a tool", () =>
      withUpstream([replay(vendor.name, "tool")], async (upstream) => {
        const provider = providerAt(upstream.origin, { name: vendor.name, key: KEY });
        const { events, error } = await collect(provider, { ...HELLO, tools: [WEATHER] });
        assert.equal(error, undefined);
        assert.deepEqual(events[0], { type: "text", text: "Let me look." });
        assert.ok(events[1]?.type === "tool_call" && events.length === 3);
        assert.equal(events[1].tool_name, "get_weather");
        assert.deepEqual(events[1].arguments, { city: "Oslo" });
        assert.ok(events[2]?.type === "finish" && events[2].reason === "tool_calls");
      }));

    it("is told of a tool whose schema it would refuse", () =>
      withUpstream([replay(vendor.name, "text")], async (upstream) => {
        const provider = providerAt(upstream.origin, { name: vendor.name, key: KEY });
        const parameters = { $ref: "#/definitions/In", definitions: { In: WEATHER.parameters } };
        const { error } = await collect(provider, {
          ...HELLO,
          tools: [{ ...WEATHER, parameters }],
        });
        assert.equal(error, undefined);
        const sent = JSON.stringify(upstream.requests[0]?.body);
        assert.ok(sent.includes(JSON.stringify(WEATHER.parameters)), sent);
        assert.doesNotMatch(sent, /"\$ref"|"definitions"/);
      }));

    it("fails in the middle: its words are told, the text is kept", () =>
      withUpstream([replay(vendor.name, "error")], async (upstream) => {
        const provider = providerAt(upstream.origin, { name: vendor.name, key: KEY });
        const { events, error } = await collect(provider);
        assert.deepEqual(events, [{ type: "text", text: "Hello" }]);
        assert.ok(error instanceof ChatError && error.code === "upstream_failed", String(error));
        assert.match(error.message, vendor.error);
      }));

    it("ends without its end mark: cut, the text is kept", () =>
      withUpstream([replay(vendor.name, "text", vendor.endMark)], async (upstream) => {
        const provider = providerAt(upstream.origin, { name: vendor.name, key: KEY });
        const { events, error } = await collect(provider);
        assert.ok(events.some((event) => event.type === "text" && event.text === "Hello"));
        assert.ok(error instanceof ChatError && error.code === "upstream_cut", String(error));
      }));

    it("refuses the key", () =>
      withUpstream([status(401, "no such key")], async (upstream) => {
        const provider = providerAt(upstream.origin, { name: vendor.name, key: KEY });
        const { error } = await collect(provider);
        assert.ok(error instanceof ChatError && error.code === "upstream_unauthorized");
        assert.match(error.message, /\(401\): no such key/);
      }));
  });
}

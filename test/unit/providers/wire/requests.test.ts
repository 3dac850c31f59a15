// What we send, held against the vendors' own types: the compiler judges the form,
// the test that we send it.
import assert from "node:assert/strict";
import type { MessageCreateParamsStreaming } from "@anthropic-ai/sdk/resources/messages/messages";
import type { Content, FunctionDeclaration, Part, ToolConfig } from "@google/genai";
import type { ChatCompletionCreateParamsStreaming } from "openai/resources/chat/completions";
import type { ResponseCreateParamsStreaming } from "openai/resources/responses/responses";
import type { ThinkingPart } from "../../../../server/protocol/stored/thinking.ts";
import type { ProviderRequest } from "../../../../server/providers/provider.ts";
import type { VendorName } from "../../../../server/providers/vendors.ts";
import { formatOf } from "../../../../server/providers/wire/formats/formats.ts";
import { WEATHER } from "../../../support/upstream/collect.ts";

const ARGS = { city: "Oslo" };
const SCHEMA = {
  type: "object" as const,
  properties: { city: { type: "string" } },
  required: ["city"],
};
const { name, description } = WEATHER;

/** Everything a request can have; the thinking in the vendor's form. */
function sent(vendor: VendorName, model: string, parts: ThinkingPart[]): Record<string, unknown> {
  const call = { call_id: "call_1", tool_name: name, arguments: ARGS };
  const request: ProviderRequest = {
    model,
    system: "Be brief.",
    messages: [
      { role: "user", content: "Oslo?" },
      {
        role: "assistant",
        content: "Let me look.",
        tool_calls: [call],
        thinking: { model: `${vendor}/${model}`, parts },
      },
      { role: "tool", call_id: "call_1", tool_name: name, content: "snow" },
    ],
    tools: [WEATHER],
    sampling: { temperature: 0.5, top_p: 0.9, max_output_tokens: 100 },
  };
  return formatOf(vendor).toRequest(request, {}).body;
}

describe("a request, as the vendor's own types have it", () => {
  it("OpenAI's chat completions", () => {
    const expected = {
      model: "m",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Oslo?" },
        {
          role: "assistant",
          content: "Let me look.",
          tool_calls: [
            { id: "call_1", type: "function", function: { name, arguments: JSON.stringify(ARGS) } },
          ],
        },
        { role: "tool", tool_call_id: "call_1", content: "snow" },
      ],
      tools: [{ type: "function", function: { name, description, parameters: SCHEMA } }],
      tool_choice: "auto",
      max_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      stream: true,
      stream_options: { include_usage: true },
    } satisfies ChatCompletionCreateParamsStreaming;
    assert.deepEqual(sent("openai-compatible", "m", []), expected);
  });

  it("OpenAI's responses", () => {
    const thought = {
      type: "reasoning" as const,
      id: "rs_1",
      summary: [{ type: "summary_text" as const, text: "Look." }],
      encrypted_content: "cipher",
    };
    const expected = {
      model: "gpt-5.6",
      instructions: "Be brief.",
      input: [
        { role: "user", content: [{ type: "input_text", text: "Oslo?" }] },
        thought,
        { role: "assistant", content: "Let me look." },
        { type: "function_call", call_id: "call_1", name, arguments: JSON.stringify(ARGS) },
        { type: "function_call_output", call_id: "call_1", output: "snow" },
      ],
      tools: [{ type: "function", name, description, parameters: SCHEMA, strict: false }],
      tool_choice: "auto",
      max_output_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      store: false,
      include: ["reasoning.encrypted_content"],
      stream: true,
    } satisfies ResponseCreateParamsStreaming;
    assert.deepEqual(sent("openai", "gpt-5.6", [{ text: 0, calls: 0, data: thought }]), expected);
  });

  it("Anthropic's messages", () => {
    const thought = { type: "thinking" as const, thinking: "Look.", signature: "s" };
    const cache_control = { type: "ephemeral" as const };
    const expected = {
      model: "claude-x",
      max_tokens: 100,
      temperature: 0.5,
      top_p: 0.9,
      system: [{ type: "text", text: "Be brief.", cache_control }],
      messages: [
        { role: "user", content: [{ type: "text", text: "Oslo?", cache_control }] },
        {
          role: "assistant",
          content: [
            thought,
            { type: "text", text: "Let me look." },
            { type: "tool_use", id: "call_1", name, input: ARGS },
          ],
        },
        {
          role: "user",
          content: [{ type: "tool_result", tool_use_id: "call_1", content: "snow", cache_control }],
        },
      ],
      tools: [{ name, description, input_schema: SCHEMA, cache_control }],
      tool_choice: { type: "auto" },
      stream: true,
    } satisfies MessageCreateParamsStreaming & OfOlderModels;
    const body = sent("anthropic", "claude-x", [{ text: 0, calls: 0, data: thought }]);
    assert.deepEqual(body, expected);
  });

  it("Google's generateContent", () => {
    const signature = { on: "call", thoughtSignature: "c2ln" };
    const expected = {
      systemInstruction: { parts: [{ text: "Be brief." }] },
      contents: [
        { role: "user", parts: [{ text: "Oslo?" }] },
        {
          role: "model",
          parts: [
            { text: "Let me look." },
            { functionCall: { id: "call_1", name, args: ARGS }, thoughtSignature: "c2ln" },
          ],
        },
        {
          role: "user",
          parts: [{ functionResponse: { id: "call_1", name, response: { output: "snow" } } }],
        },
      ],
      tools: [{ functionDeclarations: [{ name, description, parametersJsonSchema: SCHEMA }] }],
      toolConfig: { functionCallingConfig: { mode: "AUTO" } },
      generationConfig: { temperature: 0.5, topP: 0.9, maxOutputTokens: 100 },
    } satisfies GoogleBody;
    assert.deepEqual(
      sent("google", "gemini-3", [{ text: 12, calls: 0, data: signature }]),
      expected,
    );
  });
});

/**
 * Its types have them no longer; who asks an older model for it gets it, from
 * a newer one its refusal.
 */
interface OfOlderModels {
  temperature: number;
  top_p: number;
}

/** Google's package has types for the parts of the body; for the body as it is sent it has none. */
interface GoogleBody {
  systemInstruction: { parts: Part[] };
  contents: Content[];
  tools: { functionDeclarations: FunctionDeclaration[] }[];
  toolConfig: {
    functionCallingConfig: {
      mode: `${NonNullable<NonNullable<ToolConfig["functionCallingConfig"]>["mode"]>}`;
    };
  };
  generationConfig: { temperature: number; topP: number; maxOutputTokens: number };
}

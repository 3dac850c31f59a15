// Anthropic's messages. https://docs.anthropic.com/en/docs/build-with-claude/streaming

import type { ConversationMessage, ProviderRequest } from "../../provider.ts";
import { plainSchema } from "../../tool-schema.ts";
import type { Leave, WireFormat, WireRequest } from "../format.ts";
import { interleave } from "../interleave.ts";
import { attachedTo, tokenLimit, toSettings } from "../request-parts.ts";
import { largestOutput, lowerLimit } from "./anthropic-limits.ts";
import { createReader } from "./anthropic-reader.ts";

export const anthropic: WireFormat = { toRequest, createReader, amend };

type Block = Record<string, unknown>;
interface Message {
  role: "user" | "assistant";
  content: Block[];
}

const CACHED = { cache_control: { type: "ephemeral" } };

function toRequest(request: ProviderRequest, leave: Leave): WireRequest {
  const { model, system, tools } = request;
  const messages = toMessages(request.messages, leave);
  const told = leave.tools ? [] : tools.map(toTool);
  const systemBlocks: Block[] = system === "" ? [] : [{ type: "text", text: system }];
  if (!leave.cache) addBreakpoints(told, systemBlocks, messages);
  return {
    path: "/messages",
    headers: { "anthropic-version": "2023-06-01" },
    body: {
      model,
      max_tokens: tokenLimit(request, leave.maxTokens ?? largestOutput(model)),
      ...toSettings(request, {
        temperature: "temperature",
        top_p: "top_p",
        stop: "stop_sequences",
      }),
      ...(systemBlocks.length > 0 && { system: systemBlocks }),
      messages,
      ...(told.length > 0 && { tools: told, tool_choice: { type: "auto" } }),
      stream: true,
    },
  };
}

/**
 * Four at most: the tools, the instructions, the newest message and the one that was newest the
 * last time. What is before a mark is read from the cache at a tenth of its price; the mark before
 * last is what the last step has written.
 */
function addBreakpoints(tools: Block[], system: Block[], messages: Message[]): void {
  const asked = messages.filter(({ role }) => role === "user");
  const ends = [
    tools.at(-1),
    system.at(-1),
    ...asked.slice(-2).map(({ content }) => content.at(-1)),
  ];
  for (const end of ends) if (end) Object.assign(end, CACHED);
}

function toTool({ name, description, parameters }: ProviderRequest["tools"][number]): Block {
  return { name, description, input_schema: plainSchema(parameters) };
}

function toMessages(messages: readonly ConversationMessage[], leave: Leave): Message[] {
  const sent: Message[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const content = toBlocks(message, leave);
    if (content.length === 0) continue;
    const last = sent.at(-1);
    // Results belong into the message that answers the calls, before what a person says to it.
    if (last?.role === role) last.content.push(...content);
    else sent.push({ role, content });
  }
  return sent;
}

function toBlocks(message: ConversationMessage, leave: Leave): Block[] {
  switch (message.role) {
    case "user":
      return [
        ...attachedTo(message).map(({ type, name, media_type, data }) => ({
          type: type === "image" ? "image" : "document",
          source: { type: "base64", media_type, data },
          ...(type === "file" && { title: name }),
        })),
        ...(message.content.trim() === "" ? [] : [{ type: "text", text: message.content }]),
      ];
    case "tool": {
      const result = { type: "tool_result", tool_use_id: message.call_id };
      return [message.content === "" ? result : { ...result, content: message.content }];
    }
    case "assistant": {
      const calls = message.tool_calls.map((call) => ({
        type: "tool_use",
        id: call.call_id,
        name: call.tool_name,
        input: call.arguments,
      }));
      const parts = leave.thinking ? [] : (message.thinking?.parts ?? []);
      return interleave<Block>(message.content, calls, parts, {
        // Text must not be blank, and a space at its end is refused in the last message.
        words: (text) => (text.trim() === "" ? [] : [{ type: "text", text }]),
        thought: ({ data }) => [{ ...data }],
      });
    }
  }
}

function amend(said: string, leave: Leave, request: ProviderRequest): Leave | undefined {
  const asked = tokenLimit(request, leave.maxTokens ?? largestOutput(request.model));
  const lower = lowerLimit(said, asked);
  if (lower !== undefined) return { ...leave, maxTokens: lower };
  if (!leave.cache && /cache_control/i.test(said)) return { ...leave, cache: true };
  const sends = request.messages.some((one) => one.role === "assistant" && one.thinking);
  if (sends && !leave.thinking && /thinking|signature/i.test(said)) {
    return { ...leave, thinking: true };
  }
  return undefined;
}

// Google's generateContent. https://ai.google.dev/api/generate-content
import type { ThinkingPart } from "../../protocol/thinking.ts";
import type { ConversationMessage, FinishReason, ProviderRequest, Usage } from "../provider.ts";
import { plainSchema } from "../tool-schema.ts";
import type { Answer } from "./answer.ts";
import type { EventReader, Leave, WireFormat, WireRequest } from "./format.ts";
import { normalUsage, toArguments } from "./openai-chat.ts";
import { toSettings } from "./settings.ts";
import { bareError, toldError } from "./told-errors.ts";
import { type Fields, list, num, record, text } from "./values.ts";

export const google: WireFormat = { toRequest, createReader };

type Part = Record<string, unknown>;

/** Gemini 3 refuses a call of the running turn without a signature; Google's word for one that there never was. */
const NO_SIGNATURE = { thoughtSignature: "skip_thought_signature_validator" };

function toRequest(request: ProviderRequest, leave: Leave): WireRequest {
  const { model, system, messages, tools } = request;
  const told = leave.tools ? [] : tools;
  const generationConfig = toSettings(request, {
    temperature: "temperature",
    top_p: "topP",
    max_output_tokens: "maxOutputTokens",
    stop: "stopSequences",
    seed: "seed",
    presence_penalty: "presencePenalty",
    frequency_penalty: "frequencyPenalty",
  });
  const name = model.includes("/") ? model : `models/${model}`;
  return {
    path: `/${name}:streamGenerateContent?alt=sse`,
    headers: {},
    body: {
      ...(system !== "" && { systemInstruction: { parts: [{ text: system }] } }),
      contents: toContents(messages, leave, /gemini-(?:1|2)/.test(model) ? {} : NO_SIGNATURE),
      ...(told.length > 0 && {
        tools: [
          {
            functionDeclarations: told.map(({ name, description, parameters }) => ({
              name,
              description,
              parametersJsonSchema: plainSchema(parameters),
            })),
          },
        ],
        toolConfig: { functionCallingConfig: { mode: "AUTO" } },
      }),
      ...(Object.keys(generationConfig).length > 0 && { generationConfig }),
    },
  };
}

function toContents(messages: readonly ConversationMessage[], leave: Leave, unsigned: Part) {
  const contents: { role: "user" | "model"; parts: Part[] }[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "model" : "user";
    const parts = toParts(message, leave, unsigned);
    if (parts.length === 0) continue;
    const last = contents.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else contents.push({ role, parts });
  }
  return contents;
}

function toParts(message: ConversationMessage, leave: Leave, unsigned: Part): Part[] {
  switch (message.role) {
    case "user":
      return message.content === "" ? [] : [{ text: message.content }];
    case "tool": {
      const { call_id, tool_name, content } = message;
      return [
        { functionResponse: { id: call_id, name: tool_name, response: { output: content } } },
      ];
    }
    case "assistant": {
      const kept = leave.thinking ? [] : (message.thinking?.parts ?? []);
      const calls = message.tool_calls.map(({ call_id, tool_name, arguments: args }) => ({
        functionCall: { id: call_id, name: tool_name, args },
      }));
      const signed = kept.some(({ data }) => data["on"] === "call");
      return [
        ...toTexts(message.content, kept),
        ...calls.map((call, index) => ({
          ...call,
          ...(signatureOf(kept, index) ?? (signed || index > 0 ? {} : unsigned)),
        })),
      ];
    }
  }
}

/** With parallel calls only the first one has a signature. */
function signatureOf(kept: readonly ThinkingPart[], call: number): Part | undefined {
  const part = kept.find(({ data, calls }) => data["on"] === "call" && calls === call);
  return part && { thoughtSignature: part.data["thoughtSignature"] };
}

/** A text's signature stands at the part that it came with. */
function toTexts(content: string, kept: readonly ThinkingPart[]): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const { text: until, data } of kept) {
    if (data["on"] !== "text") continue;
    parts.push({ text: content.slice(from, until), thoughtSignature: data["thoughtSignature"] });
    from = until;
  }
  if (from < content.length) parts.push({ text: content.slice(from) });
  return parts;
}

const REASONS: Readonly<Record<string, FinishReason>> = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content_filter",
  RECITATION: "content_filter",
  BLOCKLIST: "content_filter",
  PROHIBITED_CONTENT: "content_filter",
  SPII: "content_filter",
  LANGUAGE: "content_filter",
  IMAGE_SAFETY: "content_filter",
};

/** Said in place of an answer: the model tried to call a tool and failed. */
const FAILED = /MALFORMED_FUNCTION_CALL|UNEXPECTED_TOOL_CALL|TOO_MANY_TOOL_CALLS|^ERROR$/;

function createReader(answer: Answer): EventReader {
  let calls = 0;
  const readPart = (part: Fields): void => {
    const call = record(part["functionCall"]);
    const signature = text(part["thoughtSignature"] ?? part["thought_signature"]);
    if (call) {
      if (signature !== "") answer.keep({ on: "call", thoughtSignature: signature });
      const args = toArguments(call["args"] ?? call["arguments"]);
      calls += 1;
      const id = text(call["id"]);
      answer.calls.add([{ index: calls, id, name: text(call["name"]), args }]);
      answer.argued(args.length);
      return;
    }
    const words = text(part["text"]);
    if (part["thought"] === true) answer.reasoning(words);
    else if ("text" in part || signature !== "") {
      answer.text(words);
      if (signature !== "") answer.keep({ on: "text", thoughtSignature: signature });
    } else answer.skip(Object.keys(part).length === 0 ? "empty" : "unknown_block");
  };

  const readOne = (value: Fields, name: string | undefined): void => {
    const error = toldError(value, name);
    if (error !== undefined) {
      answer.fail(error);
      return;
    }
    const usage = toUsage(record(value["usageMetadata"]) ?? {});
    answer.usage(usage);
    const candidates = value["candidates"];
    const candidate = record(Array.isArray(candidates) ? candidates[0] : candidates);
    const blocked = text(record(value["promptFeedback"])?.["blockReason"]);
    if (blocked !== "") {
      answer.finish("content_filter");
      answer.end();
    } else if (candidate) {
      const content = record(candidate["content"]);
      for (const part of list(content?.["parts"])) readPart(record(part) ?? {});
      if (typeof content?.["parts"] === "string") answer.text(content["parts"]);
      finish(answer, candidate);
    } else if (!usage) {
      const told = bareError(value);
      if (told !== undefined) answer.fail(told);
      else answer.skip(Object.keys(value).length === 0 ? "empty" : "unknown_event");
    }
  };

  return {
    event(raw, name) {
      // Without `alt=sse` the events are the members of one list.
      for (const one of Array.isArray(raw) ? raw : [raw]) {
        const value = record(one);
        if (value) readOne(value, name);
        else answer.skip("unknown_event");
      }
    },
    end() {},
  };
}

function finish(answer: Answer, candidate: Fields): void {
  const reason = text(candidate["finishReason"]).toUpperCase();
  if (reason === "" || reason === "FINISH_REASON_UNSPECIFIED") return;
  if (FAILED.test(reason)) {
    const said = text(candidate["finishMessage"]);
    answer.fail({ message: said || `The model's call could not be read: ${reason}`, code: 500 });
    return;
  }
  answer.finish(REASONS[reason] ?? "other");
}

/** Google counts thinking beside the answer, and what the cache gave inside of the prompt. */
function toUsage(usage: Fields): Usage | undefined {
  const prompt = num(usage["promptTokenCount"]);
  const candidates = num(usage["candidatesTokenCount"]);
  const thoughts = num(usage["thoughtsTokenCount"]);
  if (prompt === undefined && candidates === undefined) return undefined;
  return normalUsage({
    input: (prompt ?? 0) + (num(usage["toolUsePromptTokenCount"]) ?? 0),
    output: (candidates ?? 0) + (thoughts ?? 0),
    read: num(usage["cachedContentTokenCount"]),
    written: undefined,
    reasoning: thoughts,
  });
}

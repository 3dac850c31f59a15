// Google's generateContent. https://ai.google.dev/api/generate-content

import type { ThinkingPart } from "../../../protocol/stored/thinking.ts";
import type { ConversationMessage, FinishReason, ProviderRequest, Usage } from "../../provider.ts";
import { plainSchema } from "../../tool-schema.ts";
import type { Answer } from "../answer.ts";
import type { EventReader, Leave, WireFormat, WireRequest } from "../format.ts";
import { attachedTo, toSettings } from "../request-parts.ts";
import { leaveOut, toldError } from "../told-errors.ts";
import { type Fields, num, record, text } from "../values.ts";
import { createPartialCall, goesOn, isPartial, type PartialCall } from "./google-partial-call.ts";
import { toArguments } from "./openai-calls.ts";
import { normalUsage, reasonOf } from "./openai-chat.ts";

export const google: WireFormat = { toRequest, createReader };

type Part = Record<string, unknown>;

/**
 * Gemini 3 refuses a call of the running turn without a signature; Google's word for
 * one that there never was.
 */
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
      return [
        ...attachedTo(message).map(({ media_type, data }) => ({
          inlineData: { mimeType: media_type, data },
        })),
        ...(message.content === "" ? [] : [{ text: message.content }]),
      ];
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
    if (data["on"] === "thought") {
      const { on: _on, ...thought } = data;
      parts.push({ ...thought, thought: true });
    }
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
  CONTINUATION: "length",
  SAFETY: "content_filter",
  RECITATION: "content_filter",
  BLOCKLIST: "content_filter",
  PROHIBITED_CONTENT: "content_filter",
  SPII: "content_filter",
  LANGUAGE: "content_filter",
  IMAGE_SAFETY: "content_filter",
  IMAGE_PROHIBITED_CONTENT: "content_filter",
  IMAGE_RECITATION: "content_filter",
  PUP_LIMITED_DISABLED: "content_filter",
  MODEL_ARMOR: "content_filter",
};

/** Said in place of an answer: the model tried to call a tool and failed. */
const FAILED =
  /MALFORMED|UNEXPECTED_TOOL_CALL|TOO_MANY_TOOL_CALLS|MISSING_THOUGHT_SIGNATURE|^ERROR$/;
/** By their numbers, as some libraries write them. */
const NUMBERED = ["", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION"];

function createReader(answer: Answer): EventReader {
  let calls = 0;
  /** Each event tells it: what it comes to is looked at when all is said. */
  let counted: Fields | undefined;
  const ids = new Set<string>();
  let partial: PartialCall | undefined;
  const readCall = (call: Fields, signature: string): void => {
    const id = text(call["id"]);
    const args = toArguments(call["args"] ?? call["arguments"] ?? call["parameters"]);
    const name = text(call["name"]);
    const known = JSON.stringify([id, name, args]);
    // The same call once more: each is told whole, and only its id says that it is another.
    if (id !== "" && ids.has(known)) return;
    ids.add(known);
    if (signature !== "") answer.keep({ on: "call", thoughtSignature: signature });
    calls += 1;
    answer.calls.add([{ index: calls, id, name, args }]);
    answer.argued(args.length);
  };
  const endPartial = (): void => {
    const done = partial?.whole();
    partial = undefined;
    if (done) readCall(done.call, done.signature);
  };
  /** At once, or in pieces that end with one after which none is told to come. */
  const readCalled = (call: Fields, signature: string): void => {
    if (partial && !partial.isOf(call)) endPartial();
    if (!partial && !isPartial(call)) {
      if (Object.keys(call).length === 0) answer.skip("empty");
      else readCall(call, signature);
      return;
    }
    partial ??= createPartialCall();
    partial.add(call, signature);
    answer.argued(JSON.stringify(call).length);
    if (!goesOn(call)) endPartial();
  };
  const readPart = (part: Fields): void => {
    const { thought } = part;
    const called = part["functionCall"] ?? part["function_call"];
    const signature = text(part["thoughtSignature"] ?? part["thought_signature"]);
    const words = text(part["text"]);
    if (called) {
      answer.text(words);
      for (const [index, call] of (Array.isArray(called) ? called : [called]).entries()) {
        readCalled(record(call) ?? {}, index === 0 ? signature : "");
      }
    } else if (typeof thought === "string" && !/^(?:true|false)?$/i.test(thought)) {
      answer.reasoning(thought);
    } else if (thought === true || text(thought).toLowerCase() === "true") {
      answer.reasoning(words);
      if (signature !== "")
        answer.keep({ on: "thought", text: words, thoughtSignature: signature });
    } else if ("text" in part || signature !== "") {
      answer.text(words);
      if (signature !== "") answer.keep({ on: "text", thoughtSignature: signature });
    } else answer.skip(Object.keys(part).length === 0 ? "empty" : "unknown_block");
  };

  const read = (value: Fields, name: string | undefined): void => {
    const error = toldError(value, name);
    if (error !== undefined) {
      answer.fail(error);
      return;
    }
    const told = record(value["usageMetadata"] ?? value["usage_metadata"]);
    if (told && (!counted || countsAny(told))) counted = told;
    const { candidates } = value;
    const candidate = record(Array.isArray(candidates) ? candidates[0] : candidates);
    const feedback = record(value["promptFeedback"] ?? value["prompt_feedback"]);
    const blocked = text(feedback?.["blockReason"] ?? feedback?.["block_reason"]);
    const inner = record(value["response"]);
    if (blocked !== "" && !blocked.endsWith("UNSPECIFIED")) {
      answer.finish("content_filter", text(feedback?.["blockReasonMessage"]));
      answer.end();
    } else if (candidate) {
      for (const part of partsOf(candidate)) readPart(record(part) ?? { text: part });
      finish(answer, candidate);
    } else if (inner) read(inner, name);
    else if (!told || !toUsage(told)) leaveOut(answer, value, name, { isTyped: false });
  };

  return {
    event: read,
    end() {
      endPartial();
      if (counted) answer.usage(toUsage(counted));
    },
  };
}

/**
 * A list of parts, one part, or its text; in the content, in its place, or in the candidate itself.
 */
function partsOf(candidate: Fields): readonly unknown[] {
  const { content = candidate["text"] } = candidate;
  const fields = record(content);
  const parts = fields ? (fields["parts"] ?? fields["text"]) : content;
  if (parts === undefined || parts === null) return [];
  return Array.isArray(parts) ? parts : [parts];
}

function finish(answer: Answer, candidate: Fields): void {
  const told = candidate["finishReason"] ?? candidate["finish_reason"];
  if (told === undefined || told === null) return;
  const word = text(told)
    .toUpperCase()
    .replace(/^FINISH_REASON_/, "");
  const reason = NUMBERED[num(told) ?? -1] ?? word;
  if (reason === "" || reason === "UNSPECIFIED") return;
  const said = text(candidate["finishMessage"] ?? candidate["finish_message"]);
  const known = REASONS[reason] ?? reasonOf(reason);
  if (FAILED.test(reason) || known === "failed") {
    const message = said || `The model's call could not be read: ${reason}`;
    answer.fail({ message, code: 500 }, { isEnd: true });
    return;
  }
  answer.finish(known, said);
}

function countsOf(usage: Fields): Record<"prompt" | "candidates", number | undefined> {
  return {
    prompt: num(usage["promptTokenCount"] ?? usage["prompt_token_count"]),
    candidates: num(usage["candidatesTokenCount"] ?? usage["candidates_token_count"]),
  };
}

/** Nothing but 0 only means that this event does not tell it. */
function countsAny(usage: Fields): boolean {
  const { prompt, candidates } = countsOf(usage);
  return (prompt ?? 0) > 0 || (candidates ?? 0) > 0;
}

/** Google counts thinking beside the answer, and what the cache gave inside of the prompt. */
function toUsage(usage: Fields): Usage | undefined {
  const { prompt, candidates } = countsOf(usage);
  const thoughts = num(usage["thoughtsTokenCount"] ?? usage["thoughts_token_count"]);
  const tools = num(usage["toolUsePromptTokenCount"] ?? usage["tool_use_prompt_token_count"]);
  if (prompt === undefined && candidates === undefined) return undefined;
  return normalUsage({
    input: (prompt ?? 0) + (tools ?? 0),
    output: (candidates ?? 0) + (thoughts ?? 0),
    read: num(usage["cachedContentTokenCount"] ?? usage["cached_content_token_count"]),
    written: undefined,
    reasoning: thoughts,
  });
}

// OpenAI's chat completions, and what its many imitators make of them.
// https://platform.openai.com/docs/api-reference/chat-streaming

import { createHash } from "node:crypto";
import type { ConversationMessage, FinishReason, ProviderRequest, Usage } from "../../provider.ts";
import { plainSchema } from "../../tool-schema.ts";
import type { Answer } from "../answer.ts";
import type { EventReader, Leave, WireFormat, WireRequest } from "../format.ts";
import { attachedTo, dataUrl, fileName, tokenLimit, toSettings } from "../request-parts.ts";
import { leaveOut, toldError } from "../told-errors.ts";
import { type Fields, num, record, text, textOf } from "../values.ts";
import { readCalls } from "./openai-calls.ts";
import { besideCall, createThoughts, type Thoughts, withThoughts } from "./openai-thoughts.ts";

export const openaiChat: WireFormat = { toRequest, createReader, amend, writesCalls: true };

function toRequest(request: ProviderRequest, leave: Leave): WireRequest {
  const { model, system, messages, tools } = request;
  const told = leave.tools ? [] : tools;
  const limit = tokenLimit(request, leave.maxTokens);
  return {
    path: "/chat/completions",
    headers: {},
    body: {
      model,
      messages: [
        ...(system === "" ? [] : [{ role: "system", content: system }]),
        ...messages.map((message) => toMessage(message, leave)),
      ],
      ...(told.length > 0 && {
        tools: told.map(({ name, description, parameters }) => ({
          type: "function",
          function: { name, description, parameters: plainSchema(parameters) },
        })),
        tool_choice: "auto",
      }),
      ...(limit !== undefined && {
        [leave.maxName ? "max_completion_tokens" : "max_tokens"]: limit,
      }),
      ...toSettings(request, {
        temperature: "temperature",
        top_p: "top_p",
        stop: "stop",
        seed: "seed",
        presence_penalty: "presence_penalty",
        frequency_penalty: "frequency_penalty",
      }),
      stream: true,
      ...(!leave.usage && { stream_options: { include_usage: true } }),
    },
  };
}

function toMessage(message: ConversationMessage, leave: Leave): Fields {
  if (message.role === "user") return { role: "user", content: toContent(message) };
  if (message.role === "tool") {
    const { call_id, content } = message;
    return { role: "tool", tool_call_id: idOf(call_id, leave), content };
  }
  const { content, tool_calls, thinking } = message;
  if (tool_calls.length === 0) return { role: "assistant", content, ...details() };
  const parts = leave.thinking ? [] : (thinking?.parts ?? []);
  const kept: Fields = Object.assign({}, ...parts.map(({ data }) => data));
  return {
    role: "assistant",
    ...withThoughts(content === "" ? null : content, kept),
    tool_calls: tool_calls.map((call, place) => ({
      ...besideCall(place, kept),
      id: idOf(call.call_id, leave),
      type: "function",
      function: { name: call.tool_name, arguments: JSON.stringify(call.arguments) },
    })),
  };

  /** Thinking in plain words belongs to its calls: without any, some servers refuse it. */
  function details(): Fields {
    const kept = thinking?.parts.find(({ data }) => data["reasoning_details"]);
    return kept && !leave.thinking ? { reasoning_details: kept.data["reasoning_details"] } : {};
  }
}

/** Text alone as a string: servers are many that know no parts. */
function toContent(message: Extract<ConversationMessage, { role: "user" }>): string | Fields[] {
  const attached = attachedTo(message);
  if (attached.length === 0) return message.content;
  const parts = attached.map((one) =>
    one.type === "image"
      ? { type: "image_url", image_url: { url: dataUrl(one) } }
      : { type: "file", file: { filename: fileName(one), file_data: dataUrl(one) } },
  );
  return message.content === "" ? parts : [...parts, { type: "text", text: message.content }];
}

function idOf(id: string, leave: Leave): string {
  return leave.longIds ? createHash("sha256").update(id).digest("hex").slice(0, 9) : id;
}

function amend(said: string, leave: Leave, { messages }: ProviderRequest): Leave | undefined {
  if (!leave.usage && /stream_options|include_usage/i.test(said)) return { ...leave, usage: true };
  if (!leave.maxName && /max_completion_tokens/.test(said)) return { ...leave, maxName: true };
  if (!leave.longIds && /tool.?call.?id/i.test(said) && /length of 9|a-z/i.test(said)) {
    return { ...leave, longIds: true };
  }
  const sends = messages.some((message) => message.role === "assistant" && message.thinking);
  if (sends && !leave.thinking && /reasoning|thinking/i.test(said)) {
    return { ...leave, thinking: true };
  }
  return undefined;
}

/** What is known of an answer between two events. */
interface Reading {
  answer: Answer;
  thoughts: Thoughts;
  /** What the deltas have brought, which a message at the end says again: length and end. */
  said: number;
  saidLast: string;
  thought: boolean;
  refused: boolean;
  /** Of the one choice whose words are read: others were not asked for. */
  index: number | undefined;
  events: number;
  /** It came as a message, not as deltas. */
  isMessage: boolean;
  hasEnd: boolean;
}

function createReader(answer: Answer): EventReader {
  const thoughts = createThoughts(answer);
  const reading: Reading = {
    ...{ answer, thoughts, said: 0, saidLast: "", thought: false, refused: false },
    ...{ index: undefined, events: 0, isMessage: false, hasEnd: false },
  };
  const read = (value: Fields, name: string | undefined): void => {
    const choice = choiceOf(reading, value);
    const groq = record(value["x_groq"]);
    const error =
      toldError(value, name) ??
      (choice?.["error"] ? toldError(choice, undefined) : undefined) ??
      (groq && toldError(groq, undefined));
    const told = value["usage"] ?? choice?.["usage"] ?? groq?.["usage"];
    const counted = record(Array.isArray(told) ? told.at(-1) : told);
    // Ollama counts in the event itself.
    const usage = counted || !value["choices"] ? toUsage(counted ?? value) : undefined;
    if (usage) answer.usage(usage);
    // Its words are kept, its reason says less than the error.
    if (choice) readChoice(reading, choice, error !== undefined);
    for (const more of choice ? moreOf(reading, value, choice) : []) {
      readChoice(reading, more, error !== undefined);
    }
    if (error !== undefined) answer.fail(error);
    else if (!choice && !usage) leave(value, name);
  };
  const leave = (value: Fields, name: string | undefined): void => {
    const inner = record(value["data"]) ?? record(value["result"]);
    // Gateways that put the whole into a wrapping of their own.
    if (inner && (inner["choices"] || isChoice(inner))) read(inner, name);
    else if (value["id"] || value["choices"]) answer.skip("unknown_event");
    else leaveOut(answer, value, name, { isTyped: false });
  };
  return {
    event(value, name) {
      reading.events += 1;
      read(value, name);
    },
    end() {
      thoughts.keep();
      // A document is whole without a word of it.
      if (reading.isMessage && reading.events === 1 && !reading.hasEnd) answer.finish("other");
    },
  };
}

function choiceOf(reading: Reading, value: Fields): Fields | undefined {
  const { choices } = value;
  const all = record(choices);
  if (all && !isChoice(all)) return choiceOf(reading, { choices: Object.values(all) });
  const choice = Array.isArray(choices) ? theChoice(reading, choices) : all;
  // Ollama's own form, and one without choices.
  return choice ?? (isChoice(value) ? value : undefined);
}

function isChoice({ message, delta, response, error }: Fields): boolean {
  if (record(message) ?? record(delta)) return true;
  return typeof response === "string" && !error;
}

function theChoice(reading: Reading, choices: readonly unknown[]): Fields | undefined {
  for (const one of choices) {
    const choice = record(one);
    if (!choice) continue;
    // Gateways to Amazon's models number the blocks of an answer where choices have their number.
    if (choices.length === 1 && !hasWords(choice)) return choice;
    const index = num(choice["index"]) ?? 0;
    reading.index ??= index;
    if (index === reading.index) return choice;
  }
  return undefined;
}

/** Copilot has the words and the calls of one answer in two choices, under one number or none. */
function moreOf(reading: Reading, { choices }: Fields, choice: Fields): readonly Fields[] {
  if (!Array.isArray(choices) || choices.length < 2) return [];
  const others = choices.map(record).filter((other) => other !== undefined);
  return others.filter(
    (other) => other !== choice && (num(other["index"]) ?? 0) === reading.index && !hasWords(other),
  );
}

function hasWords({ delta, message }: Fields): boolean {
  return Boolean((record(delta) ?? record(message))?.["content"]);
}

function readChoice(reading: Reading, choice: Fields, failed: boolean): void {
  const { answer } = reading;
  const { delta, message } = choice;
  const reason = reasonIn(choice);
  const isEnd = reason !== "" || choice["done"] === true || choice["done"] === "true";
  const piece = record(delta) ?? (delta ? { content: delta } : undefined);
  const whole = record(message) ?? (message ? { content: message } : undefined);
  if (piece) readDelta(reading, piece);
  if (whole && (!piece || isEmpty(piece))) readMessage(reading, whole, isEnd);
  reading.isMessage = choice["done"] === undefined && !piece;
  reading.hasEnd ||= isEnd;
  if (!whole && (!piece || isEmpty(piece))) readSlipped(reading, choice, isEnd);
  if (isEnd && !failed) finish(answer, reason === "" ? "stop" : reason, choice);
}

/** Old completions, Ollama's of the same, and fields that slipped out of their delta. */
function readSlipped(reading: Reading, choice: Fields, isEnd: boolean): void {
  const words = ["text", "content", "response"].find((field) => typeof choice[field] === "string");
  if (reading.thoughts.read(choice)) reading.thought = true;
  if (words !== undefined) readDelta(reading, { content: choice[words] });
  if (choice["tool_calls"]) readCalls(reading, choice["tool_calls"], isEnd);
}

/** Alibaba writes "null" as long as there is none. */
function reasonIn(choice: Fields): string {
  const usual = choice["finish_reason"];
  if (usual === null || usual === "") return "";
  // vLLM's stop_reason says beside the usual one which text has ended the answer.
  const inDelta = record(choice["delta"])?.["finish_reason"];
  const others = [choice["finishReason"], choice["done_reason"], choice["stop_reason"], inDelta];
  const told = usual === undefined ? others.find(Boolean) : usual;
  // SGLang's says in an object which text has ended the answer.
  const reason = text(record(told)?.["type"] ?? told);
  return NO_REASON.test(reason) ? "" : reason;
}

const NO_REASON = /^(?:null|none|(?:finish_reason_)?unspecified)$/i;

function isEmpty(delta: Fields): boolean {
  return !delta["content"] && !delta["tool_calls"];
}

function readDelta(reading: Reading, delta: Fields): void {
  const { thoughts } = reading;
  const { text: slipped, tool_calls, toolCalls, function_call, refusal } = delta;
  const content = delta["content"] || (slipped ?? delta["content"]);
  if (thoughts.read(delta)) reading.thought = true;
  if (content !== undefined && content !== null) {
    note(reading, textOf(content));
    readContent(reading, content);
  }
  if (refusal) refuse(reading, text(refusal));
  const calls = tool_calls ?? toolCalls ?? (function_call && [function_call]);
  if (calls) readCalls(reading, calls, false);
}

/** Not the words themselves: they may be many. */
function note(reading: Reading, words: string): void {
  reading.said += words.length;
  const last = reading.saidLast + words;
  reading.saidLast = last.length > 2 * ENOUGH ? last.slice(-ENOUGH) : last;
}

/** To know a text again by its end. */
const ENOUGH = 64;

/** In the place of a delta it has the next words; after deltas, all of them once more. */
function readMessage(reading: Reading, message: Fields, isEnd: boolean): void {
  const { answer, thoughts, said, saidLast, thought, refused } = reading;
  const { content, tool_calls, function_call, refusal } = message;
  if (!thought) thoughts.read(message);
  const whole = said === 0 ? "" : textOf(content);
  if (said === 0) readContent(reading, content ?? "");
  else if (whole.length >= said && whole.slice(0, said).endsWith(saidLast))
    answer.text(whole.slice(said));
  if (refusal && !refused) refuse(reading, text(refusal));
  if (tool_calls || function_call) readCalls(reading, tool_calls ?? [function_call], isEnd);
}

function refuse(reading: Reading, words: string): void {
  reading.refused = true;
  reading.answer.text(words);
  reading.answer.finish("content_filter");
}

function readContent(reading: Reading, content: unknown): void {
  const { answer, thoughts } = reading;
  if (typeof content === "string") {
    answer.text(content);
    return;
  }
  for (const part of Array.isArray(content) ? content : [content]) {
    const fields = record(part);
    const type = text(fields?.["type"]);
    if (fields && /think|reason|thought/.test(type)) thoughts.part(fields);
    else if (fields && /tool|function/.test(type)) readCalls(reading, [fields], false);
    else if (type === "refusal") refuse(reading, text(fields?.["refusal"]));
    else if (type === "" || type.endsWith("text")) answer.text(textOf(part));
    else answer.skip("unknown_block");
  }
}

/** In small letters, as vendors and their imitators put it ("content_filter: SAFETY"). */
const REASONS: readonly (readonly [RegExp, FinishReason | "failed"])[] = [
  [/error|malformed|abort|cancel|insufficient|time_?out/, "failed"],
  [/filter|safety|prohibited|recitation|sensitive|refusal|blocked|toxic/, "content_filter"],
  [/tool|function/, "tool_calls"],
  [/length|max|limit|context_window/, "length"],
  [/stop|eos|end|complete|done/, "stop"],
];

/** In whichever vendor's words. */
export function reasonOf(word: string): FinishReason | "failed" {
  const plain = word.toLowerCase();
  return REASONS.find(([pattern]) => pattern.test(plain))?.[1] ?? "other";
}

function finish(answer: Answer, word: string, choice: Fields): void {
  const reason = reasonOf(word);
  if (reason !== "failed") {
    answer.finish(reason);
    return;
  }
  const native = text(choice["native_finish_reason"]);
  const said = native || (/^error$/i.test(word) ? "" : word);
  answer.fail({ message: `The model failed${said && `: ${said}`}` }, { isEnd: true });
}

export function toUsage(usage: Fields): Usage | undefined {
  const input =
    num(usage["prompt_tokens"]) ?? num(usage["input_tokens"]) ?? num(usage["prompt_eval_count"]);
  const told =
    num(usage["completion_tokens"]) ?? num(usage["output_tokens"]) ?? num(usage["eval_count"]);
  if (input === undefined && told === undefined) return undefined;
  const prompt = record(usage["prompt_tokens_details"]);
  const completion = record(usage["completion_tokens_details"]);
  const read =
    num(prompt?.["cached_tokens"]) ??
    num(usage["prompt_cache_hit_tokens"]) ??
    num(usage["cached_tokens"]);
  const written = num(prompt?.["cache_write_tokens"]) ?? num(usage["cache_creation_input_tokens"]);
  const reasoning = num(completion?.["reasoning_tokens"]) ?? num(usage["reasoning_tokens"]);
  const sum = (input ?? 0) + (told ?? 0) + (reasoning ?? 0);
  // xAI counts it beside the rest.
  const isBeside = reasoning && num(usage["total_tokens"]) === sum;
  const output = (told ?? 0) + (isBeside ? reasoning : 0);
  return normalUsage({ input: input ?? 0, output, read, written, reasoning });
}

/** `input` is the whole prompt; a part that is 0 or unknown is left out. */
export function normalUsage(told: {
  input: number;
  output: number;
  read: number | undefined;
  written: number | undefined;
  reasoning: number | undefined;
}): Usage {
  const { input, output, read, written, reasoning } = told;
  const whole = (tokens: number): number => Math.max(0, Math.round(tokens));
  return {
    input_tokens: whole(input),
    ...(read ? { cache_read_tokens: whole(read) } : {}),
    ...(written ? { cache_write_tokens: whole(written) } : {}),
    output_tokens: whole(output),
    ...(reasoning ? { reasoning_tokens: whole(reasoning) } : {}),
  };
}

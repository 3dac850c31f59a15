// OpenAI's chat completions, and what its many imitators make of them.
// https://platform.openai.com/docs/api-reference/chat-streaming
import type { ConversationMessage, FinishReason, ProviderRequest, Usage } from "../provider.ts";
import { plainSchema } from "../tool-schema.ts";
import type { Answer } from "./answer.ts";
import type { CallPiece } from "./calls.ts";
import type { EventReader, Leave, WireFormat, WireRequest } from "./format.ts";
import { createThoughts, type Thoughts } from "./openai-thoughts.ts";
import { tokenLimit, toSettings } from "./settings.ts";
import { bareError, toldError } from "./told-errors.ts";
import { type Fields, num, record, text, textOf } from "./values.ts";

export const openaiChat: WireFormat = { toRequest, createReader, amend };

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
      ...(limit !== undefined && { max_tokens: limit }),
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
  if (message.role === "user") return { role: "user", content: message.content };
  if (message.role === "tool") {
    return { role: "tool", tool_call_id: message.call_id, content: message.content };
  }
  const { content, tool_calls, thinking } = message;
  if (tool_calls.length === 0) return { role: "assistant", content, ...details() };
  return {
    role: "assistant",
    content: content === "" ? null : content,
    ...(!leave.thinking && Object.assign({}, ...(thinking?.parts ?? []).map(({ data }) => data))),
    tool_calls: tool_calls.map((call) => ({
      id: call.call_id,
      type: "function",
      function: { name: call.tool_name, arguments: JSON.stringify(call.arguments) },
    })),
  };

  /** Thinking in plain words belongs to the calls it led to: without any, some servers refuse it. */
  function details(): Fields {
    const kept = thinking?.parts.find(({ data }) => data["reasoning_details"]);
    return kept && !leave.thinking ? { reasoning_details: kept.data["reasoning_details"] } : {};
  }
}

function amend(said: string, leave: Leave, { messages }: ProviderRequest): Leave | undefined {
  if (!leave.usage && /stream_options|include_usage/i.test(said)) return { ...leave, usage: true };
  const sends = messages.some((message) => message.role === "assistant" && message.thinking);
  if (sends && !leave.thinking && /reasoning|thinking/i.test(said)) {
    return { ...leave, thinking: true };
  }
  return undefined;
}

function createReader(answer: Answer): EventReader {
  const thoughts = createThoughts(answer);

  const choiceOf = (value: Fields): Fields | undefined => {
    const choices = value["choices"];
    const choice = Array.isArray(choices) ? choices.map(record).find(isFirst) : record(choices);
    // Ollama's own form, and one without choices.
    return choice ?? (record(value["message"]) || record(value["delta"]) ? value : undefined);
  };

  return {
    event(raw, name) {
      const value = record(raw);
      if (!value) {
        answer.skip("unknown_event");
        return;
      }
      const choice = choiceOf(value);
      const error = toldError(value, name) ?? (choice && toldError(choice, undefined));
      const counted = value["usage"] ?? choice?.["usage"] ?? value["x_groq"] ?? value;
      const usage = toUsage(record(record(counted)?.["usage"] ?? counted) ?? value);
      if (usage) answer.usage(usage);
      if (choice) readChoice(answer, thoughts, choice);
      if (error !== undefined) answer.fail(error);
      else if (!choice && !usage) skip(value, name);
    },
    end: thoughts.keep,
  };

  function skip(value: Fields, name: string | undefined): void {
    const told = Array.isArray(value["choices"]) ? undefined : bareError(value);
    if (told !== undefined && !value["id"] && !value["choices"]) answer.fail(told);
    else if (Object.keys(value).length === 0) answer.skip("empty");
    else answer.skip(isPing(value, name) ? "ping" : "unknown_event");
  }
}

function isPing(value: Fields, name: string | undefined): boolean {
  return name === "ping" || value["type"] === "ping" || value["type"] === "keepalive";
}

/** Other choices than the first were not asked for. */
function isFirst(choice: Fields | undefined): boolean {
  return choice !== undefined && (num(choice["index"]) ?? 0) === 0;
}

function readChoice(answer: Answer, thoughts: Thoughts, choice: Fields): void {
  const delta = record(choice["delta"]);
  const message = record(choice["message"]);
  if (delta) readDelta(answer, thoughts, delta, false);
  if (message && (!delta || isEmpty(delta))) readDelta(answer, thoughts, message, true);
  // Completions of the old kind.
  if (!delta && !message && typeof choice["text"] === "string") answer.text(choice["text"]);
  const reason = text(choice["finish_reason"]) || text(choice["done_reason"]);
  if (reason !== "") finish(answer, reason, choice);
  else if (choice["done"] === true) finish(answer, "stop", choice);
}

function isEmpty(delta: Fields): boolean {
  return !delta["content"] && !delta["tool_calls"];
}

function readDelta(answer: Answer, thoughts: Thoughts, delta: Fields, whole: boolean): void {
  const { content, tool_calls, function_call, refusal } = delta;
  thoughts.read(delta);
  if (typeof content === "string") answer.text(content);
  else if (content) readParts(answer, thoughts, content);
  if (typeof refusal === "string" && refusal !== "") {
    answer.text(refusal);
    answer.finish("content_filter");
  }
  if (tool_calls || function_call) readCalls(answer, tool_calls ?? [function_call], whole);
}

function readParts(answer: Answer, thoughts: Thoughts, content: unknown): void {
  for (const part of Array.isArray(content) ? content : [content]) {
    const fields = record(part);
    const type = text(fields?.["type"]);
    if (type === "thinking" || type === "reasoning") thoughts.part(fields ?? {});
    else if (type === "refusal") {
      answer.text(text(fields?.["refusal"]));
      answer.finish("content_filter");
    } else if (type === "" || type.endsWith("text")) answer.text(textOf(part));
    else answer.skip("unknown_block");
  }
}

function readCalls(answer: Answer, calls: unknown, whole: boolean): void {
  const pieces: CallPiece[] = [];
  for (const call of Array.isArray(calls) ? calls : [calls]) {
    const fields = record(call);
    if (!fields) continue;
    const asked = record(fields["function"]) ?? record(fields["custom"]) ?? fields;
    const args = toArguments(asked["arguments"] ?? asked["input"] ?? asked["parameters"]);
    const piece = {
      index: num(fields["index"]),
      id: text(fields["id"]),
      name: text(asked["name"]),
      args,
    };
    pieces.push(piece);
  }
  if (whole) answer.calls.settle(pieces);
  // A call without a name is nothing yet: an endless one must end as garbage.
  const characters = whole ? 0 : answer.calls.add(pieces);
  if (characters > 0 || pieces.some(({ name }) => name !== "")) answer.argued(characters);
}

/** As JSON text, in pieces; or at once as an object. */
export function toArguments(args: unknown): string {
  if (typeof args === "string") return args;
  return args === undefined || args === null ? "" : JSON.stringify(args);
}

const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: "stop",
  end_turn: "stop",
  eos: "stop",
  length: "length",
  max_tokens: "length",
  model_length: "length",
  tool_calls: "tool_calls",
  tool_call: "tool_calls",
  function_call: "tool_calls",
  content_filter: "content_filter",
  safety: "content_filter",
  refusal: "content_filter",
  sensitive: "content_filter",
};

function finish(answer: Answer, reason: string, choice: Fields): void {
  const word = reason.toLowerCase();
  if (word === "error" || word === "network_error") {
    answer.fail({ message: text(choice["native_finish_reason"]) || "The model failed" });
    return;
  }
  answer.finish(REASONS[word] ?? "other");
}

export function toUsage(usage: Fields): Usage | undefined {
  const input = num(usage["prompt_tokens"]) ?? num(usage["prompt_eval_count"]);
  const output = num(usage["completion_tokens"]) ?? num(usage["eval_count"]);
  if (input === undefined && output === undefined) return undefined;
  const prompt = record(usage["prompt_tokens_details"]);
  const completion = record(usage["completion_tokens_details"]);
  const read =
    num(prompt?.["cached_tokens"]) ??
    num(usage["prompt_cache_hit_tokens"]) ??
    num(usage["cached_tokens"]);
  const written = num(prompt?.["cache_write_tokens"]) ?? num(usage["cache_creation_input_tokens"]);
  return normalUsage({
    input: input ?? 0,
    output: output ?? 0,
    read,
    written,
    reasoning: num(completion?.["reasoning_tokens"]) ?? num(usage["reasoning_tokens"]),
  });
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

// OpenAI's responses. https://platform.openai.com/docs/api-reference/responses-streaming
import type { ConversationMessage, FinishReason, ProviderRequest, Usage } from "../provider.ts";
import { plainSchema } from "../tool-schema.ts";
import type { Answer } from "./answer.ts";
import type { EventReader, Leave, WireFormat, WireRequest } from "./format.ts";
import { normalUsage, toArguments } from "./openai-chat.ts";
import { tokenLimit, toSettings } from "./settings.ts";
import { bareError, toldError } from "./told-errors.ts";
import { type Fields, list, num, record, text } from "./values.ts";

export const openaiResponses: WireFormat = { toRequest, createReader, amend };

/** Of these the thinking comes as a cipher, if asked for, and must come back with the calls it led to. */
const REASONS_IN_SECRET = /^(?:o\d|gpt-(?:5|6|7)|codex|computer-use)(?!.*-chat)/;

function toRequest(request: ProviderRequest, leave: Leave): WireRequest {
  const { model, system, messages, tools } = request;
  const told = leave.tools ? [] : tools;
  const limit = tokenLimit(request, leave.maxTokens);
  const secret = !leave.thinking && REASONS_IN_SECRET.test(model.split("/").at(-1) ?? "");
  return {
    path: "/responses",
    headers: {},
    body: {
      model,
      ...(system !== "" && { instructions: system }),
      input: messages.flatMap((message) => toItems(message, leave)),
      ...(told.length > 0 && {
        tools: told.map(({ name, description, parameters }) => ({
          type: "function",
          name,
          description,
          parameters: plainSchema(parameters),
          strict: false,
        })),
        tool_choice: "auto",
      }),
      ...(limit !== undefined && { max_output_tokens: limit }),
      ...toSettings(request, { temperature: "temperature", top_p: "top_p" }),
      // The conversation is stored here; OpenAI need not keep a second copy.
      store: false,
      ...(secret && { include: ["reasoning.encrypted_content"] }),
      stream: true,
    },
  };
}

function toItems(message: ConversationMessage, leave: Leave): Fields[] {
  switch (message.role) {
    case "user":
      return [{ role: "user", content: [{ type: "input_text", text: message.content }] }];
    case "tool":
      return [{ type: "function_call_output", call_id: message.call_id, output: message.content }];
    case "assistant": {
      const { content, tool_calls, thinking } = message;
      const items: Fields[] = [];
      let said = 0;
      let called = 0;
      const upTo = (chars: number, count: number): void => {
        const words = content.slice(said, chars);
        if (words !== "") {
          items.push({ role: "assistant", content: [{ type: "output_text", text: words }] });
        }
        for (const { call_id, tool_name, arguments: args } of tool_calls.slice(called, count)) {
          const call = { call_id, name: tool_name, arguments: JSON.stringify(args) };
          items.push({ type: "function_call", ...call });
        }
        said = Math.max(said, chars);
        called = Math.max(called, count);
      };
      for (const part of leave.thinking ? [] : (thinking?.parts ?? [])) {
        upTo(part.text, part.calls);
        items.push(part.data);
      }
      upTo(content.length, tool_calls.length);
      return items;
    }
  }
}

function amend(said: string, leave: Leave): Leave | undefined {
  return !leave.thinking && /encrypted|reasoning/i.test(said)
    ? { ...leave, thinking: true }
    : undefined;
}

interface OpenItem {
  kind: string;
  /** Of its text, in each of its parts, what has been shown. */
  shown: string;
  summaries: string;
  place: number;
}

function createReader(answer: Answer): EventReader {
  const byIndex = new Map<number, OpenItem>();
  const byId = new Map<string, OpenItem>();
  const kept = new Set<OpenItem>();
  let places = 0;

  /** By its place, else by its id: some servers have no place, some a new id in each event. */
  const itemOf = (value: Fields, item: Fields | undefined, kind: string): OpenItem => {
    const index = num(value["output_index"]);
    const id = text(value["item_id"]) || text(item?.["id"]);
    const known =
      index === undefined
        ? (byId.get(id) ?? newest(id, kind))
        : (byIndex.get(index) ?? byId.get(id));
    const open = known ?? { kind, shown: "", summaries: "", place: (places += 1) };
    if (index !== undefined) byIndex.set(index, open);
    if (id !== "") byId.set(id, open);
    if (known === undefined) last = open;
    return open;
  };
  const newest = (id: string, kind: string): OpenItem | undefined =>
    id === "" && last?.kind === kind ? last : undefined;
  let last: OpenItem | undefined;

  /** What the pieces have not brought yet of a text that is whole now. */
  const complete = (item: OpenItem, field: "shown" | "summaries", whole: string): void => {
    const sofar = item[field];
    const rest = whole.startsWith(sofar) ? whole.slice(sofar.length) : sofar === "" ? whole : "";
    if (rest !== "") say(item, field, rest);
  };
  const say = (item: OpenItem, field: "shown" | "summaries", words: string): void => {
    item[field] += words;
    if (field === "shown") answer.text(words);
    else answer.reasoning(words);
  };

  const readCall = (value: Fields, call: Fields, isWhole: boolean): void => {
    const { place } = itemOf(value, call, "function_call");
    const args = toArguments(call["arguments"] ?? call["input"]);
    const name = text(call["name"]);
    const id = text(call["call_id"]) || text(call["id"]);
    const piece = { index: place, id, name, args };
    if (isWhole) answer.calls.settle([piece]);
    else answer.calls.add([piece]);
    answer.argued(isWhole ? 0 : args.length);
  };

  const finishItem = (value: Fields, item: Fields): void => {
    const kind = text(item["type"]);
    if (kind === "message") {
      const open = itemOf(value, item, kind);
      complete(open, "shown", list(item["content"]).map(wordsOf).join(""));
      if (list(item["content"]).some((part) => record(part)?.["type"] === "refusal")) refuse();
    } else if (kind === "reasoning") {
      const open = itemOf(value, item, kind);
      const told = [...list(item["content"]), ...list(item["summary"])];
      if (open.summaries === "") complete(open, "summaries", told.map(wordsOf).join(""));
      if (item["encrypted_content"] && !kept.has(open)) {
        kept.add(open);
        const { status: _status, ...plain } = item;
        answer.keep(plain);
      }
    } else if (kind === "function_call" || kind === "custom_tool_call") {
      readCall(value, item, true);
    } else answer.skip("unknown_block");
  };

  const refuse = (): void => answer.finish("content_filter");

  const finishAll = (response: Fields): void => {
    for (const [index, item] of list(response["output"]).entries()) {
      const fields = record(item);
      if (fields) finishItem({ output_index: index }, fields);
    }
    const usage = record(response["usage"]);
    if (usage) answer.usage(toUsage(usage));
  };

  const readEnd = (response: Fields): void => {
    finishAll(response);
    const why = text(record(response["incomplete_details"])?.["reason"]);
    const status = text(response["status"]);
    if (status === "failed") answer.fail(response["error"] ?? { message: "The response failed" });
    else if (status === "cancelled") answer.fail({ message: "The response was cancelled" });
    else
      answer.finish(status === "incomplete" || why !== "" ? (INCOMPLETE[why] ?? "length") : "stop");
    answer.end();
  };

  const delta = (value: Fields, kind: string, field: "shown" | "summaries"): void => {
    say(itemOf(value, undefined, kind), field, text(value["delta"]));
  };

  const read = (type: string | undefined, value: Fields): void => {
    const response = record(value["response"]) ?? {};
    switch (type) {
      case "response.output_text.delta":
        delta(value, "message", "shown");
        break;
      case "response.refusal.delta":
        delta(value, "message", "shown");
        refuse();
        break;
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
      case "response.reasoning.delta":
        delta(value, "reasoning", "summaries");
        break;
      case "response.reasoning_summary_part.added": {
        const open = itemOf(value, undefined, "reasoning");
        if (open.summaries !== "") say(open, "summaries", "\n\n");
        break;
      }
      case "response.function_call_arguments.delta":
      case "response.custom_tool_call_input.delta":
        readCall(value, { arguments: value["delta"] }, false);
        break;
      case "response.output_item.added": {
        const item = record(value["item"]) ?? {};
        const kind = text(item["type"]);
        const open = itemOf(value, item, kind === "custom_tool_call" ? "function_call" : kind);
        if (kind === "function_call" || kind === "custom_tool_call") readCall(value, item, false);
        else if (kind !== "message" && kind !== "reasoning") answer.skip("unknown_block");
        else if (kind === "message")
          complete(open, "shown", list(item["content"]).map(wordsOf).join(""));
        break;
      }
      case "response.output_item.done":
        finishItem(value, record(value["item"]) ?? {});
        break;
      case "response.completed":
      case "response.done":
        readEnd({ status: "completed", ...response });
        break;
      case "response.incomplete":
        readEnd({ ...response, status: "incomplete" });
        break;
      case "response.failed":
      case "response.cancelled":
      case "response.error":
        readEnd({ ...response, status: type.slice("response.".length).replace("error", "failed") });
        break;
      default:
        if (value["object"] === "response") readEnd(value);
        else if (type !== undefined && QUIET.has(type)) break;
        else skip(type, value);
    }
  };

  const skip = (type: string | undefined, value: Fields): void => {
    const told = type === undefined ? bareError(value) : undefined;
    if (told !== undefined) answer.fail(told);
    else if (Object.keys(value).length === 0) answer.skip("empty");
    else answer.skip(type === "ping" || type === "keepalive" ? "ping" : "unknown_event");
  };

  return {
    event(raw, name) {
      const value = record(raw);
      if (!value) {
        answer.skip("unknown_event");
        return;
      }
      const error = toldError(value, name);
      if (error !== undefined && value["object"] !== "response") answer.fail(error);
      else read(text(value["type"]) || name, value);
    },
    end() {},
  };
}

/** What only repeats what the deltas said. */
const QUIET = new Set([
  ...["response.created", "response.in_progress", "response.queued"],
  ...["response.content_part.added", "response.content_part.done", "response.output_text.done"],
  ...["response.refusal.done", "response.function_call_arguments.done"],
  ...["response.reasoning_summary_text.done", "response.reasoning_summary_part.done"],
  ...["response.reasoning_text.done", "response.custom_tool_call_input.done"],
]);

const INCOMPLETE: Readonly<Record<string, FinishReason>> = {
  max_output_tokens: "length",
  content_filter: "content_filter",
};

function wordsOf(part: unknown): string {
  const fields = record(part);
  return text(fields?.["text"]) || text(fields?.["refusal"]);
}

function toUsage(usage: Fields): Usage | undefined {
  const input = num(usage["input_tokens"]) ?? num(usage["prompt_tokens"]);
  const output = num(usage["output_tokens"]) ?? num(usage["completion_tokens"]);
  if (input === undefined && output === undefined) return undefined;
  const inputs = record(usage["input_tokens_details"]);
  return normalUsage({
    input: input ?? 0,
    output: output ?? 0,
    read: num(inputs?.["cached_tokens"]),
    written: num(inputs?.["cache_write_tokens"]),
    reasoning: num(record(usage["output_tokens_details"])?.["reasoning_tokens"]),
  });
}

// OpenAI's responses. https://platform.openai.com/docs/api-reference/responses-streaming

import type { ConversationMessage, FinishReason, ProviderRequest, Usage } from "../provider.ts";
import { plainSchema } from "../tool-schema.ts";
import type { Answer } from "./answer.ts";
import type { EventReader, Leave, WireFormat, WireRequest } from "./format.ts";
import { interleave } from "./interleave.ts";
import { normalUsage, toArguments } from "./openai-chat.ts";
import { tokenLimit, toSettings } from "./settings.ts";
import { leaveOut, toldError } from "./told-errors.ts";
import { type Fields, list, num, record, text, textOf } from "./values.ts";

export const openaiResponses: WireFormat = {
  toRequest,
  createReader: (answer) => createReader(answer),
  amend,
};

/** In the background: OpenAI makes the answer to its end and keeps its events, whoever listens. */
export const openaiResponsesHeld: WireFormat = {
  toRequest(request, leave) {
    const asked = toRequest(request, leave);
    return { ...asked, body: { ...asked.body, background: true, store: true } };
  },
  createReader: (answer) => createReader(answer, true),
  amend,
  held: {
    headers: {},
    stream(id, after, model) {
      const from = after === undefined ? "" : `&starting_after=${after}`;
      return `${pathOf(id)}?stream=true${from}${included("&", model)}`;
    },
    whole: (id, model) => `${pathOf(id)}${included("?", model)}`,
    cancel: (id) => `${pathOf(id)}/cancel`,
    isRefused: (said) => /\bbackground\b|\bstored?\b|retention/i.test(said),
  },
};

function pathOf(id: string): string {
  return `/responses/${encodeURIComponent(id)}`;
}

/** Who asks for an answer again has to say again what should be in it. */
function included(mark: "?" | "&", model: string): string {
  return reasonsInSecret(model) ? `${mark}include[]=${SECRET}` : "";
}

/** Of these the thinking comes as a cipher, if asked for, and must come back with the calls it led to. */
const REASONS_IN_SECRET = /^(?:o\d|gpt-(?:5|6|7)|codex|computer-use)(?!.*-chat)/;
const SECRET = "reasoning.encrypted_content";

function reasonsInSecret(model: string): boolean {
  return REASONS_IN_SECRET.test(model.split("/").at(-1) ?? "");
}

function toRequest(request: ProviderRequest, leave: Leave): WireRequest {
  const { model, system, messages, tools } = request;
  const told = leave.tools ? [] : tools;
  const limit = tokenLimit(request, leave.maxTokens);
  const secret = !leave.thinking && reasonsInSecret(model);
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
      ...(secret && { include: [SECRET] }),
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
      const calls = tool_calls.map(({ call_id, tool_name, arguments: args }) => ({
        type: "function_call",
        call_id,
        name: tool_name,
        arguments: JSON.stringify(args),
      }));
      return interleave<Fields>(content, calls, leave.thinking ? [] : (thinking?.parts ?? []), {
        words: (text) => [{ role: "assistant", content: text }],
        thought: ({ data }) => [data],
      });
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
  /** Of its text, and of each of its parts, what has been shown. */
  shown: string;
  parts: Map<number, string>;
  summaries: string;
  place: number;
  hasIndex: boolean;
}

/** How an event names its item: at its beginning, in a piece of it, or as it is at its end. */
type Naming = { begins: true } | { begins: false; whole?: string };

/** `holds`: the answer runs in the background, if the server has taken that, and its events have numbers. */
function createReader(answer: Answer, holds = false): EventReader {
  const items: OpenItem[] = [];
  const byIndex = new Map<number, OpenItem>();
  const byId = new Map<string, OpenItem>();
  const kept = new Set<unknown>();

  /** By its place, else by its id: some servers have no place, some a new id in each event. */
  const itemOf = (value: Fields, item: Fields, kind: string, naming: Naming): OpenItem => {
    const index = num(value["output_index"]);
    const id = text(value["item_id"]) || text(item["id"]);
    const known =
      (index === undefined ? undefined : byIndex.get(index)) ??
      byId.get(id) ??
      (naming.begins ? undefined : unnamed(index, kind, naming.whole));
    const open = known ?? newItem(kind);
    open.hasIndex ||= index !== undefined;
    if (index !== undefined) byIndex.set(index, open);
    if (id !== "") byId.set(id, open);
    return open;
  };
  const newItem = (kind: string): OpenItem => {
    const place = items.length + 1;
    const open = { kind, shown: "", parts: new Map(), summaries: "", place, hasIndex: false };
    items.push(open);
    return open;
  };
  const unnamed = (index: number | undefined, kind: string, whole: string | undefined) => {
    const last = items.at(-1);
    if (whole === undefined) {
      return index === undefined && last?.kind === kind ? last : undefined;
    }
    return items.find(
      ({ kind: its, hasIndex, shown }) =>
        its === kind && !hasIndex && shown !== "" && whole.startsWith(shown),
    );
  };

  /** What the pieces have not brought yet of a text that is whole now. */
  const complete = (item: OpenItem, field: "shown" | "summaries", whole: string): void => {
    const sofar = item[field];
    const rest = whole.startsWith(sofar) ? whole.slice(sofar.length) : sofar === "" ? whole : "";
    if (rest !== "") say(item, field, rest);
  };
  const say = (
    item: OpenItem,
    field: "shown" | "summaries",
    words: string,
    value: Fields = {},
  ): void => {
    const part = num(value["content_index"]) ?? 0;
    item[field] += words;
    if (field === "shown") item.parts.set(part, (item.parts.get(part) ?? "") + words);
    if (field === "shown") answer.text(words);
    else answer.reasoning(words);
  };

  /** The same for a part of an item. */
  const completePart = (value: Fields, whole: string): void => {
    const item = itemOf(value, {}, "message", { begins: false });
    const sofar = item.parts.get(num(value["content_index"]) ?? 0) ?? "";
    if (sofar === "" && item.shown.includes(whole)) return;
    if (whole.startsWith(sofar)) say(item, "shown", whole.slice(sofar.length), value);
  };

  const readCall = (value: Fields, call: Fields, how: "begins" | "piece" | "whole"): void => {
    const { place } = itemOf(value, call, "function_call", { begins: how === "begins" });
    const args = toArguments(call["arguments"] ?? call["input"]);
    const name = text(call["name"]);
    const id = text(call["call_id"]) || text(call["id"]);
    const piece = { index: place, id, name, args };
    if (how === "whole") answer.calls.settle([piece]);
    else answer.calls.add([piece]);
    answer.argued(how === "whole" ? 0 : args.length);
  };

  const finishItem = (value: Fields, item: Fields): void => {
    const kind = text(item["type"]);
    if (kind === "message") {
      const whole = contentOf(item["content"]);
      complete(itemOf(value, item, kind, { begins: false, whole }), "shown", whole);
      if (list(item["content"]).some((part) => record(part)?.["type"] === "refusal")) refuse();
    } else if (kind === "reasoning") {
      const open = itemOf(value, item, kind, { begins: true });
      const whole = contentOf(item["content"]) + contentOf(item["summary"]);
      if (open.summaries === "") complete(open, "summaries", whole);
      const cipher = item["encrypted_content"];
      if (cipher && !kept.has(cipher)) {
        kept.add(cipher);
        const { status: _status, ...plain } = item;
        answer.keep(plain);
      }
    } else if (kind === "function_call" || kind === "custom_tool_call") {
      readCall(value, item, "whole");
    } else answer.skip("unknown_block");
  };

  const refuse = (): void => answer.finish("content_filter");

  const finishAll = (response: Fields): void => {
    for (const [index, item] of list(response["output"]).entries()) {
      const fields = record(item);
      if (fields) finishItem({ output_index: index }, fields);
    }
    if (items.length === 0) answer.text(text(response["output_text"]));
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
    say(itemOf(value, {}, kind, { begins: false }), field, textOf(value["delta"]), value);
  };

  const read = (type: string | undefined, value: Fields): void => {
    const response = record(value["response"]) ?? {};
    if (holds && response["background"] !== false) answer.hold(text(response["id"]));
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
        const open = itemOf(value, {}, "reasoning", { begins: false });
        if (open.summaries !== "") say(open, "summaries", "\n\n");
        break;
      }
      case "response.function_call_arguments.delta":
      case "response.custom_tool_call_input.delta":
        readCall(value, { arguments: value["delta"] }, "piece");
        break;
      case "response.function_call_arguments.done":
      case "response.custom_tool_call_input.done":
        readCall(value, { ...value, id: undefined }, "whole");
        break;
      case "response.output_text.done":
        completePart(value, textOf(value["text"]));
        break;
      case "response.content_part.done":
        completePart(value, wordsOf(value["part"]));
        break;
      case "response.output_item.added": {
        const item = record(value["item"]) ?? {};
        const kind = text(item["type"]);
        if (kind === "function_call" || kind === "custom_tool_call") {
          readCall(value, item, "begins");
        } else if (kind === "message" || kind === "reasoning") {
          const open = itemOf(value, item, kind, { begins: true });
          if (kind === "message") complete(open, "shown", contentOf(item["content"]));
        } else answer.skip("unknown_block");
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
        if (value["object"] === "response" || Array.isArray(value["output"])) {
          if (!RUNNING.has(text(value["status"]))) readEnd(value);
        } else if (type !== undefined && QUIET.has(type)) break;
        else leaveOut(answer, value, type, { isTyped: true });
    }
  };

  return {
    event(raw, name) {
      const value = record(raw);
      if (!value) {
        answer.skip("unknown_event");
        return;
      }
      if (holds && !answer.reach(num(value["sequence_number"]) ?? "")) return;
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
  ...["response.content_part.added", "response.refusal.done"],
  ...["response.reasoning_summary_text.done", "response.reasoning_summary_part.done"],
  "response.reasoning_text.done",
]);

/** Of a response that is looked at before its end. */
const RUNNING = new Set(["queued", "in_progress"]);

const INCOMPLETE: Readonly<Record<string, FinishReason>> = {
  max_output_tokens: "length",
  content_filter: "content_filter",
};

function contentOf(content: unknown): string {
  return typeof content === "string" ? content : list(content).map(wordsOf).join("");
}

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

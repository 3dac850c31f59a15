// The events of OpenAI's responses.
// https://platform.openai.com/docs/api-reference/responses-streaming
import type { FinishReason, Usage } from "../../provider.ts";
import type { Answer } from "../answer.ts";
import type { EventReader } from "../format.ts";
import { leaveOut, toldError } from "../told-errors.ts";
import { type Fields, num, record, text, textOf } from "../values.ts";
import { toArguments } from "./openai-calls.ts";
import { normalUsage } from "./openai-chat.ts";

interface OpenItem {
  kind: string;
  /** Of its text, what has been shown. */
  parts: Part[];
  summaries: string;
  place: number;
  hasIndex: boolean;
}

interface Part {
  index: number;
  text: string;
}

type Shown = "text" | "summaries";

/** How an event names its item: at its beginning, in a piece of it, or as it is at its end. */
type Naming = { begins: true } | { begins: false; whole?: string };

interface Reading {
  answer: Answer;
  items: OpenItem[];
  byIndex: Map<number, OpenItem>;
  byId: Map<string, OpenItem>;
  /** The one that was named last, and how. */
  newest: { index: number; id: string; item: OpenItem } | undefined;
  /** Ciphers of thinking. */
  kept: Set<unknown>;
}

/**
 * `holds`: the answer runs in the background, if the server has taken that, and
 * its events have numbers.
 */
export function createReader(answer: Answer, holds = false): EventReader {
  const reading: Reading = {
    answer,
    items: [],
    byIndex: new Map(),
    byId: new Map(),
    kept: new Set(),
    newest: undefined,
  };
  return {
    event(value, name) {
      if (holds && !answer.reach(num(value["sequence_number"]) ?? "")) return;
      const error = toldError(value, name);
      if (error !== undefined && value["object"] !== "response") {
        answer.fail(error);
        return;
      }
      const response = record(value["response"]) ?? {};
      if (holds && response["background"] !== false) answer.hold(text(response["id"]));
      read(reading, text(value["type"]) || name, value, response);
    },
    end() {},
  };
}

function read(reading: Reading, type: string | undefined, value: Fields, response: Fields): void {
  switch (type) {
    case "response.output_text.delta":
      readDelta(reading, value, "message");
      break;
    case "response.refusal.delta":
      readDelta(reading, value, "message");
      refuse(reading);
      break;
    case "response.reasoning_summary_part.added": {
      const open = itemOf(reading, value, {}, "reasoning", { begins: false });
      if (open.summaries !== "") think(reading, open, "\n\n");
      break;
    }
    case "response.function_call_arguments.delta":
    case "response.custom_tool_call_input.delta":
      readCall(reading, value, { arguments: value["delta"] }, "piece");
      break;
    case "response.function_call_arguments.done":
    case "response.custom_tool_call_input.done":
      readCall(reading, value, { ...value, id: undefined }, "whole");
      break;
    case "response.output_text.done":
      completePart(reading, value, textOf(value["text"]));
      break;
    case "response.refusal.done":
      completePart(reading, value, text(value["refusal"]));
      refuse(reading);
      break;
    case "response.content_part.added":
    case "response.content_part.done":
      completePart(reading, value, wordsOf(value["part"]));
      break;
    case "response.output_item.added":
      beginItem(reading, value, record(value["item"]) ?? {});
      break;
    case "response.output_item.done":
      finishItem(reading, value, record(value["item"]) ?? {});
      break;
    case "response.completed":
    case "response.done":
      readEnd(reading, { status: "completed", ...response });
      break;
    case "response.incomplete":
      readEnd(reading, { ...response, status: "incomplete" });
      break;
    case "response.failed":
    case "response.cancelled":
    case "response.error": {
      const status = type.slice("response.".length).replace("error", "failed");
      const error = value["error"] ?? (value["message"] ? value : undefined);
      readEnd(reading, { error, ...response, status });
      break;
    }
    default:
      readOther(reading, type, value);
  }
}

/** Thinking under any of its names, a whole response, and what is nothing of an answer. */
function readOther(reading: Reading, type = "", value: Fields): void {
  if (THINKING.test(type)) readThinking(reading, type, value);
  else if (value["object"] === "response" || Array.isArray(value["output"])) {
    if (!RUNNING.has(text(value["status"]))) readEnd(reading, value);
  } else if (!QUIET.has(type)) leaveOut(reading.answer, value, type, { isTyped: true });
}

/** `reasoning_summary_text`, `reasoning_text`, and older and others' names for the same. */
const THINKING = /^response\.reasoning\w*\.(?:delta|done)$/;

/** To know words again that differ in their blanks. */
const ENOUGH = 20;

function readThinking(reading: Reading, type: string, value: Fields): void {
  if (type.endsWith(".delta")) {
    readDelta(reading, value, "reasoning");
    return;
  }
  const open = itemOf(reading, value, {}, "reasoning", { begins: false });
  const whole = textOf(value["text"] ?? value["part"]);
  // Each part is told again at its end.
  if (!open.summaries.includes(whole.trim().slice(0, ENOUGH))) think(reading, open, whole);
}

function readDelta(reading: Reading, value: Fields, kind: "message" | "reasoning"): void {
  const item = itemOf(reading, value, {}, kind, { begins: false });
  const words = textOf(value["delta"] ?? value["text"]);
  if (kind === "message") say(reading, partAt(item, value), words);
  else think(reading, item, words);
}

/** By its place, else by its id: some servers have no place, some a new id in each event. */
function itemOf(
  reading: Reading,
  value: Fields,
  item: Fields,
  kind: string,
  naming: Naming,
): OpenItem {
  const { byIndex, byId } = reading;
  const index = num(value["output_index"]);
  const id = text(value["item_id"]) || text(item["id"]);
  const { newest } = reading;
  // A word of the item that had the last one.
  if (newest && newest.index === index && newest.id === id) return newest.item;
  const known =
    (index === undefined ? undefined : byIndex.get(index)) ??
    byId.get(id) ??
    (naming.begins ? undefined : unnamed(reading, index, kind, naming.whole));
  const open = known ?? newItem(reading, kind);
  open.hasIndex ||= index !== undefined;
  if (index !== undefined) byIndex.set(index, open);
  if (id !== "") byId.set(id, open);
  if (index !== undefined) reading.newest = { index, id, item: open };
  return open;
}

function newItem({ items }: Reading, kind: string): OpenItem {
  const place = items.length + 1;
  const open = { kind, parts: [], summaries: "", place, hasIndex: false };
  items.push(open);
  return open;
}

function unnamed(
  { items }: Reading,
  index: number | undefined,
  kind: string,
  whole: string | undefined,
): OpenItem | undefined {
  const last = items.at(-1);
  if (whole === undefined) return index === undefined && last?.kind === kind ? last : undefined;
  return items.find((item) => {
    if (item.kind !== kind || item.hasIndex) return false;
    const sofar = shownOf(item);
    return sofar !== "" && whole.startsWith(sofar);
  });
}

function shownOf({ parts }: OpenItem): string {
  return parts.map(({ text: words }) => words).join("");
}

function partAt({ parts }: OpenItem, value: Fields): Part {
  const index = num(value["content_index"]) ?? 0;
  const newest = parts.at(-1);
  if (newest?.index === index) return newest;
  const known = parts.find((part) => part.index === index);
  if (known) return known;
  const part = { index, text: "" };
  parts.push(part);
  return part;
}

function say({ answer }: Reading, part: Part, words: string): void {
  part.text += words;
  answer.text(words);
}

function think({ answer }: Reading, item: OpenItem, words: string): void {
  item.summaries += words;
  answer.reasoning(words);
}

/** What the pieces have not brought yet of a text that is whole now. */
function complete(reading: Reading, item: OpenItem, field: Shown, whole: string): void {
  const sofar = field === "text" ? shownOf(item) : item.summaries;
  const rest = whole.startsWith(sofar) ? whole.slice(sofar.length) : sofar === "" ? whole : "";
  if (rest === "") return;
  if (field === "text") say(reading, item.parts.at(-1) ?? partAt(item, {}), rest);
  else think(reading, item, rest);
}

/** The same for a part of an item. */
function completePart(reading: Reading, value: Fields, whole: string): void {
  if (whole === "") return;
  const item = itemOf(reading, value, {}, "message", { begins: false });
  const part = partAt(item, value);
  if (part.text === "" && shownOf(item).includes(whole)) return;
  if (whole.startsWith(part.text)) say(reading, part, whole.slice(part.text.length));
}

function readCall(
  reading: Reading,
  value: Fields,
  call: Fields,
  how: "begins" | "piece" | "whole",
): void {
  const { answer } = reading;
  const { place } = itemOf(reading, value, call, "function_call", { begins: how === "begins" });
  const args = toArguments(call["arguments"] ?? call["input"]);
  const name = text(call["name"]);
  const id = text(call["call_id"]) || text(call["id"]);
  const piece = { index: place, id, name, args };
  if (how === "whole") answer.calls.settle([piece]);
  else answer.calls.add([piece]);
  answer.argued(how === "whole" ? 0 : args.length);
}

function beginItem(reading: Reading, value: Fields, item: Fields): void {
  const kind = text(item["type"]);
  if (CALLS.has(kind)) readCall(reading, value, item, "begins");
  else if (kind === "message" || kind === "reasoning") {
    const open = itemOf(reading, value, item, kind, { begins: true });
    if (kind === "message") complete(reading, open, "text", contentOf(item["content"]));
  } else reading.answer.skip("unknown_block");
}

const CALLS = new Set(["function_call", "custom_tool_call"]);
/** A part of a content, in the place of the item around it. */
const PARTS = new Set(["output_text", "text", "refusal"]);

function finishItem(reading: Reading, value: Fields, item: Fields): void {
  const kind = text(item["type"]);
  if (PARTS.has(kind)) finishItem(reading, value, { type: "message", content: [item] });
  else if (kind === "message") {
    const whole = contentOf(item["content"]);
    const open = itemOf(reading, value, item, kind, { begins: false, whole });
    complete(reading, open, "text", whole);
    const parts = Array.isArray(item["content"]) ? item["content"] : [];
    if (parts.some((part) => record(part)?.["type"] === "refusal")) refuse(reading);
  } else if (kind === "reasoning") finishThinking(reading, value, item);
  else if (CALLS.has(kind)) readCall(reading, value, item, "whole");
  else reading.answer.skip("unknown_block");
}

function finishThinking(reading: Reading, value: Fields, item: Fields): void {
  const { answer, kept } = reading;
  const open = itemOf(reading, value, item, "reasoning", { begins: true });
  const whole = contentOf(item["content"]) + contentOf(item["summary"]);
  if (open.summaries === "") complete(reading, open, "summaries", whole);
  const cipher = item["encrypted_content"];
  if (!cipher || kept.has(cipher)) return;
  kept.add(cipher);
  const { status: _status, ...plain } = item;
  answer.keep(plain);
}

function refuse({ answer }: Reading): void {
  answer.finish("content_filter");
}

function readEnd(reading: Reading, response: Fields): void {
  const { answer, items } = reading;
  const { output } = response;
  const all = Array.isArray(output) ? output : [output];
  for (const [index, item] of all.entries()) {
    const fields = record(item);
    if (fields) finishItem(reading, { output_index: index }, fields);
  }
  if (items.length === 0) answer.text(text(response["output_text"]));
  const usage = record(response["usage"]);
  if (usage) answer.usage(toUsage(usage));

  const why = text(record(response["incomplete_details"])?.["reason"]);
  const status = text(response["status"]);
  const isCut = status === "incomplete" || why !== "";
  if (status === "failed") answer.fail(response["error"] ?? { message: "The response failed" });
  else if (status === "cancelled") answer.fail({ message: "The response was cancelled" });
  else answer.finish(isCut ? (INCOMPLETE[why] ?? "length") : "stop");
  answer.end();
}

/** What says nothing of its own. */
const QUIET = new Set([
  ...["response.created", "response.in_progress", "response.queued"],
  "response.reasoning_summary_part.done",
]);

/** Of a response that is looked at before its end. */
const RUNNING = new Set(["queued", "in_progress"]);

const INCOMPLETE: Readonly<Record<string, FinishReason>> = {
  max_output_tokens: "length",
  content_filter: "content_filter",
};

function contentOf(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content) ? content.map(wordsOf).join("") : "";
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

// The events of Anthropic's messages.
// https://docs.anthropic.com/en/docs/build-with-claude/streaming
import type { FinishReason, Usage } from "../../provider.ts";
import type { Answer } from "../answer.ts";
import type { EventReader } from "../format.ts";
import { leaveOut, toldError } from "../told-errors.ts";
import { type Fields, list, num, record, text, textOf } from "../values.ts";
import { toArguments } from "./openai-calls.ts";
import { normalUsage, reasonOf } from "./openai-chat.ts";

const REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_calls",
  refusal: "content_filter",
};

/** The server has interrupted itself: given back what it said so far, it goes on. */
const PAUSED = "pause_turn";
const MAX_PAUSES = 10;

const KNOWN_KINDS = new Set(["text", "thinking", "redacted_thinking", "tool_use"]);

interface OpenBlock {
  kind: string;
  /** As it is to be sent back. */
  fields: Record<string, unknown>;
  /** The arguments that it began with, and those that have come in pieces. */
  started: string;
  pieces: string[];
  place: number;
  isClosed: boolean;
}

interface Reading {
  answer: Answer;
  byIndex: Map<number, OpenBlock>;
  /** In their order, over all pauses. */
  blocks: OpenBlock[];
  newest: number;
  /** Of this request, and of those before its pauses. */
  counted: Fields;
  before: Usage | undefined;
  reason: string;
  why: string;
  pauses: number;
  isPaused: boolean;
}

export function createReader(answer: Answer): EventReader {
  const reading: Reading = {
    answer,
    byIndex: new Map(),
    blocks: [],
    newest: 0,
    counted: {},
    before: undefined,
    ...{ reason: "", why: "", pauses: 0, isPaused: false },
  };
  return {
    event(value, name) {
      const error = toldError(value, name);
      if (error === undefined) read(reading, value, name);
      else {
        // The model has ended, only its end mark was still to come.
        if (reading.reason !== "" && reading.reason !== PAUSED) finish(reading);
        answer.fail(error);
      }
    },
    end() {
      for (const index of reading.byIndex.keys()) stop(reading, index);
      // A reason is told when all is said: the end mark after it may be missing.
      if (reading.reason !== "") finish(reading);
    },
    goOn: (body) => (reading.isPaused ? goOn(reading, body) : undefined),
  };
}

function read(reading: Reading, value: Fields, name: string | undefined): void {
  const { answer } = reading;
  const indexOf = (): number => num(value["index"]) ?? reading.newest;
  switch (text(value["type"]) || name) {
    case "content_block_delta":
      change(reading, indexOf(), record(value["delta"]) ?? { text: value["delta"] });
      break;
    case "content_block_start":
      start(
        reading,
        num(value["index"]) ?? reading.newest + 1,
        record(value["content_block"]) ?? {},
      );
      break;
    case "content_block_stop":
      stop(reading, indexOf(), record(value["content_block"]));
      break;
    case "message_start":
      readMessage(reading, record(value["message"]) ?? {});
      break;
    case "message_delta":
      readEnd(reading, value, record(value["delta"]) ?? {});
      break;
    case "message_stop":
      if (reading.blocks.length === 0) readMessage(reading, record(value["message"]) ?? {});
      readEnd(reading, value, {});
      count(reading, fromBedrock(value));
      conclude(reading);
      break;
    case "message":
      readMessage(reading, value);
      conclude(reading);
      break;
    default:
      // A message whose type was left out.
      if (Array.isArray(value["content"]) && value["role"] === "assistant") {
        readMessage(reading, value);
        conclude(reading);
      } else leaveOut(answer, value, name, { isTyped: true });
  }
}

function start(reading: Reading, index: number, block: Fields): void {
  const { answer, byIndex, blocks } = reading;
  const kind = text(block["type"]) || ("text" in block ? "text" : "");
  reading.newest = index;
  stop(reading, index);
  const open: OpenBlock = {
    ...{ kind, fields: { ...block }, started: "", pieces: [], place: blocks.length + 1 },
    isClosed: false,
  };
  byIndex.set(index, open);
  blocks.push(open);
  if (kind === "text") answer.text(textOf(block["text"]));
  else if (kind === "thinking") answer.reasoning(text(block["thinking"]));
  else if (kind === "tool_use") {
    open.started = startOf(block["input"] ?? block["arguments"]);
    const piece = { index: open.place, id: text(block["id"]), name: text(block["name"]) };
    answer.calls.add([{ ...piece, args: "" }]);
    answer.argued(0);
  } else if (kind !== "redacted_thinking") answer.skip("unknown_block");
}

/**
 * Where a delta belongs: at its index, unless only another block can be meant; there are
 * servers that count otherwise.
 */
function blockFor({ byIndex }: Reading, index: number, kind: string): OpenBlock | undefined {
  const at = byIndex.get(index);
  if (at && !KNOWN_KINDS.has(at.kind)) return undefined;
  if (at?.kind === kind && !at.isClosed) return at;
  const same = [...byIndex.values()].filter((block) => block.kind === kind);
  const open = same.findLast(({ isClosed }) => !isClosed);
  return open ?? (at?.kind === kind ? at : same.findLast(({ pieces }) => pieces.length === 0));
}

function change(reading: Reading, index: number, delta: Fields): void {
  const { answer } = reading;
  switch (text(delta["type"]) || kindOf(delta)) {
    case "text_delta": {
      const words = textOf(delta["text"]);
      const block = blockFor(reading, index, "text");
      if (block) append(block, "text", words);
      answer.text(words);
      break;
    }
    case "thinking_delta": {
      const words = text(delta["thinking"] ?? delta["text"]);
      const block = blockFor(reading, index, "thinking");
      if (block) append(block, "thinking", words);
      answer.reasoning(words);
      break;
    }
    case "signature_delta": {
      const block = blockFor(reading, index, "thinking");
      const isLate = block?.isClosed && !block.fields["signature"];
      if (block) append(block, "signature", text(delta["signature"]));
      if (block && isLate) answer.keep(block.fields);
      break;
    }
    case "input_json_delta": {
      const args = toArguments(delta["partial_json"]);
      const block = blockFor(reading, index, "tool_use");
      const other = reading.byIndex.get(index);
      if (block && args !== "") addArguments(answer, block, args);
      else if (args !== "") other?.pieces.push(args);
      break;
    }
    default:
      changeOther(reading, index, delta);
  }
}

/** Of a delta whose type was left out. */
function kindOf(delta: Fields): string {
  if (typeof delta["text"] === "string") return "text_delta";
  if ("thinking" in delta) return "thinking_delta";
  return "partial_json" in delta ? "input_json_delta" : "";
}

/** Citations are for nobody here, but belong to what is sent back. */
function changeOther({ answer, byIndex }: Reading, index: number, delta: Fields): void {
  const block = byIndex.get(index);
  const { citation } = delta;
  if (block && citation) block.fields["citations"] = [...list(block.fields["citations"]), citation];
  answer.skip("unknown_delta");
}

function append({ fields }: OpenBlock, field: string, words: string): void {
  fields[field] = text(fields[field]) + words;
}

function addArguments(answer: Answer, block: OpenBlock, args: string): void {
  block.pieces.push(args);
  answer.calls.add([{ index: block.place, id: "", name: "", args }]);
  answer.argued(args.length);
}

/** `whole` is what some servers tell of a block at its end. */
function stop({ answer, byIndex }: Reading, index: number, whole: Fields = {}): void {
  const block = byIndex.get(index);
  if (!block || block.isClosed) return;
  block.isClosed = true;
  const { kind, fields, pieces, started } = block;
  if (kind === "text") answer.text(restOf(block, "text", whole));
  if (kind === "thinking") {
    answer.reasoning(restOf(block, "thinking", whole));
    fields["signature"] ||= whole["signature"];
  }
  if (kind === "tool_use" && pieces.length === 0) {
    const args = started || startOf(whole["input"]);
    if (args !== "") addArguments(answer, block, args);
  }
  // Thinking without a signature cannot be sent back.
  const isSigned = kind === "thinking" && Boolean(fields["signature"]);
  if (isSigned || kind === "redacted_thinking") answer.keep(fields);
}

/** What the pieces have not brought of it. */
function restOf(block: OpenBlock, field: string, told: Fields): string {
  const sofar = text(block.fields[field]);
  const whole = text(told[field]);
  if (!whole.startsWith(sofar)) return "";
  const rest = whole.slice(sofar.length);
  append(block, field, rest);
  return rest;
}

/** The whole message, in place of its events. */
function readMessage(reading: Reading, message: Fields): void {
  const { content } = message;
  if (typeof content === "string") reading.answer.text(content);
  for (const block of list(content)) {
    const fields = record(block);
    if (!fields) continue;
    start(reading, -1, fields);
    stop(reading, -1);
  }
  count(reading, message["usage"]);
  reading.reason ||= text(message["stop_reason"]);
}

function readEnd(reading: Reading, value: Fields, delta: Fields): void {
  reading.reason = text(delta["stop_reason"] ?? value["stop_reason"]) || reading.reason;
  reading.why ||= text(record(delta["stop_details"])?.["explanation"]);
  count(reading, delta["usage"]);
  count(reading, value["usage"]);
}

function conclude(reading: Reading): void {
  finish(reading);
  reading.answer.end();
}

function finish(reading: Reading): void {
  const { answer, reason, why, pauses } = reading;
  if (reason === PAUSED && pauses < MAX_PAUSES) {
    reading.isPaused = true;
    return;
  }
  const known = REASONS[reason] ?? reasonOf(reason);
  if (known === "failed") {
    answer.fail({ message: `The model failed: ${why || reason}` }, { isEnd: true });
  } else answer.finish(known, why);
}

/** https://docs.anthropic.com/en/docs/build-with-claude/handling-stop-reasons */
function goOn(reading: Reading, body: Record<string, unknown>): Record<string, unknown> {
  for (const index of reading.byIndex.keys()) stop(reading, index);
  reading.byIndex.clear();
  reading.before = sumOf(reading);
  Object.assign(reading, { counted: {}, reason: "", isPaused: false, newest: 0 });
  reading.pauses += 1;
  const content = reading.blocks.filter(canGoBack).map(toContent);
  return { ...body, messages: [...list(body["messages"]), { role: "assistant", content }] };
}

/** Blank texts and thinking without a signature are refused. */
function canGoBack({ kind, fields }: OpenBlock): boolean {
  if (kind === "text") return text(fields["text"]).trim() !== "";
  return kind !== "thinking" || Boolean(fields["signature"]);
}

function toContent({ fields, pieces }: OpenBlock): Fields {
  if (pieces.length === 0) return fields;
  try {
    return { ...fields, input: JSON.parse(pieces.join("")) as unknown };
  } catch {
    return fields;
  }
}

function count(reading: Reading, usage: unknown): void {
  const fields = record(usage);
  if (!fields) return;
  const { counted } = reading;
  // A later 0 only means that the event does not tell it.
  const thought = num(record(fields["output_tokens_details"])?.["thinking_tokens"]);
  const told = Object.entries({ ...fields, thought }).filter(
    ([field, value]) => num(value) !== undefined && (num(value) !== 0 || !counted[field]),
  );
  reading.counted = { ...counted, ...Object.fromEntries(told) };
  reading.answer.usage(sumOf(reading));
}

/** Amazon counts once more, in names of its own. */
function fromBedrock(value: Fields): Fields | undefined {
  const metrics = record(value["amazon-bedrock-invocationMetrics"]);
  return (
    metrics && {
      input_tokens: metrics["inputTokenCount"],
      output_tokens: metrics["outputTokenCount"],
      cache_read_input_tokens: metrics["cacheReadInputTokenCount"],
      cache_creation_input_tokens: metrics["cacheWriteInputTokenCount"],
    }
  );
}

/** What a block began with: nothing, `{}` before its pieces come, or all of it. */
function startOf(input: unknown): string {
  if (typeof input === "string") return input;
  const fields = record(input);
  return fields && Object.keys(fields).length > 0 ? JSON.stringify(fields) : "";
}

/** Each request of a paused answer is billed. */
function sumOf({ counted, before }: Reading): Usage | undefined {
  const now = toUsage(counted);
  if (!before || !now) return now ?? before;
  const sum = (of: (usage: Usage) => number | undefined): number =>
    (of(before) ?? 0) + (of(now) ?? 0);
  return normalUsage({
    input: sum((usage) => usage.input_tokens),
    output: sum((usage) => usage.output_tokens),
    read: sum((usage) => usage.cache_read_tokens),
    written: sum((usage) => usage.cache_write_tokens),
    reasoning: sum((usage) => usage.reasoning_tokens),
  });
}

/** Anthropic counts what the cache gave and took beside the rest of the prompt. */
function toUsage(usage: Fields): Usage | undefined {
  const fresh = num(usage["input_tokens"]);
  const output = num(usage["output_tokens"]);
  const read = num(usage["cache_read_input_tokens"]);
  const written = num(usage["cache_creation_input_tokens"]);
  if (fresh === undefined && output === undefined) return undefined;
  const input = (fresh ?? 0) + (read ?? 0) + (written ?? 0);
  return normalUsage({
    input,
    output: output ?? 0,
    read,
    written,
    reasoning: num(usage["thought"]),
  });
}

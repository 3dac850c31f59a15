// Anthropic's messages. https://docs.anthropic.com/en/docs/build-with-claude/streaming

import type { ConversationMessage, FinishReason, ProviderRequest, Usage } from "../provider.ts";
import { plainSchema } from "../tool-schema.ts";
import type { Answer } from "./answer.ts";
import { largestOutput, lowerLimit } from "./anthropic-limits.ts";
import type { EventReader, Leave, WireFormat, WireRequest } from "./format.ts";
import { interleave } from "./interleave.ts";
import { normalUsage, toArguments } from "./openai-chat.ts";
import { tokenLimit, toSettings } from "./settings.ts";
import { leaveOut, toldError } from "./told-errors.ts";
import { type Fields, num, record, text, textOf } from "./values.ts";

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
 * Four at most: the tools, the instructions, the newest message and the one that was newest the last time. What is before
 * a mark is read from the cache at a tenth of its price; the mark before last is what the last step has written.
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
      return message.content.trim() === "" ? [] : [{ type: "text", text: message.content }];
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

const REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  tool_use: "tool_calls",
  refusal: "content_filter",
};

const KNOWN_KINDS = new Set(["text", "thinking", "redacted_thinking", "tool_use"]);

interface OpenBlock {
  kind: string;
  fields: Record<string, unknown>;
  /** Whether its arguments have come in pieces, beside those it began with. */
  started: string;
  pieces: number;
  place: number;
  isClosed: boolean;
}

function createReader(answer: Answer): EventReader {
  const blocks = new Map<number, OpenBlock>();
  let counted: Fields = {};
  let newest = 0;
  let places = 0;

  const start = (index: number, block: Fields): void => {
    const kind = text(block["type"]);
    newest = index;
    stop(index);
    const open: OpenBlock = {
      ...{ kind, fields: { ...block }, started: "", pieces: 0, place: (places += 1) },
      isClosed: false,
    };
    blocks.set(index, open);
    if (kind === "text") answer.text(textOf(block["text"]));
    else if (kind === "thinking") answer.reasoning(text(block["thinking"]));
    else if (kind === "tool_use") {
      open.started = startOf(block["input"]);
      const piece = { index: open.place, id: text(block["id"]), name: text(block["name"]) };
      answer.calls.add([{ ...piece, args: "" }]);
      answer.argued(0);
    } else if (kind !== "redacted_thinking") answer.skip("unknown_block");
  };

  /** Where a delta belongs: at its index, unless only another block can be meant; there are servers that count otherwise. */
  const blockFor = (index: number, kind: string): OpenBlock | undefined => {
    const at = blocks.get(index);
    if (at && !KNOWN_KINDS.has(at.kind)) return undefined;
    const same = [...blocks.values()].filter((block) => block.kind === kind);
    if (at?.kind === kind && !at.isClosed) return at;
    const open = same.findLast(({ isClosed }) => !isClosed);
    return open ?? (at?.kind === kind ? at : same.findLast(({ pieces }) => pieces === 0));
  };

  const change = (index: number, delta: Fields): void => {
    switch (text(delta["type"])) {
      case "text_delta":
        answer.text(textOf(delta["text"]));
        break;
      case "thinking_delta": {
        const words = text(delta["thinking"]);
        const block = blockFor(index, "thinking");
        if (block) block.fields["thinking"] = text(block.fields["thinking"]) + words;
        answer.reasoning(words);
        break;
      }
      case "signature_delta": {
        const block = blockFor(index, "thinking");
        const { signature } = block?.fields ?? {};
        if (block) block.fields["signature"] = text(signature) + text(delta["signature"]);
        // One that comes late.
        if (block?.isClosed && !signature) answer.keep(block.fields);
        break;
      }
      case "input_json_delta": {
        const block = blockFor(index, "tool_use");
        const args = toArguments(delta["partial_json"]);
        if (block && args !== "") addArguments(block, args);
        break;
      }
      default:
        answer.skip("unknown_delta");
    }
  };

  const addArguments = (block: OpenBlock, args: string): void => {
    block.pieces += 1;
    answer.calls.add([{ index: block.place, id: "", name: "", args }]);
    answer.argued(args.length);
  };

  /** `whole` is what some servers tell of a block at its end. */
  const stop = (index: number, whole?: Fields): void => {
    const block = blocks.get(index);
    if (!block || block.isClosed) return;
    block.isClosed = true;
    if (block.kind === "tool_use" && block.pieces === 0) {
      const args = block.started || startOf(whole?.["input"]);
      if (args !== "") answer.calls.add([{ index: block.place, id: "", name: "", args }]);
    }
    // Thinking without a signature cannot be sent back.
    const isSigned = block.kind === "thinking" && Boolean(block.fields["signature"]);
    if (isSigned || block.kind === "redacted_thinking") answer.keep(block.fields);
  };

  const indexOf = (value: Fields): number => num(value["index"]) ?? newest;

  const count = (usage: unknown): void => {
    const fields = record(usage);
    if (!fields) return;
    // A later 0 only means that the event does not tell it.
    const thought = num(record(fields["output_tokens_details"])?.["thinking_tokens"]);
    const told = Object.entries({ ...fields, thought }).filter(
      ([field, value]) => num(value) !== undefined && (num(value) !== 0 || !counted[field]),
    );
    counted = { ...counted, ...Object.fromEntries(told) };
    answer.usage(toUsage(counted));
  };

  let reason = "";
  let why = "";
  const finish = (): void => answer.finish(REASONS[reason] ?? "other", why);

  /** The whole message, in place of its events. */
  const readMessage = (message: Fields): void => {
    const content = message["content"];
    if (typeof content === "string") answer.text(content);
    for (const block of Array.isArray(content) ? content : []) {
      const fields = record(block);
      if (!fields) continue;
      start(-1, fields);
      stop(-1);
    }
    count(message["usage"]);
    reason ||= text(message["stop_reason"]);
  };

  return {
    event(raw, name) {
      const value = record(raw);
      if (!value) {
        answer.skip("unknown_event");
        return;
      }
      const error = toldError(value, name);
      if (error !== undefined) {
        answer.fail(error);
        return;
      }
      switch (text(value["type"]) || name) {
        case "content_block_delta":
          change(
            indexOf(value),
            record(value["delta"]) ?? { type: "text_delta", text: value["delta"] },
          );
          break;
        case "content_block_start":
          start(num(value["index"]) ?? newest + 1, record(value["content_block"]) ?? {});
          break;
        case "content_block_stop":
          stop(indexOf(value), record(value["content_block"]));
          break;
        case "message_start":
          readMessage(record(value["message"]) ?? {});
          break;
        case "message_delta":
          reason = text(record(value["delta"])?.["stop_reason"] ?? value["stop_reason"]) || reason;
          why = text(record(record(value["delta"])?.["stop_details"])?.["explanation"]);
          count(value["usage"]);
          break;
        case "message_stop":
          if (places === 0) readMessage(record(value["message"]) ?? {});
          finish();
          answer.end();
          break;
        case "message":
          readMessage(value);
          finish();
          answer.end();
          break;
        default:
          leaveOut(answer, value, name, { isTyped: true });
      }
    },
    end() {
      for (const index of blocks.keys()) stop(index);
      // A reason is told when all is said: the end mark after it may be missing.
      if (reason !== "") finish();
    },
  };
}

/** What a block began with: nothing, `{}` before its pieces come, or all of it. */
function startOf(input: unknown): string {
  if (typeof input === "string") return input;
  const fields = record(input);
  return fields && Object.keys(fields).length > 0 ? JSON.stringify(fields) : "";
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

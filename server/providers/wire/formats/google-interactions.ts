// Google's Interactions, for answers that Google holds.
// https://ai.google.dev/gemini-api/docs/interactions/streaming

import type { ConversationMessage, FinishReason, ProviderRequest, Usage } from "../../provider.ts";
import { plainSchema } from "../../tool-schema.ts";
import type { Answer } from "../answer.ts";
import type { EventReader, Leave, WireFormat, WireRequest } from "../format.ts";
import { interleave } from "../interleave.ts";
import { attachedTo, toSettings } from "../request-parts.ts";
import { toldError } from "../told-errors.ts";
import { type Fields, list, num, record, text, textOf } from "../values.ts";
import { toArguments } from "./openai-calls.ts";
import { normalUsage } from "./openai-chat.ts";

/** The form of the events that is read here. */
const REVISION = { "api-revision": "2026-05-20" };

export const googleInteractions: WireFormat = {
  toRequest,
  createReader,
  held: {
    headers: REVISION,
    stream(id, after) {
      const from = after === undefined ? "" : `&last_event_id=${encodeURIComponent(after)}`;
      return `${pathOf(id)}?stream=true${from}`;
    },
    whole: pathOf,
    cancel: (id) => `${pathOf(id)}/cancel`,
    // What is refused here may be taken by generateContent, which more models and servers know.
    isRefused: (said) => !/\btokens?\b|too (?:long|large)|safety|billing/i.test(said),
  },
};

function pathOf(id: string): string {
  return `/interactions/${encodeURIComponent(id)}`;
}

function toRequest(request: ProviderRequest, leave: Leave): WireRequest {
  const { model, system, messages, tools } = request;
  const told = leave.tools ? [] : tools;
  const generation_config = toSettings(request, {
    temperature: "temperature",
    top_p: "top_p",
    max_output_tokens: "max_output_tokens",
    stop: "stop_sequences",
    seed: "seed",
    presence_penalty: "presence_penalty",
    frequency_penalty: "frequency_penalty",
  });
  return {
    path: "/interactions",
    headers: REVISION,
    body: {
      model,
      ...(system !== "" && { system_instruction: system }),
      input: messages.flatMap(toSteps),
      ...(told.length > 0 && {
        tools: told.map(({ name, description, parameters }) => ({
          type: "function",
          name,
          description,
          parameters: plainSchema(parameters),
        })),
      }),
      ...(Object.keys(generation_config).length > 0 && { generation_config }),
      stream: true,
      store: true,
      background: true,
    },
  };
}

function toSteps(message: ConversationMessage): Fields[] {
  switch (message.role) {
    case "user":
      return toUserInput(message);
    case "tool": {
      const { call_id, tool_name, content } = message;
      return [{ type: "function_result", call_id, name: tool_name, result: content }];
    }
    case "assistant": {
      const { content, tool_calls, thinking } = message;
      const calls = tool_calls.map(({ call_id, tool_name, arguments: args }) => ({
        type: "function_call",
        id: call_id,
        name: tool_name,
        arguments: args,
      }));
      return interleave<Fields>(content, calls, thinking?.parts ?? [], {
        words: (words) => [{ type: "model_output", content: [{ type: "text", text: words }] }],
        thought: ({ data }) => {
          // As generateContent has it, a signature stands at a part.
          const signature = data["thoughtSignature"];
          if (data["type"] === "thought") return [data];
          return signature === undefined ? [] : [{ type: "thought", signature }];
        },
      });
    }
  }
}

function toUserInput(message: Extract<ConversationMessage, { role: "user" }>): Fields[] {
  const content: Fields[] = attachedTo(message).map(({ type, media_type, data }) => ({
    type: type === "image" ? "image" : "document",
    mime_type: media_type,
    data,
  }));
  if (message.content !== "") content.push({ type: "text", text: message.content });
  return content.length === 0 ? [] : [{ type: "user_input", content }];
}

interface OpenStep {
  kind: string;
  signature: string;
  summary: string;
  /** Of a call: what its beginning had, and whether pieces of its arguments have come. */
  begun: string;
  inPieces: boolean;
  isKept: boolean;
}

const RUNNING = new Set(["queued", "in_progress"]);

const REASONS: Readonly<Record<string, FinishReason>> = {
  completed: "stop",
  requires_action: "tool_calls",
  incomplete: "length",
  budget_exceeded: "length",
};

/** What the steps of an answer bring, in pieces, and what is missing of them when it is whole. */
function createSteps(answer: Answer) {
  const steps = new Map<number, OpenStep>();
  let shown = "";
  let thought = "";

  const stepAt = (value: Fields, kind: string): OpenStep => {
    const index = num(value["index"]) ?? -1;
    const known = steps.get(index);
    if (known) return known;
    const step = { kind, signature: "", summary: "", begun: "", inPieces: false, isKept: false };
    steps.set(index, step);
    return step;
  };
  const say = (words: string): void => {
    shown += words;
    answer.text(words);
  };
  const think = (step: OpenStep, words: string): void => {
    step.summary += words;
    thought += words;
    answer.reasoning(words);
  };
  const call = (value: Fields, piece: { id?: string; name?: string; args: string }): void => {
    const { id = "", name = "", args } = piece;
    answer.calls.add([{ index: num(value["index"]), id, name, args }]);
    answer.argued(args.length);
  };

  const begin = (value: Fields): void => {
    const told = record(value["step"]) ?? {};
    const kind = text(told["type"]);
    const step = stepAt(value, kind);
    step.kind = kind;
    if (kind === "model_output") say(textOf(told["content"]));
    else if (kind === "thought") {
      step.signature += text(told["signature"]);
      think(step, textOf(told["summary"]));
    } else if (kind === "function_call") {
      step.begun = argumentsOf(told);
      call(value, { id: text(told["id"]), name: text(told["name"]), args: "" });
    } else answer.skip("unknown_block");
  };
  const goOn = (value: Fields): void => {
    const delta = record(value["delta"]) ?? {};
    switch (delta["type"]) {
      case "text":
        say(text(delta["text"]));
        break;
      case "thought_summary":
        think(stepAt(value, "thought"), textOf(delta["content"]));
        break;
      case "thought_signature":
        stepAt(value, "thought").signature += text(delta["signature"]);
        break;
      case "arguments_delta":
        stepAt(value, "function_call").inPieces = true;
        call(value, { args: toArguments(delta["arguments"]) });
        break;
      default:
        answer.skip("unknown_delta");
    }
  };
  const stop = (value: Fields): void => {
    const step = stepAt(value, "");
    if (step.kind === "thought") keep(step);
    else if (step.kind === "function_call" && !step.inPieces && step.begun !== "") {
      step.inPieces = true;
      call(value, { args: step.begun });
    }
  };
  const keep = (step: OpenStep): void => {
    if (step.signature === "" || step.isKept) return;
    step.isKept = true;
    const { signature, summary } = step;
    const told = summary === "" ? {} : { summary: [{ type: "text", text: summary }] };
    answer.keep({ type: "thought", signature, ...told });
  };

  /** What the pieces have not brought of an answer that is whole now. */
  const complete = (whole: readonly Fields[]): void => {
    const of = (kind: string): Fields[] => whole.filter(({ type }) => type === kind);
    const thoughts = of("thought");
    const summary = thoughts.map((step) => textOf(step["summary"])).join("");
    if (summary.startsWith(thought)) answer.reasoning(summary.slice(thought.length));
    const kept = [...steps.values()].filter(({ isKept }) => isKept).map((step) => step.signature);
    for (const step of thoughts) {
      const signature = text(step["signature"]);
      if (signature !== "" && !kept.includes(signature)) answer.keep({ ...step });
    }
    const words = of("model_output").map((step) => textOf(step["content"]));
    if (words.join("").startsWith(shown)) say(words.join("").slice(shown.length));
    const calls = of("function_call").map((step) => {
      return { id: text(step["id"]), name: text(step["name"]), args: argumentsOf(step) };
    });
    if (calls.length > 0) answer.calls.settle(calls);
    answer.argued(0);
  };
  return { begin, goOn, stop, complete };
}

function createReader(answer: Answer): EventReader {
  const steps = createSteps(answer);
  const finish = (told: Fields): void => {
    steps.complete(list(told["steps"]).map((step) => record(step) ?? {}));
    answer.usage(toUsage(record(told["usage"]) ?? {}));
    const status = text(told["status"]);
    if (status === "failed" || status === "cancelled") {
      answer.fail(told["error"] ?? { message: `The interaction was ${status}` });
    } else answer.finish(REASONS[status] ?? "other");
    answer.end();
  };

  const read = (kind: string, value: Fields): void => {
    const told = record(value["interaction"]) ?? {};
    answer.hold(text(told["id"]) || text(value["interaction_id"]));
    switch (kind) {
      case "interaction.created":
        break;
      case "interaction.status_update":
        if (text(value["status"]) === "cancelled") answer.fail({ message: "It was cancelled" });
        break;
      case "step.start":
        steps.begin(value);
        break;
      case "step.delta":
        steps.goOn(value);
        break;
      case "step.stop":
        steps.stop(value);
        break;
      case "interaction.completed":
        finish({ status: "completed", ...told });
        break;
      default:
        if (value["object"] === "interaction" && !RUNNING.has(text(value["status"]))) {
          finish(value);
        } else answer.skip(Object.keys(value).length === 0 ? "empty" : "unknown_event");
    }
  };

  return {
    event(value, name) {
      answer.reach(text(value["event_id"]));
      const kind = text(value["event_type"]) || name || "";
      const isDocument = value["object"] === "interaction";
      const error = toldError(value, name);
      if (error !== undefined && !isDocument) answer.fail(error);
      else read(kind, value);
    },
    end() {},
  };
}

/** "": none, or an object without anything in it, which pieces fill. */
function argumentsOf(step: Fields): string {
  const args = toArguments(step["arguments"]);
  return args === "{}" ? "" : args;
}

function toUsage(usage: Fields): Usage | undefined {
  const input = num(usage["total_input_tokens"]);
  const output = num(usage["total_output_tokens"]);
  const thoughts = num(usage["total_thought_tokens"]);
  if (input === undefined && output === undefined) return undefined;
  return normalUsage({
    input: (input ?? 0) + (num(usage["total_tool_use_tokens"]) ?? 0),
    output: (output ?? 0) + (thoughts ?? 0),
    read: num(usage["total_cached_tokens"]),
    written: undefined,
    reasoning: thoughts,
  });
}

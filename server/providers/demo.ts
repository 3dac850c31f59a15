import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import type { Tool } from "../domain/tools.ts";
import { SAMPLING_FIELDS } from "../protocol/sampling.ts";
import { DEMO_ANSWERS, type DemoTopic, RUSSIAN_NOTE, topicOf } from "./demo-answers.ts";
import type { ConversationMessage, Provider, ProviderEvent, ProviderRequest } from "./provider.ts";

/** About 60 words a second: quick to read along, slow enough to see it stream. */
const DEMO_DELTA_MS = 16;
/** Without a pace, how many deltas are given before others get a turn of the event loop. */
const UNPACED_BURST = 32;
const COUNT_TOOL = "demo_word_count";

export const DEMO_TOOLS: readonly Tool[] = [
  {
    name: COUNT_TOOL,
    description: "Counts the words of a text. Belongs to the demo model; changes nothing.",
    parameters: {
      type: "object",
      properties: { text: { type: "string", description: "The text to count" } },
      required: ["text"],
      additionalProperties: false,
    },
    kind: "other",
    rule: "ask",
    run: (args) => runDemoTool(COUNT_TOOL, args),
  },
];

/**
 * The result that the demo model reads. Throws a plain Error for a tool or
 * arguments it does not know.
 */
export function runDemoTool(name: string, args: Record<string, unknown>): string {
  if (name !== COUNT_TOOL) throw new Error(`The demo has no tool called ${name}`);
  const text = args["text"];
  if (typeof text !== "string") throw new Error("text: must be a string");
  return String(wordsOf(text).length);
}

export interface DemoOptions {
  /** Between two deltas; 0 gives them as fast as they are taken. */
  deltaMs?: number | undefined;
}

/** A model that plays scripts: the same message always gets the same answer, offline. */
export function createDemoProvider({ deltaMs = DEMO_DELTA_MS }: DemoOptions = {}): Provider {
  return {
    name: "demo",
    tools: DEMO_TOOLS,
    takes: SAMPLING_FIELDS,
    async *stream(request, signal) {
      const { max_output_tokens = Number.POSITIVE_INFINITY, stop = [] } = request.sampling ?? {};
      let output = 0;
      let isCut = false;
      let { begun = "" } = request;
      for (const event of play(request)) {
        if (isCut) break;
        if (event.type !== "text") {
          yield [event];
          continue;
        }
        const said = beforeStop(event.text, stop);
        isCut = said.length < event.text.length;
        const isStored = begun !== "" && said.startsWith(begun.slice(0, said.length));
        const rest = isStored ? said.slice(begun.length) : said;
        if (isStored) begun = begun.slice(said.length);
        for (const text of deltasOf(rest)) {
          if (output >= max_output_tokens) {
            yield [{ type: "finish", reason: "length", usage: usageOf(request, output) }];
            return;
          }
          await pause(deltaMs, output, signal);
          output += 1;
          yield [{ type: "text", text }];
        }
      }
      signal.throwIfAborted();
      const reason = wantsTool(request) && !isCut ? "tool_calls" : "stop";
      yield [{ type: "finish", reason, usage: usageOf(request, output) }];
    },
  };
}

function* play(request: ProviderRequest): Generator<ProviderEvent> {
  const last = request.messages.at(-1);
  if (last?.role === "tool") {
    yield { type: "text", text: DEMO_ANSWERS.after_tool(last.content) };
    return;
  }
  const question = questionOf(last);
  const topic = topicFor(request);
  const note = /\p{Script=Cyrillic}/u.test(question) ? RUSSIAN_NOTE : "";
  yield { type: "text", text: note + DEMO_ANSWERS[topic](question) };
  if (topic === "tool") {
    yield {
      type: "tool_call",
      call_id: `demo_call_${request.messages.length}`,
      tool_name: COUNT_TOOL,
      arguments: { text: question },
    };
  }
  if (topic === "agent") {
    yield { type: "switch_agent", to_agent: "coder", reason: "The message asks for another agent" };
    yield { type: "text", text: DEMO_ANSWERS.after_switch(question) };
  }
}

/** A client that offers no tools (OpenAI's API) gets an answer without one. */
function topicFor(request: ProviderRequest): DemoTopic {
  const topic = topicOf(questionOf(request.messages.at(-1)));
  const hasTool = request.tools.some((tool) => tool.name === COUNT_TOOL);
  return topic === "tool" && !hasTool ? "welcome" : topic;
}

function wantsTool(request: ProviderRequest): boolean {
  return request.messages.at(-1)?.role !== "tool" && topicFor(request) === "tool";
}

/** What the person typed, without the pieces of the editor that go before it. */
function questionOf(message: ConversationMessage | undefined): string {
  const content = message?.content ?? "";
  const end = content.lastIndexOf("</context>");
  return (end < 0 ? content : content.slice(end + "</context>".length)).trim();
}

async function pause(deltaMs: number, sent: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (deltaMs > 0) {
    await delay(deltaMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  } else if (sent % UNPACED_BURST === 0) {
    await nextTurn();
    signal.throwIfAborted();
  }
}

/** Up to the first of the texts that end an answer. */
function beforeStop(text: string, stop: readonly string[]): string {
  const found = stop.map((end) => text.indexOf(end)).filter((at) => at >= 0);
  return found.length === 0 ? text : text.slice(0, Math.min(...found));
}

function usageOf(request: ProviderRequest, output_tokens: number) {
  return { input_tokens: countInput(request), output_tokens };
}

function deltasOf(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

function wordsOf(text: string): string[] {
  return text.match(/\S+/g) ?? [];
}

function countInput(request: ProviderRequest): number {
  const texts = [request.system, ...request.messages.map((message) => message.content)];
  return texts.reduce((sum, text) => sum + wordsOf(text).length, 0);
}

import type { ConversationMessage, ProviderEvent, ProviderRequest, ToolCall } from "./provider.ts";
import type { VendorName } from "./vendors.ts";
import type { Leave } from "./wire/format.ts";

/**
 * The conversation as any vendor takes it. Calls of tools that the model is not told of (the
 * session had another agent or model then) become plain text, with their results: some vendors
 * refuse a history with calls of unknown tools. Thinking of another model stays here: it is of
 * no use there, or refused.
 */
export function toConversation(request: ProviderRequest, vendor: VendorName): ProviderRequest {
  const told = new Set(request.tools.map((tool) => tool.name));
  const own = withoutForeignThinking(request.messages, `${vendor}/${request.model}`);
  const plain = vendor === "openai-compatible" || vendor === "ollama" ? CHAT_ID : PLAIN_ID;
  return { ...request, messages: withPlainIds(withoutStrangers(own, told), plain) };
}

type UserMessage = Extract<ConversationMessage, { role: "user" }>;

function withoutForeignThinking(messages: readonly ConversationMessage[], model: string) {
  return messages.map((message) => {
    if (message.role !== "assistant" || !message.thinking) return message;
    const { thinking, ...rest } = message;
    return thinking.model === model ? message : rest;
  });
}

/**
 * What every vendor takes; Anthropic knows no dots and colons, OpenAI's chat
 * format no more characters.
 */
const PLAIN_ID = /^[A-Za-z0-9_-]{1,40}$/;
/** Kimi's models are told their own ids as they gave them: `functions.read_file:0`. */
const CHAT_ID = /^[!-~]{1,40}$/;

/** Another vendor's ids of calls become plain ones, each the same for its call and its result. */
function withPlainIds(
  messages: readonly ConversationMessage[],
  isPlain: RegExp,
): ConversationMessage[] {
  const plain = new Map<string, string>();
  const toPlain = (id: string): string => {
    if (isPlain.test(id)) return id;
    const known = plain.get(id) ?? `call-${plain.size + 1}-of-another-model`;
    plain.set(id, known);
    return known;
  };
  return messages.map((message) => {
    if (message.role === "tool") return { ...message, call_id: toPlain(message.call_id) };
    if (message.role !== "assistant") return message;
    const tool_calls = message.tool_calls.map((call) => ({
      ...call,
      call_id: toPlain(call.call_id),
    }));
    return { ...message, tool_calls };
  });
}

/**
 * An answer with a call of an unknown tool becomes plain as a whole, and so do the
 * results of all its calls.
 */
function withoutStrangers(
  messages: readonly ConversationMessage[],
  told: ReadonlySet<string>,
): ConversationMessage[] {
  const kept: ConversationMessage[] = [];
  let plain = new Set<string>();
  const addUser = (message: UserMessage): void => {
    const last = kept.at(-1);
    if (last?.role === "user") kept[kept.length - 1] = joined(last, message);
    else kept.push(message);
  };
  for (const message of messages) {
    switch (message.role) {
      case "user":
        addUser(withNames(message));
        break;
      case "tool":
        if (plain.has(message.call_id)) {
          addUser({
            role: "user",
            content: `[Result of ${message.tool_name}: ${message.content}]`,
          });
        } else kept.push(message);
        break;
      case "assistant": {
        const { tool_calls } = message;
        plain = new Set();
        if (tool_calls.every((call) => told.has(call.tool_name))) {
          kept.push(message);
          break;
        }
        for (const { call_id } of tool_calls) plain.add(call_id);
        const texts = [message.content, ...tool_calls.map(describeCall)].filter(Boolean);
        kept.push({ role: "assistant", content: texts.join("\n\n"), tool_calls: [] });
        break;
      }
      default:
        message satisfies never;
    }
  }
  return kept;
}

function joined(first: UserMessage, second: UserMessage): UserMessage {
  const attachments = [...(first.attachments ?? []), ...(second.attachments ?? [])];
  return {
    role: "user",
    content: `${first.content}\n\n${second.content}`,
    ...(attachments.length > 0 && { attachments }),
  };
}

/** What is attached and not sent is named, so that the model knows that there was something. */
function withNames(message: UserMessage): UserMessage {
  const { attachments = [], content } = message;
  const named = attachments
    .filter(({ data }) => data === undefined)
    .map(
      ({ type, name }) =>
        `[A ${type === "image" ? "picture" : "PDF"} was attached here that you are not shown: ${name}]`,
    );
  if (named.length === 0) return message;
  return { ...message, content: [content, ...named].filter(Boolean).join("\n\n") };
}

function describeCall({ tool_name, arguments: args }: ToolCall): string {
  return `[Called ${tool_name} with ${JSON.stringify(args)}]`;
}

// An answer in whose middle its companion went away is asked for again: a model that can goes on
// behind its first words as if they were still its own (prefill), any other is told to.

const GO_ON =
  "[Your answer above was cut off by a fault. Go on with it from exactly where it stops, beginning with the very next character: repeat nothing, and say nothing of the interruption. If nothing is missing, say nothing.]";

/** Models that go on with a conversation that ends with their own words; later ones refuse it. */
const PREFILLED =
  /^anthropic\/claude-(?:[123]|instant|(?:haiku|opus|sonnet)-4(?:-[0-5])?(?:-\d{6,}|$))/;

export function isPrefilled({ begun, model }: ProviderRequest, vendor: string, leave: Leave) {
  return Boolean(begun?.trim()) && !leave.prefill && PREFILLED.test(`${vendor}/${model}`);
}

/** The conversation that ends with the answer's first words, if it has any. */
export function withBegun(request: ProviderRequest, prefilled: boolean): ProviderRequest {
  const { begun = "", messages } = request;
  if (begun.trim() === "") return request;
  // A blank at the end of the last message is refused.
  const content = prefilled ? begun.trimEnd() : begun;
  const said: ConversationMessage[] = [{ role: "assistant", content, tool_calls: [] }];
  if (!prefilled) said.push({ role: "user", content: GO_ON });
  return { ...request, messages: [...messages, ...said] };
}

/** In the words of Anthropic and Bedrock. */
export function refusesPrefill(said: string): boolean {
  return /prefill|must end with a user message|final assistant content/i.test(said);
}

/**
 * A model that goes on behind words whose last blanks it was not told says these once
 * more: they are left out.
 */
export function withoutSeam(begun: string) {
  let blanks = begun.slice(begun.trimEnd().length);
  const rest = (event: ProviderEvent): ProviderEvent[] => {
    if (event.type !== "text" || blanks === "") return [event];
    let same = 0;
    while (same < blanks.length && blanks[same] === event.text[same]) same += 1;
    const text = event.text.slice(same);
    blanks = text === "" ? blanks.slice(same) : "";
    return text === "" ? [] : [{ ...event, text }];
  };
  return (events: readonly ProviderEvent[]): ProviderEvent[] => events.flatMap(rest);
}

import type { ConversationMessage, ProviderRequest, ToolCall } from "./provider.ts";
import type { SdkPrompt } from "./sdk-types.ts";

/**
 * The conversation in the SDK's form. Calls of tools that the model is not told of (the session had another agent or
 * model then) become plain text, with their results: some vendors refuse a history with calls of unknown tools.
 */
export function toPrompt({ system, messages, tools }: ProviderRequest): SdkPrompt {
  const told = new Set(tools.map((tool) => tool.name));
  const prompt: SdkPrompt = system === "" ? [] : [{ role: "system", content: system }];
  for (const message of withPlainIds(withoutStrangers(messages, told))) addTo(prompt, message);
  return prompt;
}

/** What every vendor takes; Anthropic knows no dots and colons, OpenAI's chat format no more characters. */
const PLAIN_ID = /^[A-Za-z0-9_-]{1,40}$/;

/** Another vendor's ids of calls become plain ones, each the same for its call and its result. */
function withPlainIds(messages: readonly ConversationMessage[]): ConversationMessage[] {
  const plain = new Map<string, string>();
  const toPlain = (id: string): string => {
    if (PLAIN_ID.test(id)) return id;
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

function addTo(prompt: SdkPrompt, message: ConversationMessage): void {
  switch (message.role) {
    case "user":
      prompt.push({ role: "user", content: [{ type: "text", text: message.content }] });
      break;
    case "assistant":
      prompt.push({
        role: "assistant",
        content: [
          ...(message.content === "" ? [] : [{ type: "text" as const, text: message.content }]),
          ...message.tool_calls.map((call) => ({
            type: "tool-call" as const,
            toolCallId: call.call_id,
            toolName: call.tool_name,
            input: call.arguments,
          })),
        ],
      });
      break;
    case "tool": {
      const result = {
        type: "tool-result" as const,
        toolCallId: message.call_id,
        toolName: message.tool_name,
        output: { type: "text" as const, value: message.content },
      };
      // The results of one answer's calls belong into one message.
      const last = prompt.at(-1);
      if (last?.role === "tool") last.content.push(result);
      else prompt.push({ role: "tool", content: [result] });
      break;
    }
    default:
      message satisfies never;
  }
}

/** An answer with a call of an unknown tool becomes plain as a whole, and so do the results of all its calls. */
function withoutStrangers(
  messages: readonly ConversationMessage[],
  told: ReadonlySet<string>,
): ConversationMessage[] {
  const kept: ConversationMessage[] = [];
  let plain = new Set<string>();
  const addUser = (content: string): void => {
    const last = kept.at(-1);
    if (last?.role === "user") kept[kept.length - 1] = joined(last, content);
    else kept.push({ role: "user", content });
  };
  for (const message of messages) {
    switch (message.role) {
      case "user":
        addUser(message.content);
        break;
      case "tool":
        if (plain.has(message.call_id)) {
          addUser(`[Result of ${message.tool_name}: ${message.content}]`);
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

function joined(message: { role: "user"; content: string }, content: string): ConversationMessage {
  return { role: "user", content: `${message.content}\n\n${content}` };
}

function describeCall({ tool_name, arguments: args }: ToolCall): string {
  return `[Called ${tool_name} with ${JSON.stringify(args)}]`;
}

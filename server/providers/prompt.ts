import type { ConversationMessage, ProviderRequest, ToolCall } from "./provider.ts";
import type { SdkPrompt } from "./sdk-types.ts";

/**
 * The conversation in the SDK's form. Calls of tools that the model is not told of (the session had another model
 * then) become plain text: some vendors refuse a history with calls and no tools.
 */
export function toPrompt({ system, messages, tools }: ProviderRequest): SdkPrompt {
  const told = new Set(tools.map((tool) => tool.name));
  const isToldOf = (message: ConversationMessage): boolean => {
    if (message.role === "assistant") {
      return message.tool_calls.every((call) => told.has(call.tool_name));
    }
    return message.role !== "tool" || told.has(message.tool_name);
  };
  const known = messages.every(isToldOf) ? messages : withoutTools(messages);
  const prompt: SdkPrompt = system === "" ? [] : [{ role: "system", content: system }];
  for (const message of known) addTo(prompt, message);
  return prompt;
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

function withoutTools(messages: readonly ConversationMessage[]): ConversationMessage[] {
  const plain: ConversationMessage[] = [];
  const addUser = (content: string): void => {
    const last = plain.at(-1);
    if (last?.role === "user") last.content = `${last.content}\n\n${content}`;
    else plain.push({ role: "user", content });
  };
  for (const message of messages) {
    switch (message.role) {
      case "user":
        addUser(message.content);
        break;
      case "tool":
        addUser(`[Result of ${message.tool_name}: ${message.content}]`);
        break;
      case "assistant": {
        const texts = [message.content, ...message.tool_calls.map(describeCall)].filter(Boolean);
        plain.push({ role: "assistant", content: texts.join("\n\n"), tool_calls: [] });
        break;
      }
      default:
        message satisfies never;
    }
  }
  return plain;
}

function describeCall({ tool_name, arguments: args }: ToolCall): string {
  return `[Called ${tool_name} with ${JSON.stringify(args)}]`;
}

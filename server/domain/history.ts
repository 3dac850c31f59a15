// Stored messages -> a conversation that every provider accepts: it starts with the user, roles
// follow each other as they must, no message is empty, and every tool call has its result.

import type { AttachmentRef } from "../protocol/attachments.ts";
import type { Thinking } from "../protocol/stored/thinking.ts";

export interface StoredMessage {
  role: "user" | "assistant" | "tool";
  content: string;
  status: "complete" | "partial";
  context: { type: string; label: string; content: string }[];
  attachments: readonly AttachmentRef[];
  tool_calls: { call_id: string; tool_name: string; arguments: Record<string, unknown> }[];
  call_id: string | undefined;
  tool_name: string | undefined;
  thinking?: Thinking;
}

export type HistoryMessage =
  | { role: "user"; content: string; attachments?: AttachmentRef[] }
  | {
      role: "assistant";
      content: string;
      tool_calls: StoredMessage["tool_calls"];
      thinking?: Thinking;
    }
  | { role: "tool"; call_id: string; tool_name: string; content: string };

export const UNANSWERED = "The call was interrupted; there is no result.";

export function toHistory(stored: readonly StoredMessage[]): HistoryMessage[] {
  const history: HistoryMessage[] = [];
  let open = new Map<string, string>();

  const closeOpenCalls = () => {
    for (const [call_id, tool_name] of open) {
      history.push({ role: "tool", call_id, tool_name, content: UNANSWERED });
    }
    open = new Map();
  };

  for (const message of stored) {
    switch (message.role) {
      case "user":
        closeOpenCalls();
        pushUser(history, withContext(message), message.attachments);
        break;
      case "assistant":
        closeOpenCalls();
        pushAssistant(history, message);
        open = new Map(message.tool_calls.map((call) => [call.call_id, call.tool_name]));
        break;
      case "tool":
        // A result without its call (the call was replaced) would be refused.
        if (message.call_id === undefined || !open.delete(message.call_id)) break;
        history.push({
          role: "tool",
          call_id: message.call_id,
          tool_name: message.tool_name ?? "",
          content: message.content,
        });
        break;
    }
  }
  closeOpenCalls();
  while (history[0] && history[0].role !== "user") history.shift();
  return history;
}

/** Two user messages in a row (the answer between them failed before its first word) become one. */
function pushUser(
  history: HistoryMessage[],
  content: string,
  attached: readonly AttachmentRef[],
): void {
  const last = history.at(-1);
  const attachments = [...(last?.role === "user" ? (last.attachments ?? []) : []), ...attached];
  const more = attachments.length > 0 && { attachments };
  if (last?.role !== "user") history.push({ role: "user", content, ...more });
  else Object.assign(last, { content: `${last.content}\n\n${content}`, ...more });
}

function pushAssistant(history: HistoryMessage[], message: StoredMessage): void {
  const { content, tool_calls, thinking } = message;
  if (content.trim() === "" && tool_calls.length === 0) return;
  const last = history.at(-1);
  if (last?.role === "assistant" && last.tool_calls.length === 0) {
    last.content = [last.content, content].filter(Boolean).join("\n\n");
    last.tool_calls = tool_calls;
    // Its places are those of an answer that stands alone.
    delete last.thinking;
  } else {
    history.push({ role: "assistant", content, tool_calls, ...(thinking && { thinking }) });
  }
}

function withContext({ content, context }: StoredMessage): string {
  const parts = context.map(
    (item) =>
      `<context type="${item.type}" label=${JSON.stringify(item.label)}>\n${item.content}\n</context>`,
  );
  return [...parts, content].join("\n\n");
}

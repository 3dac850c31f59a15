// What a client brings along in tests of agents and tools.
import assert from "node:assert/strict";
import type { AcceptedTurn, Chat } from "../../server/chat/chat.ts";
import { ChatError } from "../../server/errors.ts";
import type { OfferedTool } from "../../server/protocol/offers.ts";
import type { ClientMessage, MessageRequest } from "../../server/protocol/requests.ts";
import type { ProviderEvent, ProviderRequest } from "../../server/providers/provider.ts";
import { FINISH, type Script, text } from "./chat.ts";

export const PARAMETERS = {
  type: "object",
  properties: { path: { type: "string" } },
  required: ["path"],
};

export const READ: OfferedTool = {
  name: "look",
  description: "Reads a file",
  parameters: PARAMETERS,
  kind: "read",
  rule: "allow",
};
export const WRITE: OfferedTool = {
  name: "write_file",
  description: "Writes a file",
  parameters: PARAMETERS,
  kind: "write",
};
export const EXECUTE: OfferedTool = {
  name: "execute_command",
  description: "Runs a command",
  parameters: { type: "object" },
  kind: "execute",
};
export const TOOLS: OfferedTool[] = [READ, WRITE, EXECUTE];

export function calls(
  tool_name: string,
  args: Record<string, unknown> = {},
  call_id = "call",
): ProviderEvent {
  return { type: "tool_call", call_id, tool_name, arguments: args };
}

/** Sends a message as a window would, with its tools. */
export function ask(
  chat: Chat,
  content: string,
  more: Partial<MessageRequest> = {},
): Promise<AcceptedTurn> {
  return chat.startTurn({
    tools: TOOLS,
    client_id: "window-1",
    workspace: "/project",
    ...more,
    message: { type: "user_message", content },
  });
}

export const isCode =
  (code: string, words = /./) =>
  (thrown: unknown) => {
    assert.ok(thrown instanceof ChatError, String(thrown));
    assert.equal(thrown.code, code);
    assert.match(thrown.message, words);
    return true;
  };

/** To each question: makes these calls one after another, then says the last result it got. */
export const calling =
  (...each: ReturnType<typeof calls>[]): Script =>
  ({ messages }) => {
    const asked = messages.findLastIndex(({ role }) => role === "user");
    const results = messages.slice(asked).filter((message) => message.role === "tool");
    const next = each[results.length];
    return next ? [next, FINISH] : [text(results.at(-1)?.content ?? "nothing"), FINISH];
  };

export const toolNames = (request: ProviderRequest | undefined) =>
  request?.tools.map(({ name }) => name).filter((name) => TOOLS.some((tool) => tool.name === name));

export const send = (chat: Chat, session_id: string, message: ClientMessage, client_id?: string) =>
  chat.startTurn({ session_id, message, ...(client_id === undefined ? {} : { client_id }) });

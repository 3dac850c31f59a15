// What a client brings along in tests of agents and tools.
import type { AcceptedTurn, Chat } from "../../server/chat/chat.ts";
import type { OfferedTool } from "../../server/protocol/offers.ts";
import type { MessageRequest } from "../../server/protocol/requests.ts";
import type { ProviderEvent } from "../../server/providers/provider.ts";

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

import type { WholeChat } from "../../protocol/stored/chat-file.ts";

/** A chat for people to read: what is part of the conversation, without what was replaced. */
export function toMarkdown(chat: WholeChat): string {
  const { head } = chat;
  const begun = new Date(head.created_at).toISOString().slice(0, 16).replace("T", " ");
  const parts = [`# ${inLine(head.title)}`, `Begun ${begun} UTC`];
  const shown = new Map(
    chat.turns.flatMap((turn) => (turn.replaced_by === null ? [[turn.id, turn] as const] : [])),
  );
  const calls = new Map(chat.tool_calls.map((call) => [call.call_id, call]));
  for (const message of chat.messages) {
    const turn = shown.get(message.turn_id);
    if (!turn) continue;
    const metadata = JSON.parse(message.metadata) as {
      call_id?: unknown;
      tool_name?: unknown;
      tool_calls?: { call_id: string }[];
      attachments?: { name: string }[];
    };
    if (message.role === "user") {
      const names = (metadata.attachments ?? []).map(({ name }) => inCode(name));
      parts.push("## You", message.content);
      if (names.length > 0) parts.push(`*Attached:* ${names.join(", ")}`);
    }
    if (message.role === "tool") {
      parts.push(`### Result of ${inCode(String(metadata.tool_name))}`, fenced(message.content));
    }
    if (message.role !== "assistant") continue;
    parts.push(`## Assistant (${inLine(turn.model)})`);
    if (message.content !== "") parts.push(message.content);
    if (message.status === "partial") parts.push("*This answer was not finished.*");
    for (const { call_id } of metadata.tool_calls ?? []) {
      const call = calls.get(call_id);
      if (!call) continue;
      const end = call.status === "done" ? "" : ` (${call.status})`;
      parts.push(`### Call of ${inCode(call.tool_name)}${end}`, fenced(call.arguments, "json"));
    }
  }
  return `${parts.join("\n\n")}\n`;
}

/** Without a line end, which would end the heading. */
function inLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

function inCode(text: string): string {
  return `\`${inLine(text).replaceAll("`", "")}\``;
}

/** With more backticks than the text has in a row. */
function fenced(text: string, language = ""): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}${text.endsWith("\n") ? "" : "\n"}${fence}`;
}

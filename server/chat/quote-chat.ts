import { conversation, metadataOf } from "../db/tables/messages.ts";
import type { Reader } from "../db/tables/schema.ts";
import { findSession } from "../db/tables/sessions.ts";
import type { ContextItem } from "../protocol/requests.ts";

const MAX_CHARS = 60_000;
/** Of what one tool said: a past chat is quoted for what was talked about. */
const MAX_RESULT = 600;

/**
 * A chat as what goes with a message in another: its newest messages, as many as fit, and how many
 * are left out. Rejects with `not_found`.
 */
export async function quoteChat(reader: Reader, sessionId: string): Promise<ContextItem> {
  const { title } = await findSession(reader, sessionId);
  const told = (await conversation(reader, sessionId)).flatMap((row) => {
    const { tool_name } = metadataOf(row);
    if (row.role === "tool") return [`[${tool_name ?? "tool"}: ${cut(row.content, MAX_RESULT)}]`];
    if (row.content.trim() === "") return [];
    return [`${row.role === "user" ? "User" : "Assistant"}:\n${row.content}`];
  });
  const kept: string[] = [];
  let room = MAX_CHARS;
  for (const words of told.toReversed()) {
    if (words.length > room && kept.length > 0) break;
    // Of the newest one the end.
    kept.unshift(words.length > room ? `…${words.slice(-room).toWellFormed()}` : words);
    room -= words.length;
    if (room <= 0) break;
  }
  const left = told.length - kept.length;
  const head = `Another chat, ${JSON.stringify(title)}, as it is now. It is material, and not part of this conversation.`;
  const note = left > 0 ? [`(Left out before these: ${left}.)`] : [];
  return {
    type: "chat",
    label: `@chat ${title}`.slice(0, 500),
    content: [head, ...note, ...kept].join("\n\n"),
  };
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max).toWellFormed()}… (cut)` : text;
}

import type { Reader } from "../../db/tables/schema.ts";
import { readWholeChat, sessionIdsAfter } from "../../db/tables/whole-chat.ts";
import { ChatError } from "../../errors.ts";
import type { ExportFormat } from "../../protocol/served-requests.ts";
import type { WholeChat } from "../../protocol/stored/chat-file.ts";
import { endLine, toLines } from "./chat-lines.ts";
import { toMarkdown } from "./to-markdown.ts";

const IDS = 100;

/** A chat as text in the wanted form. Rejects with `not_found`, `session_busy`. */
export async function exportChat(
  reader: Reader,
  sessionId: string,
  format: ExportFormat,
): Promise<{ title: string; text: string }> {
  const chat = await readWholeChat(reader, sessionId);
  return { title: chat.head.title, text: await render(chat, format) };
}

async function render(chat: WholeChat, format: ExportFormat): Promise<string> {
  if (format === "markdown") return toMarkdown(chat);
  if (format === "html") {
    const { toHtml } = await import("./to-html.ts");
    return toHtml(chat);
  }
  const { lines, hash } = await toLines(chat);
  return lines.join("") + endLine([hash]);
}

/** All chats, the oldest first, chat by chat. One that is deleted meanwhile is not among them. */
export async function* exportAll(reader: Reader): AsyncGenerator<string> {
  const hashes: string[] = [];
  let ids = await sessionIdsAfter(reader, undefined, IDS);
  while (ids.length > 0) {
    for (const { id } of ids) {
      const chat = await readUnlessGone(reader, id);
      if (!chat) continue;
      const { lines, hash } = await toLines(chat);
      hashes.push(hash);
      yield lines.join("");
    }
    ids = await sessionIdsAfter(reader, ids.at(-1), IDS);
  }
  yield endLine(hashes);
}

async function readUnlessGone(reader: Reader, id: string): Promise<WholeChat | undefined> {
  try {
    return await readWholeChat(reader, id);
  } catch (error) {
    if (error instanceof ChatError && error.code === "not_found") return undefined;
    throw error;
  }
}

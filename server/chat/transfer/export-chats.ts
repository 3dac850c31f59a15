import type { Reader } from "../../db/tables/schema.ts";
import { readWholeChat, sessionIdsAfter } from "../../db/tables/whole-chat.ts";
import { ChatError } from "../../errors.ts";
import type { ExportFormat } from "../../protocol/served-requests.ts";
import type { WholeChat } from "../../protocol/stored/chat-file.ts";
import { endLine, sealedLines } from "./chat-lines.ts";
import { toMarkdown } from "./to-markdown.ts";

const IDS = 100;

export type Wanted = "all" | { sessionId: string; format: ExportFormat };

/** A file of all chats, or of one in the wanted form. Rejects with `not_found`, `session_busy`. */
export async function* textsOf(reader: Reader, wanted: Wanted): AsyncGenerator<string, void> {
  if (wanted === "all") return yield* allChats(reader);
  const chat = await readWholeChat(reader, wanted.sessionId);
  switch (wanted.format) {
    case "markdown":
      return yield toMarkdown(chat);
    case "html":
      return yield (await import("./to-html.ts")).toHtml(chat);
    case "jsonl":
      return yield endLine([yield* linesOf(chat)]);
    default:
      wanted.format satisfies never;
  }
}

/** The oldest first, chat by chat. One that is deleted meanwhile is not among them. */
async function* allChats(reader: Reader): AsyncGenerator<string, void> {
  const hashes: string[] = [];
  let ids = await sessionIdsAfter(reader, undefined, IDS);
  while (ids.length > 0) {
    for (const { id } of ids) {
      const chat = await readUnlessGone(reader, id);
      if (chat) hashes.push(yield* linesOf(chat));
    }
    ids = await sessionIdsAfter(reader, ids.at(-1), IDS);
  }
  yield endLine(hashes);
}

/** Returns the hash of the whole. */
function* linesOf(chat: WholeChat): Generator<string, string> {
  let last = "";
  for (const { text, hash } of sealedLines(chat)) {
    yield text;
    last = hash;
  }
  return last;
}

async function readUnlessGone(reader: Reader, id: string): Promise<WholeChat | undefined> {
  try {
    return await readWholeChat(reader, id);
  } catch (error) {
    if (error instanceof ChatError && error.code === "not_found") return undefined;
    throw error;
  }
}

import type { Reader } from "../../db/tables/schema.ts";
import { newestTitles } from "../../db/tables/session-titles.ts";
import { readWholeChat } from "../../db/tables/whole-chat.ts";
import { titleOfCopy } from "../../domain/titles.ts";
import { ChatError } from "../../errors.ts";
import { STORAGE_CODES } from "../../protocol/errors.ts";
import type { IMPORT_OUTCOMES, ImportReport } from "../../protocol/responses.ts";
import type { WholeChat } from "../../protocol/stored/chat-file.ts";
import type { FileLine } from "../chat.ts";
import type { ChatDeps } from "../deps.ts";
import type { Ending } from "../turn/close-turn.ts";
import { hashOfChat, type ReadChat, readChats } from "./chat-lines.ts";
import { continuousUntil } from "./check-chat.ts";
import { copyChat } from "./copy-chat.ts";
import { cutChat } from "./cut-chat.ts";
import { storeChat } from "./store-chat.ts";

const MAX_PROBLEMS = 200;

const ENDING = {
  status: "interrupted",
  code: "cancelled",
  message: "The file that this chat came from has no more of this answer. What it had is kept.",
} as const satisfies Ending;

interface Result {
  outcome: (typeof IMPORT_OUTCOMES)[number];
  message: string;
  sessionId: string | null;
}

type ImportDeps = Pick<ChatDeps, "newUnitOfWork" | "reader" | "turns">;

/**
 * Stores the chats of a file, each in a step of its own. What is here already stays as it is;
 * `asCopies` stores it once more, under other ids. Rejects when nothing can be stored now: what
 * came before is kept, and importing again adds the rest.
 */
export async function importChats(
  deps: ImportDeps,
  lines: AsyncIterable<FileLine>,
  asCopies: boolean,
): Promise<ImportReport> {
  deps.turns.refuseWhenDraining();
  const counts = { imported: 0, incomplete: 0, present: 0, differs: 0, refused: 0 };
  const problems: ImportReport["problems"] = [];
  let first: string | null = null;
  const chats = readChats(lines);
  let next = await chats.next();
  for (; !next.done; next = await chats.next()) {
    const { outcome, message, sessionId } = await importChat(deps, next.value, asCopies);
    counts[outcome]++;
    if (outcome !== "refused") first ??= sessionId;
    if (outcome === "imported" || outcome === "present" || problems.length >= MAX_PROBLEMS)
      continue;
    const title = next.value.chat?.head.title ?? null;
    problems.push({ session_id: sessionId, title, outcome, message });
  }
  const { damage } = next.value;
  return {
    complete: damage === undefined && counts.incomplete + counts.refused === 0,
    counts,
    problems,
    session_id: first,
    message: damage ?? null,
  };
}

async function importChat(deps: ImportDeps, read: ReadChat, asCopy: boolean): Promise<Result> {
  const { chat, damage } = read;
  if (!chat) return { outcome: "refused", message: damage ?? "", sessionId: null };
  const sound = cutChat(chat, continuousUntil(chat));
  const isWhole = damage === undefined && sound.head.last_seq === chat.head.last_seq;
  const wanted = asCopy ? copyChat(sound, read.hash) : sound;
  const { id: sessionId } = wanted.head;
  const present = await hashOf(deps.reader, sessionId);
  if (present !== undefined) {
    // The ids of a copy follow from its file.
    const isSame = asCopy || (isWhole && present === read.hash);
    return isSame ? { outcome: "present", message: "", sessionId } : { ...DIFFERS, sessionId };
  }
  const stored = asCopy ? await toldApart(deps.reader, wanted) : wanted;
  const lost = `${damage ?? "Something is missing in its log."} What came before is imported.`;
  try {
    await storeChat(deps, "import_chat", stored, ENDING);
    return isWhole
      ? { outcome: "imported", message: "", sessionId }
      : { outcome: "incomplete", message: lost, sessionId };
  } catch (error) {
    if (!(error instanceof ChatError) || isOfStorage(error)) throw error;
    return { outcome: "refused", message: error.message, sessionId };
  }
}

/** From a chat that has its title here. */
async function toldApart(reader: Reader, chat: WholeChat): Promise<WholeChat> {
  const others = await newestTitles(reader);
  const { title } = chat.head;
  if (!others.includes(title)) return chat;
  return { ...chat, head: { ...chat.head, title: titleOfCopy(title, others) } };
}

const DIFFERS = {
  outcome: "differs",
  message:
    "A chat with this id is here and says something else. It stays as it is; import as a copy to have both.",
} as const;

async function hashOf(reader: Reader, sessionId: string): Promise<string | undefined> {
  try {
    return await hashOfChat(await readWholeChat(reader, sessionId));
  } catch (error) {
    if (error instanceof ChatError && error.code === "not_found") return undefined;
    throw error;
  }
}

function isOfStorage({ code }: ChatError): boolean {
  return (STORAGE_CODES as readonly string[]).includes(code);
}

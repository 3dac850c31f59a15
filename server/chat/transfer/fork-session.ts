import { v7 as uuid } from "uuid";
import { readWholeChat } from "../../db/tables/whole-chat.ts";
import { ChatError } from "../../errors.ts";
import type { Session } from "../../protocol/responses.ts";
import type { ChatDeps } from "../deps.ts";
import type { Ending } from "../turn/close-turn.ts";
import { copyChat } from "./copy-chat.ts";
import { cutChat } from "./cut-chat.ts";
import { storeChat } from "./store-chat.ts";

const ENDING = {
  status: "interrupted",
  code: "cancelled",
  message: "This chat was taken from another at this place; the answer goes on there.",
} as const satisfies Ending;

/**
 * A new chat that is the same as `sessionId` up to `atSeq` (default: all that is stored), under ids
 * of its own; the other is untouched. What was allowed for the whole of the other chat is asked
 * again here. Rejects with `not_found` and `invalid_request`.
 */
export async function forkSession(
  deps: Pick<ChatDeps, "newUnitOfWork" | "reader">,
  sessionId: string,
  atSeq: number | undefined,
): Promise<Session> {
  const chat = await readWholeChat(deps.reader, sessionId);
  const { last_seq } = chat.head;
  if (atSeq !== undefined && atSeq > last_seq) {
    throw new ChatError("invalid_request", `at_seq: this chat ends at ${last_seq}.`);
  }
  const now = Date.now();
  const { head, ...rest } = copyChat(cutChat(chat, atSeq ?? last_seq), uuid());
  const forked = { head: { ...head, created_at: now, updated_at: now }, ...rest };
  return await storeChat(deps, "fork_session", forked, ENDING);
}

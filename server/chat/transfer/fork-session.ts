import { v7 as uuid } from "uuid";
import { newestTitles } from "../../db/tables/session-titles.ts";
import { findSession } from "../../db/tables/sessions.ts";
import { readWholeChat } from "../../db/tables/whole-chat.ts";
import { titleOfCopy } from "../../domain/titles.ts";
import { ChatError } from "../../errors.ts";
import type { Session } from "../../protocol/responses.ts";
import type { ForkRequest } from "../../protocol/served-requests.ts";
import type { ChatDeps } from "../deps.ts";
import { askedFor, storedRepeat } from "../log/asked.ts";
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
 * A new chat that is the same as `sessionId` up to `at_seq` (default: all that is stored), under
 * ids of its own; the other is untouched. Its title has a number. What was allowed for the whole
 * of the other chat is asked again here. A repeated `request_id` gets the chat that it made.
 * Rejects with `not_found`, `invalid_request` and `request_conflict`.
 */
export async function forkSession(
  deps: Pick<ChatDeps, "newUnitOfWork" | "reader" | "turns">,
  sessionId: string,
  { at_seq: atSeq, request_id }: ForkRequest,
): Promise<Session> {
  deps.turns.refuseWhenDraining();
  const asked = askedFor(request_id, ["fork_session", sessionId, atSeq ?? null]);
  const made = async () => asked && (await storedRepeat(deps.reader, asked));
  const known = await made();
  if (known) return await findSession(deps.reader, known.sessionId);
  const chat = await readWholeChat(deps.reader, sessionId);
  const { last_seq } = chat.head;
  if (atSeq !== undefined && atSeq > last_seq) {
    throw new ChatError("invalid_request", `at_seq: this chat ends at ${last_seq}.`);
  }
  const now = Date.now();
  const { head, ...rest } = copyChat(cutChat(chat, atSeq ?? last_seq), uuid());
  const title = titleOfCopy(head.title, await newestTitles(deps.reader));
  const forked = { head: { ...head, title, created_at: now, updated_at: now }, ...rest };
  try {
    return await storeChat(deps, "fork_session", forked, ENDING, asked);
  } catch (thrown) {
    // The same request came twice at once and the other was first.
    const other = await made();
    if (!other) throw thrown;
    return await findSession(deps.reader, other.sessionId);
  }
}

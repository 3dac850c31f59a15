// Exactly once: what a client has asked before, by its `request_id`.
import { createHash } from "node:crypto";
import { findRequest, TAKEN_BACK } from "../../db/tables/requests.ts";
import type { Reader } from "../../db/tables/schema.ts";
import { findTurn } from "../../db/tables/turns.ts";
import { ChatError } from "../../errors.ts";
import type { AttachmentRef } from "../../protocol/attachments.ts";
import type { MessageRequest } from "../../protocol/requests.ts";
import type { AcceptedTurn } from "../chat.ts";

export interface Asked {
  request_id: string;
  body_hash: string;
}

export function askedBy(
  request: MessageRequest,
  attachments: readonly AttachmentRef[] = [],
): Asked | undefined {
  const { request_id, agent_type, model } = request;
  const message = { ...request.message, ...(attachments.length > 0 && { attachments }) };
  return askedFor(request_id, [message, agent_type ?? null, model ?? null]);
}

/** `body`: all that tells this request from another one. */
export function askedFor(
  request_id: string | undefined,
  body: readonly unknown[],
): Asked | undefined {
  if (request_id === undefined) return undefined;
  const body_hash = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  return { request_id, body_hash };
}

/** Rejects with `request_conflict`, and with `queue_changed` for what was taken back. */
export async function storedRepeat(
  reader: Reader,
  asked: Asked,
): Promise<{ sessionId: string; turn: AcceptedTurn | undefined } | undefined> {
  const stored = await findRequest(reader, asked.request_id);
  if (!stored) return undefined;
  if (stored.body_hash === asked.body_hash + TAKEN_BACK) {
    throw new ChatError("queue_changed", "This message was taken back.", {
      hint: "Use a new request_id for a new message.",
    });
  }
  if (stored.body_hash !== asked.body_hash) throw requestConflict();
  const turn = stored.turn_id === null ? undefined : await findTurn(reader, stored.turn_id);
  return {
    sessionId: stored.session_id,
    turn: turn && { session_id: turn.session_id, turn_id: turn.id, after: turn.after_seq },
  };
}

export function requestConflict(): ChatError {
  return new ChatError(
    "request_conflict",
    "This request_id was used before, for another message. Nothing was stored.",
    { hint: "Use a new request_id for a new message." },
  );
}

import {
  attachedBytes,
  type Blob,
  findAttachments,
  insertAttachments,
} from "../../db/tables/attachments.ts";
import type { Reader, Trx } from "../../db/tables/schema.ts";
import type { HistoryMessage } from "../../domain/history.ts";
import { ChatError } from "../../errors.ts";
import {
  type Attachment,
  type AttachmentRef,
  type AttachmentType,
  MAX_CHAT_ATTACHMENT_BYTES,
  MAX_MESSAGE_ATTACHMENT_BYTES,
  type WholeAttachment,
} from "../../protocol/attachments.ts";
import type { ResolvedModel } from "../../providers/catalog.ts";
import type { ConversationMessage } from "../../providers/provider.ts";

/** Vendors take about so many in one request; of a longer conversation the older are named. */
const MAX_SENT = 50;

const TAKES_NONE: Record<AttachmentType, (id: string) => string> = {
  image: (id) => `The model ${id} takes no pictures.`,
  file: (id) => `The model ${id} takes no PDF files.`,
};

/**
 * What a question that is asked again only names, as the chat has it. Rejects with
 * `invalid_request` if it has not.
 */
export async function withStoredData(
  reader: Reader,
  sessionId: string | undefined,
  sent: readonly Attachment[],
): Promise<WholeAttachment[]> {
  const named = sent.flatMap(({ hash }) => hash ?? []);
  const found = await findAttachments(reader, sessionId ?? "", named);
  return sent.map(({ hash, ...one }, index) => {
    const data = one.data || found.get(hash ?? "")?.data;
    if (data) return { ...one, data };
    throw new ChatError(
      "invalid_request",
      `message.attachments.${index}: it has no data, and this chat nothing with this hash.`,
      { hint: "Nothing was stored. Attach it once more." },
    );
  });
}

/** Before anything is stored. */
export function refuseWhatIsNotTaken(
  { id, inputs }: Pick<ResolvedModel, "id" | "inputs">,
  refs: readonly AttachmentRef[],
): void {
  const missing = refs.find(({ type }) => !inputs.includes(type));
  if (!missing) return;
  throw new ChatError("invalid_request", TAKES_NONE[missing.type](id), {
    hint: "Nothing was stored. Choose a model that does, or send without what is attached.",
  });
}

/**
 * Stores what a message brings along; a chat holds so much of it. Rejects with `payload_too_large`.
 */
export async function storeAttachments(
  trx: Trx,
  sessionId: string,
  blobs: readonly Blob[],
): Promise<void> {
  if (blobs.length === 0) return;
  await insertAttachments(trx, sessionId, blobs);
  const bytes = await attachedBytes(trx, sessionId);
  if (bytes <= MAX_CHAT_ATTACHMENT_BYTES) return;
  const mb = MAX_CHAT_ATTACHMENT_BYTES / 1024 / 1024;
  throw new ChatError("payload_too_large", `A chat holds ${mb} MB of attachments at most.`, {
    hint: "Nothing was stored. Begin another chat.",
  });
}

/**
 * The contents of what is attached, the newest first as far as a request holds them,
 * as this model takes them.
 */
export async function withAttachmentData(
  reader: Reader,
  sessionId: string,
  history: readonly HistoryMessage[],
  inputs: readonly AttachmentType[],
): Promise<ConversationMessage[]> {
  const refs = history.flatMap((one) => (one.role === "user" ? (one.attachments ?? []) : []));
  if (refs.length === 0) return [...history];
  const wanted = new Set<string>();
  let room = MAX_MESSAGE_ATTACHMENT_BYTES;
  for (const { type, hash, bytes } of refs.toReversed()) {
    if (wanted.has(hash) || !inputs.includes(type)) continue;
    room -= bytes;
    if (room < 0 || wanted.size === MAX_SENT) break;
    wanted.add(hash);
  }
  const found = await findAttachments(reader, sessionId, [...wanted]);
  return history.map((message) => {
    if (message.role !== "user" || !message.attachments) return message;
    const attachments = message.attachments.map((ref) => {
      const data = found.get(ref.hash)?.data;
      return data === undefined ? ref : { ...ref, data };
    });
    return { ...message, attachments };
  });
}

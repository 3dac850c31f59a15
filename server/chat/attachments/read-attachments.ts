import { createHash } from "node:crypto";
import type { Blob } from "../../db/tables/attachments.ts";
import { ChatError } from "../../errors.ts";
import {
  type AttachmentRef,
  HEAD_BYTES,
  MAX_ATTACHMENT_BYTES,
  MAX_MESSAGE_ATTACHMENT_BYTES,
  MEDIA_TYPES,
  type MediaType,
  mediaTypeIn,
  type WholeAttachment,
} from "../../protocol/attachments.ts";

export interface ReadAttachments {
  refs: AttachmentRef[];
  blobs: Blob[];
}

/**
 * What a client sent, as it is stored. Throws `invalid_request` or
 * `payload_too_large`, naming which and why.
 */
export function readAttachments(sent: readonly WholeAttachment[]): ReadAttachments {
  const refs: AttachmentRef[] = [];
  const blobs = new Map<string, Blob>();
  let total = 0;
  for (const [index, one] of sent.entries()) {
    const name = one.name?.trim() || `${one.type} ${index + 1}`;
    const bytes = bytesOf(one.data, index, name);
    total += bytes.length;
    if (bytes.length > MAX_ATTACHMENT_BYTES) throw tooLarge(name, MAX_ATTACHMENT_BYTES);
    if (total > MAX_MESSAGE_ATTACHMENT_BYTES) {
      throw tooLarge("all that is attached", MAX_MESSAGE_ATTACHMENT_BYTES);
    }
    const media_type = mediaTypeOf(bytes, one, name);
    const hash = createHash("sha256").update(bytes).digest("hex");
    const type = MEDIA_TYPES.file.some((known) => known === media_type) ? "file" : "image";
    refs.push({ type, media_type, name, hash, bytes: bytes.length });
    blobs.set(hash, {
      hash,
      media_type,
      bytes: bytes.length,
      data: bytes.toString("base64"),
    });
  }
  return { refs, blobs: [...blobs.values()] };
}

function bytesOf(data: string, index: number, name: string): Buffer {
  const text = data.replace(/^data:[^,]{0,200};base64,/i, "").replaceAll(/\s+/g, "");
  // Node skips what is no base64 and reads the rest as something else.
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) {
    throw new ChatError(
      "invalid_request",
      `message.attachments.${index}.data: ${name} is not in base64.`,
    );
  }
  return Buffer.from(text, "base64");
}

function mediaTypeOf(bytes: Buffer, { media_type }: WholeAttachment, name: string): MediaType {
  const head = bytes.toString("latin1", 0, HEAD_BYTES);
  const found = mediaTypeIn(head);
  if (found) return found;
  throw new ChatError(
    "invalid_request",
    `${name}${media_type ? ` (${media_type})` : ""} is no picture and no PDF that a model takes.`,
    { hint: "PNG, JPEG, GIF, WebP and PDF can be attached; a text file goes as context." },
  );
}

function tooLarge(what: string, limit: number): ChatError {
  return new ChatError(
    "payload_too_large",
    `${what} is larger than ${limit / 1024 / 1024} MB, more than models take.`,
    { hint: "Nothing was stored. Make the picture smaller, or attach less at once." },
  );
}

// Pictures and documents that go with a message: as a client sends them, and as the log knows them.
import * as z from "zod/mini";
import { Text } from "./fields.ts";

export const MEDIA_TYPES = {
  image: ["image/png", "image/jpeg", "image/gif", "image/webp"],
  file: ["application/pdf"],
} as const;
export type AttachmentType = keyof typeof MEDIA_TYPES;
export type MediaType = (typeof MEDIA_TYPES)[AttachmentType][number];

export const MAX_ATTACHMENTS = 20;
/** Of one, and of all of one message. Vendors take about as much in one request. */
export const MAX_ATTACHMENT_BYTES = 10 * 1024 * 1024;
export const MAX_MESSAGE_ATTACHMENT_BYTES = 16 * 1024 * 1024;
/** Of a whole chat, so that a file of it can be read again. */
export const MAX_CHAT_ATTACHMENT_BYTES = 128 * 1024 * 1024;

/** Of a `user_message`. What it is is read from its bytes; `media_type` may be wrong. */
export const Attachment = z.strictObject({
  type: z.enum(["image", "file"]),
  media_type: z.optional(z.string().check(z.maxLength(200))),
  name: z.optional(Text.check(z.maxLength(500))),
  /** Base64, also without padding or as a data URL. */
  data: z.string().check(z.minLength(1)),
});
export type Attachment = z.infer<typeof Attachment>;

/** SHA-256 of the bytes, hexadecimal. */
export const AttachmentHash = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** In the log and in messages: the bytes are read at `/v1/sessions/{id}/attachments/{hash}`. */
export const AttachmentRef = z.object({
  type: z.enum(["image", "file"]),
  media_type: z.string(),
  name: z.string(),
  hash: AttachmentHash,
  bytes: z.int().check(z.nonnegative()),
});
export type AttachmentRef = z.infer<typeof AttachmentRef>;

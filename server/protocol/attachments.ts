// Pictures and documents that go with a message: as a client sends them, and as the log knows them.
import * as z from "zod/mini";
import { STORABLE } from "./fields.ts";

// The web app takes the constants alone: each schema is one call, which the build can leave out.

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

/** By their first bytes. https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern */
const SIGNATURES: readonly (readonly [MediaType, RegExp])[] = [
  ["image/png", /^\x89PNG\r\n/],
  ["image/jpeg", /^\xff\xd8\xff/],
  ["image/gif", /^GIF8[79]a/],
  ["image/webp", /^RIFF[\s\S]{4}WEBPVP/],
  ["application/pdf", /^[\s\S]{0,1000}?%PDF-/],
];
export const HEAD_BYTES = 1024;

/** By its beginning, each byte a character; the name and what a sender says may be wrong. */
export function mediaTypeIn(head: string): MediaType | undefined {
  return SIGNATURES.find(([, signature]) => signature.test(head))?.[0];
}

/** SHA-256 of the bytes, hexadecimal. */
export const AttachmentHash = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** With `data` or `hash`. What it is is read from its bytes; `media_type` may be wrong. */
export const Attachment = z.strictObject({
  type: z.enum(["image", "file"]),
  media_type: z.optional(z.string().check(z.maxLength(200))),
  name: z.optional(z.string().check(z.maxLength(500), STORABLE)),
  /** Base64, also without padding or as a data URL. */
  data: z.optional(z.string()),
  /** Of what this chat has already: a question that is asked again need not bring it along. */
  hash: z.optional(AttachmentHash),
});
export type Attachment = z.infer<typeof Attachment>;
export type WholeAttachment = Omit<Attachment, "hash"> & { data: string };

/** The content as bytes; or in base64 in JSON, as it can be passed on to a page. */
export const AttachmentQuery = z.object({ as: z.optional(z.enum(["base64"])) });

export const AttachmentContent = z.object({ media_type: z.string(), data: z.string() });
export type AttachmentContent = z.infer<typeof AttachmentContent>;

/** In the log and in messages: the bytes are read at `/v1/sessions/{id}/attachments/{hash}`. */
export const AttachmentRef = z.object({
  type: z.enum(["image", "file"]),
  media_type: z.string(),
  name: z.string(),
  hash: AttachmentHash,
  bytes: z.int().check(z.nonnegative()),
});
export type AttachmentRef = z.infer<typeof AttachmentRef>;

// What is asked of messages that wait, and answered.
import * as z from "zod/mini";
import { AttachmentRef } from "./attachments.ts";
import { Text } from "./fields.ts";
import { ContextItem } from "./requests.ts";

/** Body of `PATCH /v1/sessions/{id}/queue/{message_id}`. `version`: of what was changed. */
export const ChangeQueuedRequest = z.strictObject({
  version: z.int().check(z.positive()),
  content: Text,
});
export type ChangeQueuedRequest = z.infer<typeof ChangeQueuedRequest>;

/** What was taken back: all that is needed to write it on. */
export const TakenBack = z.object({
  content: z.string(),
  context: z.optional(z.array(ContextItem)),
  attachments: z.optional(z.array(AttachmentRef)),
});
export type TakenBack = z.infer<typeof TakenBack>;

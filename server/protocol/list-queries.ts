// What is asked of chats and their messages, in an address.
import * as z from "zod/mini";
import { Id, Text } from "./fields.ts";
import { Workspace } from "./offers.ts";

const YesOrNo = z.enum(["true", "false"]);

export const ListSessionsQuery = z.object({
  query: z.optional(Text.check(z.maxLength(500))),
  limit: z.optional(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(200))),
  cursor: z.optional(z.string().check(z.maxLength(300))),
  /** Only those that are put away; without it only the others. A search finds both. */
  archived: z.optional(YesOrNo),
  pinned: z.optional(YesOrNo),
  workspace: z.optional(Workspace),
});

/** Query of `GET /v1/sessions/{id}/messages`. */
export const ListMessagesQuery = z.object({
  /** Only those of this turn. */
  turn_id: z.optional(Id),
});

export const DeleteSessionQuery = z.object({
  /** It cannot be brought back. */
  for_good: z.optional(YesOrNo),
});

// What a turn has changed in a file, and what a person has said of it since.
import * as z from "zod/mini";
import { Text } from "./fields.ts";

/** From before the turn to after the call that says so; of a file's calls the last one counts. */
export const ChangedFile = z.strictObject({
  /** As the model names it. */
  path: Text,
  /** There was none before the turn. */
  is_new: z.boolean(),
  /** Lines. */
  added: z.int(),
  removed: z.int(),
});
export type ChangedFile = z.infer<typeof ChangedFile>;

/** `open`: not decided any more, as it was at first. */
export const CHANGE_DECISIONS = ["keep", "undo", "open"] as const;

/** What was decided, by place. */
export const DecidedHunks = z.record(z.string(), z.enum(["keep", "undo"]));
export type DecidedHunks = z.infer<typeof DecidedHunks>;

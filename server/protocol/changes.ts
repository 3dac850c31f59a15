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

/** What a command has left in files, by a look before and after it: others' hands count, too. */
export const CommandChanges = z.strictObject({
  files: z
    .array(z.strictObject({ path: Text, is: z.enum(["new", "changed", "deleted"]) }))
    .check(z.maxLength(100)),
  /** Beside those that are named; null: nobody could look everywhere. */
  more: z.nullable(z.int().check(z.nonnegative())),
});
export type CommandChanges = z.infer<typeof CommandChanges>;

/** `open`: not decided any more, as it was at first. */
export const CHANGE_DECISIONS = ["keep", "undo", "open"] as const;

/** What was decided, by place. */
export const DecidedHunks = z.record(z.string(), z.enum(["keep", "undo"]));
export type DecidedHunks = z.infer<typeof DecidedHunks>;

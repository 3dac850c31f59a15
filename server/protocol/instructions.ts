// What people have written down for models, as a client brings it along with a message.
import * as z from "zod/mini";
import { Text } from "./fields.ts";

/**
 * What is to be known of one of them, for clients to say in their language;
 * `detail` has the particulars.
 */
export const INSTRUCTION_NOTES = [
  "shortened",
  "hidden_characters",
  "front_matter",
  "unreadable",
  "not_text",
  "too_large",
  "too_many",
  "outside",
] as const;

const InstructionNote = z.strictObject({
  code: z.enum(INSTRUCTION_NOTES),
  detail: z.optional(Text.check(z.maxLength(300))),
});
export type InstructionNote = z.infer<typeof InstructionNote>;

const ABOUT = {
  /** Its file, as people know it: `packages/api/AGENTS.md`. */
  name: Text.check(z.trim(), z.minLength(1), z.maxLength(300)),
  /** Of the project, or of the person, for all projects. */
  from: z.enum(["workspace", "user"]),
  /** The files that it is about; absent for all. */
  applies_to: z.optional(Text.check(z.minLength(1), z.maxLength(300))),
  notes: z.optional(z.array(InstructionNote).check(z.maxLength(5))),
};

const MAX_INSTRUCTIONS = 64;
const MAX_CHARS = 100_000;
const MAX_CHARS_TOGETHER = 250_000;

/** Empty `content`: it was not read, or is not told; `notes` say why. */
const OfferedInstruction = z.strictObject({
  ...ABOUT,
  content: Text.check(z.maxLength(MAX_CHARS)),
});
export type OfferedInstruction = z.infer<typeof OfferedInstruction>;

/**
 * In the order in which the model is told: what is nearer to the work comes later, and counts more.
 */
export const OfferedInstructions = z.array(OfferedInstruction).check(
  z.maxLength(MAX_INSTRUCTIONS),
  z.refine(
    (all) => all.reduce((sum, { content }) => sum + content.length, 0) <= MAX_CHARS_TOGETHER,
    { error: `are too large: ${MAX_CHARS_TOGETHER} characters together at most` },
  ),
);

/**
 * What the log says of one that went with a message; its text is at `GET
 * /v1/sessions/{id}/instructions/{hash}`.
 */
export const SentInstruction = z.object({
  ...ABOUT,
  chars: z.int(),
  /** SHA-256 of the text; absent where none was told. */
  hash: z.optional(z.string()),
});
export type SentInstruction = z.infer<typeof SentInstruction>;

/** The texts that a message of a chat refers to, however old it is. */
export function hashesOf(instructions: unknown): string[] {
  const sent = z.array(SentInstruction).safeParse(instructions).data ?? [];
  return sent.flatMap(({ hash }) => hash ?? []);
}

export const InstructionHash = z.string().check(z.regex(/^[0-9a-f]{64}$/));
export const InstructionText = z.object({ hash: z.string(), content: z.string() });
export type InstructionText = z.infer<typeof InstructionText>;

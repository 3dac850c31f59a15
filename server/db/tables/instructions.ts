import { createHash } from "node:crypto";
import type { Instruction } from "../../domain/instructions.ts";
import { ChatError } from "../../errors.ts";
import type {
  InstructionText,
  OfferedInstruction,
  SentInstruction,
} from "../../protocol/instructions.ts";
import { type MessageMetadata, metadataOf, turnMessages } from "./messages.ts";
import type { InstructionsTable, Reader } from "./schema.ts";

/** The texts, each once for all turns of the session that bring it along. */
export function instructionRows(
  sessionId: string,
  offered: readonly OfferedInstruction[],
): InstructionsTable[] {
  const said = new Set(offered.map(({ content }) => content).filter((content) => content !== ""));
  return Array.from(said, (content) => ({ session_id: sessionId, id: hashOf(content), content }));
}

/** What a message says of them. */
export function sentInstructions(offered: readonly OfferedInstruction[]): SentInstruction[] {
  return offered.map(({ content, ...about }) => ({
    ...about,
    chars: content.length,
    ...(content !== "" && { hash: hashOf(content) }),
  }));
}

export function hashOf(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** What the model is told in a turn, in its order, from what the turn's message says of it. */
export async function instructionsOf(
  reader: Reader,
  { session_id, id }: { session_id: string; id: string },
): Promise<Instruction[]> {
  const metadata = (await turnMessages(reader, id)).map((message) => metadataOf(message));
  const sent = metadata.flatMap((one: MessageMetadata) => one.instructions ?? []);
  const hashes = sent.flatMap(({ hash }) => hash ?? []);
  if (hashes.length === 0) return [];
  const rows = await reader
    .selectFrom("instructions")
    .select(["id", "content"])
    .where("session_id", "=", session_id)
    .where("id", "in", hashes)
    .execute();
  const contents = new Map(rows.map((row) => [row.id, row.content]));
  return toldOf(sent.map((one) => ({ ...one, content: contents.get(one.hash ?? "") ?? "" })));
}

/** Those that have something to say. */
export function toldOf(all: readonly Instruction[]): Instruction[] {
  return all.filter(({ content }) => content !== "");
}

/** Rejects with `not_found`. */
export async function findInstruction(
  reader: Reader,
  sessionId: string,
  hash: string,
): Promise<InstructionText> {
  const row = await reader
    .selectFrom("instructions")
    .select("content")
    .where("session_id", "=", sessionId)
    .where("id", "=", hash)
    .executeTakeFirst();
  if (!row) throw new ChatError("not_found", "There are no such instructions in this session.");
  return { hash, content: row.content };
}

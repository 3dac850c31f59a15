// Thinking in the chat format, which has no place for it: each server has its own field, some have two for the same words.
// What came is shown once and kept as it came; DeepSeek, Kimi and OpenRouter want it back with the calls that it led to.
import type { Answer } from "./answer.ts";
import { type Fields, list, num, record, text, textOf } from "./values.ts";

export interface Thoughts {
  /** The fields of a delta or a message; whether there was any thinking in them. */
  read(delta: Fields): boolean;
  /** A part of a content that is a list. */
  part(part: Fields): void;
  /** At the end: all that is to be sent back. */
  keep(): void;
}

const PLAIN = ["reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts"] as const;

export function createThoughts(answer: Answer): Thoughts {
  const plain: Partial<Record<(typeof PLAIN)[number], string>> = {};
  const keptDetails: Record<string, unknown>[] = [];
  const keptBlocks: Record<string, unknown>[] = [];

  const readPlain = (delta: Fields): boolean => {
    // Twins tell the same: of two in one piece, the one that has come before is shown and sent back.
    const told = PLAIN.filter((field) => delta[field]);
    const field = told.find((one) => plain[one] !== undefined) ?? told[0];
    const words = field === undefined ? "" : textOf(delta[field]);
    if (field === undefined || words === "") return false;
    plain[field] = (plain[field] ?? "") + words;
    answer.reasoning(words);
    return true;
  };

  return {
    read(delta) {
      const shown = readPlain(delta);
      const details = list(delta["reasoning_details"]);
      const blocks = list(delta["thinking_blocks"]);
      for (const part of details) {
        const detail = record(part);
        if (!detail) continue;
        if (!shown) answer.reasoning(text(detail["text"]) || text(detail["summary"]));
        addDetail(keptDetails, detail);
      }
      for (const part of blocks) {
        const block = record(part);
        if (!block) continue;
        if (!shown) answer.reasoning(text(block["thinking"]));
        addBlock(keptBlocks, block);
      }
      return shown || details.length > 0 || blocks.length > 0;
    },
    part(part) {
      answer.reasoning(textOf(part["thinking"] ?? part["text"] ?? part["reasoning"] ?? ""));
    },
    keep() {
      // Plain words are wanted back with the calls they led to, and by some not without.
      const kept: Record<string, unknown> = answer.calls.count() > 0 ? { ...plain } : {};
      if (keptDetails.length > 0) kept["reasoning_details"] = keptDetails;
      if (keptBlocks.length > 0) kept["thinking_blocks"] = keptBlocks;
      if (Object.keys(kept).length > 0) answer.keep(kept);
    },
  };
}

/** The pieces of one detail follow each other; each has its own number or kind. */
function addDetail(details: Record<string, unknown>[], piece: Fields): void {
  const last = details.at(-1);
  const goesOn =
    last !== undefined &&
    last["type"] === piece["type"] &&
    num(last["index"]) === num(piece["index"]) &&
    (!piece["id"] || !last["id"] || last["id"] === piece["id"]) &&
    piece["type"] !== "reasoning.encrypted";
  if (goesOn) join(last, piece, ["text", "summary"]);
  else details.push({ ...piece });
}

function addBlock(blocks: Record<string, unknown>[], piece: Fields): void {
  const last = blocks.at(-1);
  const goesOn = last && last["type"] === piece["type"] && !last["signature"] && !last["data"];
  if (goesOn) join(last, piece, ["thinking"]);
  else blocks.push({ ...piece });
}

/** Words are appended; of the rest what comes later counts, if it says anything. */
function join(into: Record<string, unknown>, piece: Fields, words: readonly string[]): void {
  for (const [field, value] of Object.entries(piece)) {
    if (value === null || value === "") continue;
    into[field] = words.includes(field) ? text(into[field]) + text(value) : value;
  }
}

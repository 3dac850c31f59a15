// What a running call says, as the reader has it: pieces of the log, each of
// which a snapshot may replace.

import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { lastWritten } from "../../server/protocol/tool-output.ts";
import type { ToolOutput, ToolPart } from "./model.ts";

export const NO_OUTPUT: ToolOutput = { pieces: [], isCut: false };

/**
 * Takes a piece, or the snapshot of all since `from_seq`, of which a reader
 * may have a part already.
 */
export function withOutput(
  part: ToolPart,
  { seq, token, content }: StreamChunk,
  { from_seq: from = seq, cut = false }: { from_seq?: number; cut?: boolean | undefined },
): ToolPart {
  const { pieces, isCut } = part.output;
  const text = token ?? content ?? "";
  const kept = pieces.filter((piece) => piece.to < from);
  const last = kept.at(-1);
  const follows = last?.to === from - 1;
  const piece = follows
    ? { from: last.from, to: seq, text: last.text + text }
    : { from, to: seq, text };
  const before = follows ? kept.slice(0, -1) : kept;
  const output = { pieces: [...before, piece], isCut: isCut || cut };
  return { ...part, output };
}

export function outputText({ pieces }: ToolOutput): string {
  return lastWritten(pieces.map(({ text }) => text).join(""));
}

const BLOCK = 4_000;

/**
 * Cut after lines, always at the same places: while text is only added, all blocks but
 * the last stay as they were.
 */
export function blocksOf(text: string): string[] {
  const blocks: string[] = [];
  let from = 0;
  while (text.length - from > BLOCK) {
    const end = text.indexOf("\n", from + BLOCK) + 1;
    if (end === 0) break;
    blocks.push(text.slice(from, end));
    from = end;
  }
  return [...blocks, text.slice(from)];
}

// A table at the end of a text that grows. A row is one line, and nothing that follows can change
// it: so rows are rendered once, and parsed no more with what is still to come.
import type { Piece } from "./pieces.ts";

export interface GrowingTable {
  /** All that stands before its rows since the last cut. */
  head: string;
  /** Which of the pieces it is. */
  at: number;
  rows: readonly string[];
  /** Where in the text what follows them begins. */
  next: number;
}

/** The last line may still grow, and the one before it is kept company. */
const KEPT_OPEN = 2;
/** At once, since for each time the head is parsed, too. */
const HELD_AT_ONCE = 16;
const DELIMITERS = /^[ \t:|-]+\r?\n$/;

/**
 * The lines of rows at the end of `rest` that can be held now, and what stands before them.
 * `pieces`: those of `rest`, the rows of `known` among them.
 */
export function rowsToHold(
  rest: string,
  pieces: readonly Piece[],
  known: GrowingTable | undefined,
): { head: string; rows: string; count: number } | undefined {
  const at = pieces.length - 1;
  const last = pieces[at];
  if (last?.kind !== "group" || !last.open.startsWith("<table")) return undefined;
  if (known && known.at !== at) return undefined;
  const open = last.children.length - (known?.rows.length ?? 0);
  if (open < HELD_AT_ONCE + KEPT_OPEN) return undefined;
  const lines = rest.match(/[^\r\n]*(?:\r\n?|\n)|[^\r\n]+$/g) ?? [];
  const first = lines.length - open;
  const rows = lines.slice(first, lines.length - KEPT_OPEN);
  // Something stands behind the table that is not shown, such as a link's target.
  if (first < 2 || !DELIMITERS.test(lines[first - 1] ?? "")) return undefined;
  return { head: lines.slice(0, first).join(""), rows: rows.join(""), count: rows.length };
}

/** `pieces` of the rest, in which the table still has its last rows, with those that are held. */
export function withRows(pieces: Piece[], { at, rows }: GrowingTable): Piece[] {
  const table = pieces[at];
  if (table?.kind !== "group") throw new Error("a table that grew is none any more");
  return pieces.with(at, { ...table, children: [...rows, ...table.children] });
}

// Where a text stands in what is drawn; nothing of it is changed (CSS Custom Highlight API).
import { foldCase } from "../../server/shared/search-words.ts";

/** More are not counted. */
export const MAX_PLACES = 5_000;
const BLOCK = "p, li, td, th, pre, h1, h2, h3, h4, h5, h6, blockquote, div, article, summary";
const NOT_SAID = ".visually-hidden, button, select, textarea";

/**
 * Each place of `query` in `root`, in order: whatever the case, ё as е, a blank for any blanks,
 * over the borders of marks but not of blocks.
 */
export function placesOf(root: HTMLElement, query: string): Range[] {
  const wanted = patternOf(query);
  if (!wanted) return [];
  const { nodes, text } = textOf(root);
  const ranges: Range[] = [];
  let at = 0;
  const nodeAt = (index: number) => {
    while ((nodes[at + 1]?.from ?? Number.POSITIVE_INFINITY) <= index) at += 1;
    return nodes[at];
  };
  for (const { index, 0: found } of text.matchAll(wanted)) {
    const first = nodeAt(index);
    const last = nodeAt(index + found.length - 1);
    if (!first || !last) continue;
    const range = document.createRange();
    range.setStart(first.node, Math.min(index - first.from, first.node.length));
    range.setEnd(last.node, Math.min(index + found.length - last.from, last.node.length));
    if (ranges.push(range) === MAX_PLACES) break;
  }
  return ranges;
}

function patternOf(query: string): RegExp | undefined {
  if (query.trim() === "") return undefined;
  const escaped = foldCase(query).replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(escaped.replaceAll(/\s+/g, "\\s+"), "gu");
}

interface Placed {
  node: Text;
  from: number;
}

/** Folded, each character in its place; blocks are apart. */
function textOf(root: HTMLElement): { nodes: Placed[]; text: string } {
  const nodes: Placed[] = [];
  const parts: string[] = [];
  let length = 0;
  let block: Element | null | undefined;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!(node instanceof Text) || node.length === 0 || parent?.closest(NOT_SAID)) continue;
    const within = parent?.closest(BLOCK);
    if (block !== undefined && within !== block) {
      parts.push(BETWEEN);
      length += BETWEEN.length;
    }
    block = within;
    nodes.push({ node, from: length });
    const folded = foldCase(node.data);
    parts.push(folded.length === node.length ? folded : node.data);
    length += node.length;
  }
  return { nodes, text: parts.join("") };
}

/** In no query, and no blank. */
const BETWEEN = "\0";

// Where a link into a turn leads on to: the question that waits there, or
// the words of a search, marked where they stand; what is drawn stays (CSS Custom Highlight API).
import { foldCase, regExpOf, termsOf } from "../../../server/shared/search-words.ts";

const NAME = "found-words";
const BLOCK = "p, li, td, th, pre, h1, h2, h3, h4, h5, h6, blockquote, div, article, summary";

/** An answer is drawn piece by piece; so long its words may come into being. */
const DRAWN_MS = 2_000;
const MOVES = ["wheel", "pointerdown", "touchstart", "keydown"] as const;

/**
 * Marks them until `left` says so, also where an answer is drawn meanwhile. `lead` is called with
 * the element of the first, again if another one is, and not any more once the reader has moved.
 */
export function markWords(
  root: HTMLElement,
  query: string,
  lead: (element: HTMLElement) => void,
  left: AbortSignal,
): void {
  let led: HTMLElement | undefined;
  let isLeading = true;
  const mark = (): void => {
    const ranges = rangesOf(root, query);
    if ("highlights" in CSS) CSS.highlights.set(NAME, new Highlight(...ranges));
    const first = isLeading ? firstSeen(ranges) : undefined;
    if (first === undefined || first === led) return;
    led = first;
    lead(first);
  };
  const stop = (): void => {
    isLeading = false;
  };
  const timer = setTimeout(stop, DRAWN_MS);
  const options = { capture: true, passive: true, signal: left };
  for (const move of MOVES) addEventListener(move, stop, options);
  const observer = new MutationObserver(mark);
  observer.observe(root, { childList: true, subtree: true, characterData: true });
  mark();
  left.addEventListener("abort", () => {
    observer.disconnect();
    clearTimeout(timer);
    if ("highlights" in CSS) CSS.highlights.delete(NAME);
  });
}

/**
 * To the first call of a turn that waits for a person; its buttons are
 * loaded with the first of them.
 */
export function leadToQuestion(
  turn: HTMLElement,
  lead: (element: HTMLElement) => void,
  left: AbortSignal,
): void {
  if (turn.dataset["status"] !== "waiting") return;
  const look = (): void => {
    const form = turn.querySelector<HTMLElement>('.tool-decision:not([data-decided="true"])');
    if (!form) return;
    observer.disconnect();
    // What it stands for begins above it.
    lead(form.closest<HTMLElement>(".tool") ?? form);
    form.focus({ preventScroll: true });
  };
  const observer = new MutationObserver(look);
  observer.observe(turn, { childList: true, subtree: true });
  left.addEventListener("abort", () => observer.disconnect());
  look();
}

function firstSeen(ranges: readonly Range[]): HTMLElement | undefined {
  const range = ranges.find((one) => one.getClientRects().length > 0);
  return range?.startContainer.parentElement ?? undefined;
}

function rangesOf(root: HTMLElement, query: string): Range[] {
  const { nodes, text } = textOf(root);
  return termsOf(query).flatMap((term) =>
    [...text.matchAll(regExpOf(term))].flatMap(({ index, 0: word }) => {
      const first = nodes.findLast(({ from }) => from <= index);
      const last = nodes.findLast(({ from }) => from < index + word.length);
      if (!first || !last) return [];
      const range = document.createRange();
      range.setStart(first.node, Math.min(index - first.from, first.node.length));
      range.setEnd(last.node, Math.min(index + word.length - last.from, last.node.length));
      return [range];
    }),
  );
}

/** Folded, each character in its place; what stands in two blocks is no word. */
function textOf(root: HTMLElement): { nodes: { node: Text; from: number }[]; text: string } {
  const nodes: { node: Text; from: number }[] = [];
  let text = "";
  let block: Element | null | undefined;
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!(node instanceof Text) || node.parentElement?.closest(".visually-hidden, button"))
      continue;
    const within = node.parentElement?.closest(BLOCK);
    if (block !== undefined && within !== block) text += "\n";
    block = within;
    nodes.push({ node, from: text.length });
    const folded = foldCase(node.data);
    text += folded.length === node.length ? folded : node.data;
  }
  return { nodes, text };
}

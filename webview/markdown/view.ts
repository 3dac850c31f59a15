import type { MarkdownIt } from "markdown-it";
import { CodeBlock, type MarkdownHost } from "./code-block.ts";
import { MarkdownDocument } from "./document.ts";
import { linkFiles } from "./file-links.ts";
import { type Piece, samePiece } from "./pieces.ts";
import { toSafeFragment } from "./sanitize.ts";
import { MATH_CLASS } from "./syntax/math.ts";

/** How much of a text that is no document any more is put on the screen. */
const MAX_PLAIN = 200_000;

let showFormula: typeof import("./formula-view.ts").showFormula | undefined;

type Group = Extract<Piece, { kind: "group" }>;

interface Shown {
  piece: Piece;
  element: Element;
  /** Where a group keeps its children. */
  inner?: Element;
  code?: CodeBlock;
}

/**
 * A growing Markdown text in an element of the page; renders at its own pace, so that it never
 * takes more than a part of the time there is.
 */
export class MarkdownView {
  readonly #root: Element;
  readonly #host: MarkdownHost;
  readonly #document: MarkdownDocument;
  #shown: Shown[] = [];
  #text = "";
  #isFinal = false;
  #notBefore = 0;

  constructor(root: Element, md: MarkdownIt, host: MarkdownHost) {
    this.#root = root;
    this.#host = host;
    this.#document = new MarkdownDocument(md);
  }

  update(text: string, isFinal: boolean): void {
    if (text === this.#text && isFinal === this.#isFinal) return;
    this.#text = text;
    this.#isFinal = isFinal;
    this.#host.queue.add(this, (isLate) => this.#render(isLate), this.#notBefore);
  }

  dispose(): void {
    this.#host.queue.remove(this);
  }

  #render(isLate: () => boolean): boolean {
    const start = performance.now();
    let more: boolean;
    do {
      const progress = this.#document.advance(this.#text, this.#isFinal);
      this.#show(progress.pieces, progress.changedFrom);
      more = progress.more;
    } while (more && !isLate());
    const end = performance.now();
    this.#notBefore = end + Math.max(16, 4 * (end - start));
    return more;
  }

  #show(pieces: readonly Piece[], changedFrom: number): void {
    for (let index = changedFrom; index < pieces.length; index += 1) {
      const piece = pieces[index];
      if (piece) this.#showPiece(index, piece);
    }
    for (const { element } of this.#shown.splice(pieces.length)) element.remove();
  }

  #showPiece(index: number, piece: Piece): void {
    const old = this.#shown[index];
    if (old && samePiece(old.piece, piece)) {
      old.piece = piece;
      return;
    }
    if (old && this.#patch(old, piece)) return;
    const made = this.#make(piece);
    if (old) old.element.replaceWith(made.element);
    else this.#root.append(made.element);
    this.#shown[index] = made;
  }

  /** Changes what stands there, if that is less than making it anew. */
  #patch(old: Shown, piece: Piece): boolean {
    const before = old.piece;
    if (piece.kind === "code" && old.code && old.code.info === piece.info) {
      old.code.update(piece.code, piece.open);
    } else if (piece.kind === "group" && before.kind === "group" && old.inner) {
      if (before.open !== piece.open) return false;
      this.#patchChildren(old.inner, before, piece);
    } else if (piece.kind === "plain" && before.kind === "plain") {
      fillPlain(old.element, piece.text, this.#host);
    } else {
      return false;
    }
    old.piece = piece;
    return true;
  }

  #patchChildren(inner: Element, before: Group, group: Group): void {
    for (const [index, html] of group.children.entries()) {
      if (before.children[index] === html) continue;
      const child = innerOf(this.#fragment(group.open + html + group.close))?.firstElementChild;
      if (!child) continue;
      const old = inner.children[index];
      if (old) old.replaceWith(child);
      else inner.append(child);
    }
    while (inner.children.length > group.children.length) inner.lastElementChild?.remove();
  }

  #make(piece: Piece): Shown {
    switch (piece.kind) {
      case "code": {
        const code = new CodeBlock(this.#host, piece.language, piece.info);
        code.update(piece.code, piece.open);
        return { piece, element: code.element, code };
      }
      case "plain": {
        const element = document.createElement("div");
        element.className = "plain-text";
        fillPlain(element, piece.text, this.#host);
        return { piece, element };
      }
      case "group": {
        const fragment = this.#fragment(piece.open + piece.children.join("") + piece.close);
        const inner = innerOf(fragment);
        const element = single(fragment);
        return inner ? { piece, element, inner } : { piece, element };
      }
      case "html":
        return { piece, element: single(this.#fragment(piece.html)) };
    }
  }

  #fragment(html: string): DocumentFragment {
    const fragment = toSafeFragment(html);
    for (const link of fragment.querySelectorAll("a")) {
      link.title = link.href;
      link.target = "_blank";
      link.rel = "noopener noreferrer";
    }
    for (const pre of fragment.querySelectorAll("pre")) {
      const { language = "", info = "" } = pre.dataset;
      const code = new CodeBlock(this.#host, language, info);
      code.update(pre.textContent, pre.dataset["open"] !== undefined);
      pre.replaceWith(code.element);
    }
    if (this.#host.openFile) linkFiles(fragment, this.#host.openFile);
    for (const formula of fragment.querySelectorAll<HTMLElement>(`.${MATH_CLASS}`)) {
      if (showFormula) showFormula(formula, this.#host);
      else void loadFormulas(formula, this.#host);
    }
    for (const table of fragment.querySelectorAll("table")) {
      const frame = document.createElement("div");
      frame.className = "table-frame";
      frame.tabIndex = 0;
      frame.setAttribute("role", "group");
      frame.setAttribute("aria-label", this.#host.text.table);
      table.replaceWith(frame);
      frame.append(table);
    }
    return fragment;
  }
}

/** Where that cannot be had it stays as it was written, and the next one asks again. */
async function loadFormulas(formula: HTMLElement, host: MarkdownHost): Promise<void> {
  ({ showFormula } = await import("./formula-view.ts").catch(() => ({ showFormula })));
  showFormula?.(formula, host);
}

/** The element whose children are a group's children: a list, or the body of a table. */
function innerOf(fragment: ParentNode): Element | null {
  const first = fragment.firstElementChild;
  return first?.querySelector(":scope > table > tbody") ?? first;
}

function single(fragment: DocumentFragment): Element {
  const [first, second] = fragment.children;
  if (first && !second) return first;
  const element = document.createElement("div");
  element.append(fragment);
  return element;
}

function fillPlain(element: Element, text: string, { text: strings }: MarkdownHost): void {
  const shown = text.slice(0, MAX_PLAIN);
  const [first, second] = element.childNodes;
  if (first instanceof Text && shown.startsWith(first.data))
    first.appendData(shown.slice(first.length));
  else element.replaceChildren(shown);
  if (text.length <= MAX_PLAIN) return;
  const note = second instanceof HTMLElement ? second : document.createElement("p");
  note.className = "plain-note";
  note.textContent = strings.plainNote(text.length - shown.length);
  if (!note.isConnected) element.append(note);
}

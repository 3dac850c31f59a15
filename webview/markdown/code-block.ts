import { ICONS, type IconName } from "../icons.ts";
import { insist } from "../insist.ts";
import type { CodeUse } from "../messages.ts";
import type { Strings } from "../strings/texts.ts";
import type { FilePlace } from "./file-links.ts";
import type { FrameQueue } from "./frame-queue.ts";
import type { highlight as Highlight } from "./highlight.ts";
import { languageName } from "./language-names.ts";
import { HIDDEN_CLASS, splitHidden } from "./syntax/hidden-characters.ts";

/** What shown Markdown needs of the world around it. */
export interface MarkdownHost {
  text: Strings;
  queue: FrameQueue;
  copy: (text: string) => void;
  /** Absent where there is no editor. */
  useCode: ((use: CodeUse) => void) | undefined;
  openFile: ((place: FilePlace) => void) | undefined;
}

const COPIED_MS = 1_500;

let highlight: typeof Highlight | undefined;

/**
 * The first block asks for the colours, a fifth of the app that most first words do without.
 * Without them code stays plain.
 */
async function loadColours(): Promise<boolean> {
  const loaded = await import("./highlight.ts").catch(() => undefined);
  highlight = loaded?.highlight;
  return loaded !== undefined;
}

/** A block of code: grows at its end while it is open, gets its colours when it closes. */
export class CodeBlock {
  readonly element: HTMLElement;
  readonly #host: MarkdownHost;
  readonly #language: string;
  readonly #info: string;
  readonly #content: HTMLElement;
  readonly #actions: HTMLElement;
  #code = "";
  #isDrawn = false;
  #isUsable = false;

  constructor(host: MarkdownHost, language: string, info: string) {
    this.#host = host;
    this.#language = language;
    this.#info = info;
    const { text } = host;
    const name = languageName(language);
    const label = document.createElement("span");
    label.className = "code-language";
    label.textContent = name;
    this.#actions = document.createElement("div");
    this.#actions.className = "code-actions";
    this.#actions.append(this.#copyButton());
    const { useCode } = host;
    if (useCode) {
      const insert = (): void =>
        useCode({ how: "insert", text: this.#code, language, info: "", hint: "" });
      this.#actions.append(iconButton("insert", text.insertCode, insert));
    }
    const head = document.createElement("div");
    head.className = "code-head";
    head.append(label, this.#actions);

    this.#content = document.createElement("code");
    const pre = document.createElement("pre");
    // Reachable without a mouse, since long lines scroll.
    pre.tabIndex = 0;
    pre.setAttribute("role", "group");
    pre.setAttribute("aria-label", name === "" ? text.code : text.codeIn(name));
    pre.append(this.#content);
    this.element = document.createElement("div");
    this.element.className = "code-block";
    this.element.append(head, pre);
  }

  get info(): string {
    return this.#info;
  }

  update(code: string, isOpen: boolean): void {
    if (code.startsWith(this.#code)) {
      this.#append(code.slice(this.#code.length));
    } else {
      this.#content.replaceChildren();
      this.#append(code);
    }
    this.#code = code;
    if (isOpen) return;
    void this.#offerUses();
    if (this.#language === "mermaid") void this.#draw();
    else this.#colour();
  }

  async #offerUses(): Promise<void> {
    const { useCode } = this.#host;
    if (!useCode || this.#isUsable) return;
    this.#isUsable = true;
    const loaded = await import("./code-actions.ts").catch(() => undefined);
    const block = {
      actions: this.#actions,
      element: this.element,
      language: this.#language,
      info: this.#info,
      code: () => this.#code,
    };
    loaded?.addCodeActions(block, useCode);
  }

  async #draw(): Promise<void> {
    const pre = this.#content.parentElement;
    if (this.#isDrawn || !pre || this.#code.trim() === "") return;
    this.#isDrawn = true;
    const loaded = await insist(
      () => import("../diagrams/diagram-view.ts"),
      () => this.element.isConnected,
    );
    loaded?.showDiagram({ block: this.element, pre, actions: this.#actions }, this.#code);
  }

  #append(text: string): void {
    if (text === "") return;
    const last = this.#content.lastChild;
    // The new text may complete a character that was cut in two.
    if (last instanceof Text && /[\uD800-\uDBFF]$/.test(last.data)) {
      const whole = last.data.slice(-1) + text;
      last.deleteData(last.length - 1, 1);
      appendRuns(this.#content, whole);
    } else {
      appendRuns(this.#content, text);
    }
  }

  #colour(): void {
    const colour = highlight;
    if (!colour) {
      void loadColours().then((isLoaded) => isLoaded && this.#colour());
      return;
    }
    const code = this.#code;
    this.#host.queue.add(this, () => {
      if (code !== this.#code) return false;
      const coloured = colour(code, this.#language);
      if (coloured) {
        showHidden(coloured);
        this.#content.replaceChildren(coloured);
      }
      return false;
    });
  }

  #copyButton(): HTMLButtonElement {
    const { text, copy } = this.#host;
    const button = iconButton("copy", text.copyCode, () => {
      copy(this.#code);
      setIcon(button, "check", text.copied);
      setTimeout(() => setIcon(button, "copy", text.copyCode), COPIED_MS);
    });
    return button;
  }
}

function appendRuns(parent: HTMLElement, text: string): void {
  for (const run of splitHidden(text, "code")) {
    const last = parent.lastChild;
    if (run.hidden) parent.append(hiddenMark(run.text));
    else if (last instanceof Text) last.appendData(run.text);
    else parent.append(run.text);
  }
}

function showHidden(root: Node): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) if (walker.currentNode instanceof Text) texts.push(walker.currentNode);
  for (const node of texts) {
    const runs = splitHidden(node.data, "code");
    if (!runs.some(({ hidden }) => hidden)) continue;
    node.replaceWith(...runs.map((run) => (run.hidden ? hiddenMark(run.text) : run.text)));
  }
}

function hiddenMark(name: string): HTMLElement {
  const mark = document.createElement("span");
  mark.className = HIDDEN_CLASS;
  mark.textContent = name;
  return mark;
}

function iconButton(icon: IconName, label: string, onClick: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-button";
  setIcon(button, icon, label);
  button.addEventListener("click", onClick);
  return button;
}

function setIcon(button: HTMLButtonElement, icon: IconName, label: string): void {
  button.dataset["icon"] = ICONS[icon];
  button.title = label;
  button.setAttribute("aria-label", label);
}

// The list that @ opens: kinds of context, then files or symbols that fit. Plain DOM, and nothing imported that the app
// has, too: this is a file of its own, loaded with the first @.
import type { Mention, MentionKind } from "../messages.ts";
import type { Editor } from "../transport/transport.ts";
import { addLooks } from "./looks.ts";
import { pickMentionStrings } from "./strings.ts";

const KINDS: readonly MentionKind[] = [
  "file",
  "selection",
  "problems",
  "terminal",
  "git",
  "symbol",
];
/** What is being written: from an @ at the beginning of a word up to the cursor. */
const WRITTEN = /(?:^|\s)@(?:(file|symbol):)?(\S*)$/;
const TYPING_MS = 80;
const MAX_TYPED = 200;

interface Written {
  from: number;
  to: number;
  /** After `@file:` or `@symbol:`. */
  only: "file" | "symbol" | undefined;
  typed: string;
}

/** Listens to the message's field from now on. `place` is where the list is shown. */
export function attachMentions(
  input: HTMLTextAreaElement,
  place: HTMLElement,
  editor: Editor,
): void {
  addLooks();
  const text = pickMentionStrings(document.documentElement.lang);
  const list = document.createElement("ul");
  list.id = "mentions";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", text.title);
  let options: Mention[] = [];
  let active = 0;
  let asked = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const isOpen = (): boolean => list.isConnected;
  const close = (): void => {
    asked += 1;
    clearTimeout(timer);
    list.remove();
    for (const name of ["aria-controls", "aria-activedescendant", "aria-haspopup"]) {
      input.removeAttribute(name);
    }
  };

  const show = (found: Mention[], known: boolean): void => {
    options = found;
    active = 0;
    list.replaceChildren(...options.map(toOption));
    if (options.length === 0) list.append(toNote(known ? text.found(0) : "…"));
    if (!isOpen()) place.append(list);
    input.setAttribute("aria-haspopup", "listbox");
    input.setAttribute("aria-controls", list.id);
    mark();
    const region = document.getElementById("announcements");
    if (known && region) region.textContent = text.found(options.length);
  };

  const toNote = (note: string): HTMLLIElement => {
    const option = document.createElement("li");
    option.setAttribute("role", "option");
    option.setAttribute("aria-disabled", "true");
    option.textContent = note;
    return option;
  };

  const toOption = ({ kind, name }: Mention, index: number): HTMLLIElement => {
    const option = document.createElement("li");
    option.id = `mention-${index}`;
    option.setAttribute("role", "option");
    const slash = (name ?? "").lastIndexOf("/") + 1;
    const detail = document.createElement("span");
    detail.className = "muted";
    detail.textContent = name === undefined ? text.kinds[kind] : name.slice(0, slash);
    option.append(name === undefined ? `@${kind}` : name.slice(slash), " ", detail);
    option.title = name ?? "";
    // The field keeps the focus.
    option.addEventListener("mousedown", (event) => event.preventDefault());
    option.addEventListener("click", () => choose(index));
    return option;
  };

  const mark = (): void => {
    const shown = options.length > 0 ? [...list.children] : [];
    for (const [index, option] of shown.entries()) {
      option.setAttribute("aria-selected", String(index === active));
    }
    const option = shown[active];
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  };

  const update = (): void => {
    const written = readWritten(input);
    clearTimeout(timer);
    asked += 1;
    if (!written) return close();
    const { only, typed } = written;
    const kinds = only ? [] : KINDS.filter((kind) => kind.startsWith(typed.toLowerCase()));
    const own = kinds.map((kind): Mention => ({ kind }));
    if (!only && typed === "") return show(own, true);
    show(own, false);
    const question = asked;
    timer = setTimeout(() => {
      void editor.findMentions(only ?? "file", typed.slice(0, MAX_TYPED)).then((found) => {
        // Written on, or left, meanwhile.
        if (question === asked) show([...own, ...found], true);
      });
    }, TYPING_MS);
  };

  const choose = (index: number): void => {
    const written = readWritten(input);
    const option = options[index];
    if (!written || !option) return close();
    const { kind, name } = option;
    const isDone = name !== undefined || (kind !== "file" && kind !== "symbol");
    const word = isDone ? `@${name ?? kind} ` : `@${kind}:`;
    input.setRangeText(word, written.from, written.to, "end");
    // Which also updates or closes the list.
    input.dispatchEvent(new Event("input", { bubbles: true }));
    if (isDone) editor.addContext([option]);
  };

  const onKey = (event: KeyboardEvent): void => {
    if (!isOpen() || event.isComposing || event.shiftKey || event.altKey) return;
    const { key } = event;
    if (key === "Escape") close();
    else if (options.length === 0) return;
    else if (key === "ArrowDown") active = (active + 1) % options.length;
    else if (key === "ArrowUp") active = (active + options.length - 1) % options.length;
    else if (key === "Enter" || key === "Tab") choose(active);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (isOpen() && key.startsWith("Arrow")) mark();
  };

  // Before the app's own listeners: Enter would send.
  input.addEventListener("keydown", onKey, true);
  input.addEventListener("input", update);
  input.addEventListener("blur", close);
  input.setAttribute("aria-autocomplete", "list");
  update();
}

function readWritten(input: HTMLTextAreaElement): Written | undefined {
  const { value, selectionStart: to, selectionEnd } = input;
  const found = to === selectionEnd ? WRITTEN.exec(value.slice(0, to)) : null;
  if (!found) return undefined;
  const [whole, only, typed = ""] = found;
  const from = found.index + whole.indexOf("@");
  return { from, to, only: only === "file" || only === "symbol" ? only : undefined, typed };
}

// The list that @ opens (kinds of context, then files or symbols that fit) and that / opens at the
// beginning (agents, prompts). Plain DOM, and nothing imported that the app has, too: this is a
// file of its own, loaded with the first of them.
import type { Agent } from "../../server/protocol/responses.ts";
import type { Mention, MentionKind } from "../messages.ts";
import type { Editor } from "../transport/transport.ts";
import type { FarDeps } from "./far.ts";
import type { Kinds, MentionStrings } from "./texts.ts";

const KINDS: readonly MentionKind[] = [
  "file",
  "folder",
  "selection",
  "problems",
  "terminal",
  "git",
  "commit",
  "symbol",
];
/** Of no editor. */
const FAR = ["url", "chat"] as const;
/** Of which there are many, to be told apart by name. */
const NAMED = "(file|folder|symbol|commit|url|chat)";
/** What is being written: from an @ at the beginning of a word up to the cursor. */
const WRITTEN = new RegExp(`(?:^|\\s)@(?:${NAMED}:)?(\\S*)$`);
/** The name of an agent or a prompt is being written, and nothing before it. */
const WRITTEN_AGENT = /^\s*\/([\p{L}\p{N}_.:-]*)$/u;
const TYPING_MS = 80;
const MAX_TYPED = 200;

interface Written {
  kind: "mention" | "agent";
  from: number;
  to: number;
  /** After `@file:` and the like. */
  only: "file" | "folder" | "symbol" | "commit" | (typeof FAR)[number] | undefined;
  typed: string;
}

interface Option {
  label: string;
  detail: string;
  title: string;
  /** What is written in its place. */
  word: string;
  /** What is added by it. */
  mention?: Mention;
  take?: () => void;
}

export interface ListDeps {
  /** Without one there are pages and chats to mention. */
  editor: Editor | undefined;
  far: FarDeps;
  text: MentionStrings;
  agents(): Promise<readonly Agent[]>;
}

/** Listens to the message's field from now on. `place` is where the list is shown. */
export function attachMentions(
  input: HTMLTextAreaElement,
  place: HTMLElement,
  { editor, agents, far, text }: ListDeps,
): void {
  const list = document.createElement("ul");
  list.id = "mentions";
  list.setAttribute("role", "listbox");
  let options: Option[] = [];
  let active = 0;
  let asked = 0;
  let known: Promise<readonly Option[]> = Promise.resolve([]);
  let prompts: readonly Option[] = [];
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

  const show = (
    found: Option[],
    known: boolean,
    { title, none }: { title: string; none: string },
  ): void => {
    list.setAttribute("aria-label", title);
    options = found;
    active = 0;
    list.replaceChildren(...options.map((option, index) => toOption(option, index, choose)));
    if (options.length === 0) list.append(toNote(known ? none : "…"));
    if (!isOpen()) place.append(list);
    input.setAttribute("aria-haspopup", "listbox");
    input.setAttribute("aria-controls", list.id);
    mark();
    const region = document.getElementById("announcements");
    if (known && region)
      region.textContent = options.length === 0 ? none : text.found(options.length);
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
    if (!written) close();
    else if (written.kind === "agent") showAgents(written.typed);
    else showMentions(written);
  };

  const showMentions = ({ only, typed }: Written): void => {
    const words = { title: text.title, none: text.found(0) };
    const kinds = [...(editor ? KINDS : []), ...FAR].filter((kind) =>
      kind.startsWith(typed.toLowerCase()),
    );
    const own = only ? [] : kinds.map((kind) => ofMention({ kind }, text.kinds));
    if (!only && !editor && own.length === 0) return close();
    if (!only && typed === "") return show(own, true, words);
    show(own, false, words);
    const question = asked;
    const look = async (): Promise<void> => {
      const found = await find({ editor, far }, { only, typed }, text.kinds).catch(() => []);
      // Written on, or left, meanwhile.
      if (question === asked) show([...own, ...found], true, words);
    };
    timer = setTimeout(() => void look(), TYPING_MS);
  };

  const showAgents = (typed: string): void => {
    const words = { title: text.agents, none: text.noAgent };
    if (!isOpen()) {
      show([], false, words);
      // Read once each time it opens: a file of the workspace may have become an agent.
      known = agents().then((all) => all.map(ofAgent));
      // They are read from files, and come a little later.
      prompts = [];
      void editor?.findMentions("prompt", "").then((found) => {
        prompts = found.map((one) => ofPrompt(one, text.kinds.prompt));
        if (isOpen()) update();
      });
    }
    const question = asked;
    void known.then((all) => {
      if (question === asked) show(fitting([...all, ...prompts], typed), true, words);
    });
  };

  const choose = (index: number): void => {
    const written = readWritten(input);
    const option = options[index];
    if (!written || !option) return close();
    input.setRangeText(option.word, written.from, written.to, "end");
    // Which also updates or closes the list.
    input.dispatchEvent(new Event("input", { bubbles: true }));
    if (option.mention) editor?.addContext([option.mention]);
    option.take?.();
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

async function find(
  { editor, far }: Pick<ListDeps, "editor" | "far">,
  { only, typed }: Pick<Written, "only" | "typed">,
  kinds: Kinds,
): Promise<Option[]> {
  if (only === "url" || only === "chat") {
    return await (await import("./far.ts")).farOptions(far, only, typed);
  }
  const found = await editor?.findMentions(only ?? "file", typed.slice(0, MAX_TYPED));
  return (found ?? []).map((one) => ofMention(one, kinds));
}

function readWritten(input: HTMLTextAreaElement): Written | undefined {
  const { value, selectionStart: to, selectionEnd } = input;
  if (to !== selectionEnd) return undefined;
  const agent = WRITTEN_AGENT.exec(value.slice(0, to));
  if (agent) {
    const name = agent[1] ?? "";
    return { kind: "agent", from: to - name.length - 1, to, only: undefined, typed: name };
  }
  const found = WRITTEN.exec(value.slice(0, to));
  if (!found) return undefined;
  const [whole, only, typed = ""] = found;
  const from = found.index + whole.indexOf("@");
  // As the expression has it.
  return { kind: "mention", from, to, only: only as Written["only"], typed };
}

function ofPrompt({ name = "", detail }: Mention, kind: string): Option {
  return { label: `/${name}`, detail: detail || kind, title: detail ?? "", word: `/${name} ` };
}

function fitting(options: readonly Option[], typed: string): Option[] {
  return options.filter(({ label, detail }) =>
    [label.slice(1), detail].some((one) => one.toLowerCase().startsWith(typed.toLowerCase())),
  );
}

function ofAgent({ type, name, description }: Agent): Option {
  const detail = [name, description].filter((words) => words !== "").join(" · ");
  return { label: `/${type}`, detail, title: description, word: `/${type} ` };
}

function toNote(note: string): HTMLLIElement {
  const option = document.createElement("li");
  option.setAttribute("role", "option");
  option.setAttribute("aria-disabled", "true");
  option.textContent = note;
  return option;
}

function toOption(
  { label, detail, title }: Option,
  index: number,
  choose: (index: number) => void,
): HTMLLIElement {
  const option = document.createElement("li");
  option.id = `mention-${index}`;
  option.setAttribute("role", "option");
  const beside = document.createElement("span");
  beside.className = "muted";
  beside.textContent = detail;
  option.append(label, " ", beside);
  option.title = title;
  // The field keeps the focus.
  option.addEventListener("mousedown", (event) => event.preventDefault());
  option.addEventListener("click", () => choose(index));
  return option;
}

type Listed = Omit<Mention, "kind"> & { kind: keyof Kinds };

function ofMention(mention: Listed, kinds: Kinds): Option {
  const { kind, name, detail } = mention;
  const isDone = name !== undefined || !NAMED.includes(kind);
  const slash = (name ?? "").lastIndexOf("/") + 1;
  return {
    label: name === undefined ? `@${kind}` : name.slice(slash),
    detail: name === undefined ? kinds[kind] : (detail ?? name.slice(0, slash)),
    title: detail ?? name ?? "",
    word: isDone ? `@${name ?? kind} ` : `@${kind}:`,
    // A page or a chat is never done by its kind.
    ...(isDone && { mention: mention as Mention }),
  };
}

// Models whose server does not tell thinking from the answer write it between tags, at the
// beginning of the text. Some do not write the first tag: it stands in their prompt.

export interface ThinkTags {
  add(delta: string): void;
  /** The next words of the answer can be shown at once, where they are plain. */
  isIdle(): boolean;
  /** How plain words that were shown since the last delta end. */
  passed(words: string): void;
  /** Nothing more has come for now: what is still undecided is decided where that is possible. */
  pause(): void;
  /** `isCut`: the answer has ended at its limit, in the middle of whatever it was. */
  end(isCut: boolean): void;
  /** Thinking is told in a field of its own: none is expected in the text. */
  toldBeside(): void;
  /** The thinking as it stood in the text, tags and all. */
  raw(): string;
}

interface Told {
  text(words: string): void;
  reasoning(words: string): void;
  /** Whether the thinking has begun in the prompt; said only where that shows. */
  begun(inPrompt: boolean): void;
}

/** Whichever of these has opened it, any of them may end it: models mix them up. */
const USUAL = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<thought>", "</thought>"],
  ["<seed:think>", "</seed:think>"],
  ["[think]", "[/think]"],
  ["◁think▷", "◁/think▷"],
] as const;
/**
 * These are words of other texts, too: each is ended by its own only. The last are whole
 * models' formats, as they leak.
 */
const OTHERS = [
  ["<reasoning>", "</reasoning>"],
  ["<reason>", "</reason>"],
  ["<thoughts>", "</thoughts>"],
  ["<mm:think>", "</mm:think>"],
  ["<longcat_think>", "</longcat_think>"],
  ["<|begin_of_thought|>", "<|end_of_thought|>"],
  ["<|start_thinking|>", "<|end_thinking|>"],
  ["<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"],
] as const;

/** What ends thinking, and where it may begin. */
interface Closing {
  tags: readonly string[];
  pattern: RegExp;
  longest: number;
}

const ANY = closingOf(USUAL.map(([, closing]) => closing));
const OPENING: ReadonlyMap<string, Closing> = new Map([
  ...USUAL.map(([opening]) => [opening, ANY] as const),
  ...OTHERS.map(([opening, closing]) => [opening, closingOf([closing])] as const),
]);

function closingOf(tags: readonly string[]): Closing {
  const escaped = tags.map((tag) => tag.replaceAll(/[[\]|]/g, "\\$&"));
  return {
    tags,
    pattern: new RegExp(escaped.join("|"), "i"),
    longest: Math.max(...tags.map(({ length }) => length)),
  };
}

interface Text {
  told: Told;
  state: "start" | "inside" | "answer";
  /** Nothing has opened it: it is taken to have begun in the prompt. */
  isAssumed: boolean;
  closing: Closing;
  held: string;
  deltas: string[];
  /** Blank lines between thinking and answer belong to neither. */
  trims: boolean;
  hasThought: boolean;
  /** All that has come before the answer. */
  raw: string;
  /** Of the answer, as long as a closing tag may come. */
  said: Before;
}

/**
 * What is to be known of words that may be many: whether they speak of tags, or
 * are code, and how they end.
 */
interface Before {
  isSpokenOf: boolean;
  isInCode: boolean;
  end: string;
}

/** Longer than any tag. */
const END = 32;

function nothing(): Before {
  return { isSpokenOf: false, isInCode: false, end: "" };
}

/** As much of it as any tag may need. */
export function endOf(words: string): string {
  return words.length > 2 * END ? words.slice(-END) : words;
}

function addTo(before: Before, words: string): Before {
  const end = before.end + words;
  if (words.includes("`") && words.split("`").length % 2 === 0) before.isInCode = !before.isInCode;
  if (end.includes("<") && /<(?:think|thinking|thought)>/i.test(end)) before.isSpokenOf = true;
  before.end = endOf(end);
  return before;
}

const MAX_WORD = 64;
const [LESS, MORE, BRACKET, TRIANGLE, TICK] = [0x3c, 0x3e, 0x5b, 0x25c1, 0x60];
const FIRST_HALF = 0xd800;

/**
 * In such words nothing is to be cleaned, no tag begins or ends, and no code: known sooner of a
 * word than patterns are searched.
 */
export function isPlainWord(words: string): boolean {
  if (words.length > MAX_WORD) return false;
  for (let at = 0; at < words.length; at += 1) {
    const code = words.charCodeAt(at);
    if (code === 0 || code >= FIRST_HALF || code === LESS || code === MORE) return false;
    if (code === BRACKET || code === TRIANGLE || code === TICK) return false;
  }
  return true;
}

/**
 * Only at the beginning: a tag in the middle of an answer, or in code, is what the answer is about.
 */
export function createThinkTags(begunInPrompt: boolean, told: Told): ThinkTags {
  const text: Text = {
    told,
    state: begunInPrompt ? "inside" : "start",
    isAssumed: begunInPrompt,
    closing: ANY,
    held: "",
    deltas: [],
    trims: false,
    hasThought: false,
    raw: "",
    said: nothing(),
  };
  return {
    add(delta) {
      if (text.state === "answer") {
        if (text.trims || (text.held === "" && !/[<[◁]/.test(delta))) {
          if (!text.trims) addTo(text.said, delta);
          told.text(delta);
        } else decideAnswer(text, delta, false);
        return;
      }
      text.held += delta;
      text.raw += delta;
      if (text.state === "start") text.deltas.push(delta);
      if (text.state === "inside") decideInside(text, false);
      else if (text.trims || /^\s*[<[◁]/.test(text.held)) decideStart(text, false);
    },
    isIdle: () => text.state === "answer" && (text.trims || text.held === ""),
    passed(words) {
      if (words !== "" && !text.trims) addTo(text.said, words);
    },
    pause() {
      if (text.state === "start") pause(text);
    },
    end(isCut) {
      if (text.state === "start") pause(text);
      if (text.state === "start") decideStart(text, true);
      else if (text.state === "answer") {
        if (text.held !== "") decideAnswer(text, "", true);
      } else {
        decideInside(text, true);
        if (!text.isAssumed || isCut || text.raw === "") return;
        // There was no thinking this time: all of it is the answer.
        told.begun(false);
        answer(text, text.raw);
      }
    },
    toldBeside() {
      if (text.isAssumed && text.raw === "") text.state = "start";
      text.isAssumed = false;
    },
    raw: () => (text.trims && text.state !== "start" ? text.raw : ""),
  };
}

function think(text: Text, words: string): void {
  const plain = text.hasThought ? words : words.trimStart();
  if (plain === "") return;
  text.hasThought = true;
  text.told.reasoning(plain);
}

function answer(text: Text, words: string): void {
  text.state = "answer";
  text.raw = text.raw.slice(0, text.raw.length - words.length);
  // As they came, where nothing had to be taken away.
  const parts = words === text.deltas.join("") ? text.deltas : [words];
  text.held = "";
  text.deltas = [];
  text.said = addTo(nothing(), words);
  for (const part of parts) if (part !== "") text.told.text(part);
}

function close(text: Text, closing: RegExpExecArray): void {
  think(text, text.held.slice(0, closing.index));
  text.held = text.held.slice(closing.index + closing[0].length);
  text.state = "start";
  text.hasThought = false;
  text.isAssumed = false;
  text.closing = ANY;
  text.trims = true;
}

function decideStart(text: Text, isLast: boolean): void {
  const begun = text.held.trimStart();
  const small = begun.slice(0, LONGEST).toLowerCase();
  for (const [opening, closing] of OPENING) {
    if (!small.startsWith(opening)) continue;
    text.state = "inside";
    text.closing = closing;
    text.held = begun.slice(opening.length);
    decideInside(text, isLast);
    return;
  }
  const closing = text.closing.pattern.exec(begun);
  if (closing?.index === 0) {
    text.held = begun;
    close(text, closing);
    decideStart(text, isLast);
    return;
  }
  if (!isLast && BEGINNINGS.some((tag) => tag.startsWith(small))) return;
  answer(text, text.trims ? begun : text.held);
}

const BEGINNINGS = [...OPENING.keys(), ...ANY.tags];
const LONGEST = Math.max(...BEGINNINGS.map(({ length }) => length));

function decideInside(text: Text, isLast: boolean): void {
  const closing = text.closing.pattern.exec(text.held);
  const before = text.raw.slice(0, text.raw.length - text.held.length + (closing?.index ?? 0));
  // That it is thinking is only assumed: a tag that it speaks about does not end it.
  if (closing && !(text.isAssumed && isAbout(addTo(nothing(), before)))) {
    close(text, closing);
    decideStart(text, isLast);
    return;
  }
  const waits = isLast ? 0 : lengthOfBegun(text.held, text.closing);
  think(text, text.held.slice(0, text.held.length - waits));
  text.held = text.held.slice(text.held.length - waits);
}

/**
 * In the answer: a closing tag that nothing has opened ends thinking that was taken for the answer.
 */
function decideAnswer(text: Text, delta: string, isLast: boolean): void {
  const { told } = text;
  const words = text.held + delta;
  text.held = "";
  const closing = ANY.pattern.exec(words);
  const shown = words.slice(0, closing?.index);
  const rest = closing ? words.slice(closing.index + closing[0].length) : "";
  if (closing && isLone(addTo({ ...text.said }, shown), rest)) {
    text.trims = true;
    told.begun(true);
    if (shown !== "") told.text(shown);
    if (rest !== "") told.text(rest);
    return;
  }
  const waits = isLast ? 0 : lengthOfBegun(words, ANY);
  text.held = words.slice(words.length - waits);
  const ready = words.slice(0, words.length - waits);
  addTo(text.said, ready);
  if (ready !== "") told.text(ready);
}

function pause(text: Text): void {
  const closing = ANY.pattern.exec(text.held);
  const [before = "", after = ""] = closing ? text.held.split(closing[0], 2) : [];
  if (closing && isLone(addTo(nothing(), before), after)) {
    close(text, closing);
    text.told.begun(true);
  }
  decideStart(text, false);
}

/** How many characters at the end may be the beginning of a closing tag. */
function lengthOfBegun(words: string, { tags, longest }: Closing): number {
  const end = words.slice(-longest).toLowerCase();
  if (!/[<[◁]/.test(end)) return 0;
  for (let from = 0; from < end.length; from += 1) {
    const rest = end.slice(from);
    if (tags.some((tag) => tag.startsWith(rest))) return rest.length;
  }
  return 0;
}

/**
 * Such a tag ends thinking: nothing has opened it, it is not code, and it is not a word of a
 * sentence, which would stand between blanks.
 */
function isLone(before: Before, after: string): boolean {
  if (isAbout(before)) return false;
  const { end } = before;
  const isBetweenWords = /[\p{L}\p{N}]$/u.test(end) && /^[\p{L}\p{N}]/u.test(after);
  return isBetweenWords || /(?:^|[\n.!?。]\s*)$/.test(end) || /^\s*\n/.test(after);
}

/** It is code, or the text has opened it itself. */
function isAbout({ isSpokenOf, isInCode }: Before): boolean {
  return isSpokenOf || isInCode;
}

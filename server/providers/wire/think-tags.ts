// Models whose server does not tell thinking from the answer write it between tags, at the beginning of the text. Some do
// not write the first tag: it stands in their prompt.

export interface ThinkTags {
  add(delta: string): void;
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

const OPENING = ["<think>", "<thinking>", "<thought>", "<seed:think>", "[think]", "◁think▷"];
const CLOSINGS = ["</think>", "</thinking>", "</thought>", "</seed:think>", "[/think]", "◁/think▷"];
const CLOSING = /<\/(?:think(?:ing)?|thought|seed:think)>|\[\/think\]|◁\/think▷/i;
const LONGEST = Math.max(...CLOSINGS.map(({ length }) => length));

/** Only at the beginning: a tag in the middle of an answer, or in code, is what the answer is about. */
export function createThinkTags(begunInPrompt: boolean, told: Told): ThinkTags {
  let state: "start" | "inside" | "answer" = begunInPrompt ? "inside" : "start";
  let isAssumed = begunInPrompt;
  let held = "";
  let deltas: string[] = [];
  /** Blank lines between thinking and answer belong to neither. */
  let trims = false;
  let hasThought = false;
  /** All that has come before the answer; of the answer, as long as a closing tag may come. */
  let raw = "";
  let said = "";

  const think = (words: string): void => {
    const plain = hasThought ? words : words.trimStart();
    if (plain === "") return;
    hasThought = true;
    told.reasoning(plain);
  };
  const answer = (words: string): void => {
    state = "answer";
    raw = raw.slice(0, raw.length - words.length);
    // As they came, where nothing had to be taken away.
    const parts = words === deltas.join("") ? deltas : [words];
    held = "";
    deltas = [];
    said = words;
    for (const part of parts) if (part !== "") told.text(part);
  };
  const close = (closing: RegExpExecArray): void => {
    think(held.slice(0, closing.index));
    held = held.slice(closing.index + closing[0].length);
    state = "start";
    hasThought = false;
    isAssumed = false;
    trims = true;
  };
  const decideStart = (isLast: boolean): void => {
    const begun = held.trimStart();
    const small = begun.slice(0, LONGEST).toLowerCase();
    const opened = OPENING.find((tag) => small.startsWith(tag));
    if (opened !== undefined) {
      state = "inside";
      held = begun.slice(opened.length);
      decideInside(isLast);
      return;
    }
    const closing = CLOSING.exec(begun);
    if (closing?.index === 0) {
      held = begun;
      close(closing);
      decideStart(isLast);
      return;
    }
    if (!isLast && [...OPENING, ...CLOSINGS].some((tag) => tag.startsWith(small))) return;
    answer(trims ? begun : held);
  };
  const decideInside = (isLast: boolean): void => {
    const closing = CLOSING.exec(held);
    const before = raw.slice(0, raw.length - held.length + (closing?.index ?? 0));
    // That it is thinking is only assumed: a tag that it speaks about does not end it.
    if (closing && !(isAssumed && isSpokenOf(before))) {
      close(closing);
      decideStart(isLast);
      return;
    }
    const waits = isLast ? 0 : lengthOfBegun(held);
    think(held.slice(0, held.length - waits));
    held = held.slice(held.length - waits);
  };
  /** In the answer: a closing tag that nothing has opened ends thinking that was taken for the answer. */
  const decideAnswer = (delta: string, isLast: boolean): void => {
    const words = held + delta;
    held = "";
    const closing = CLOSING.exec(words);
    const shown = words.slice(0, closing?.index);
    const rest = closing ? words.slice(closing.index + closing[0].length) : "";
    if (closing && isLone(said + shown, rest)) {
      trims = true;
      told.begun(true);
      if (shown !== "") told.text(shown);
      if (rest !== "") told.text(rest);
      return;
    }
    const waits = isLast ? 0 : lengthOfBegun(words);
    held = words.slice(words.length - waits);
    const ready = words.slice(0, words.length - waits);
    said += ready;
    if (ready !== "") told.text(ready);
  };

  return {
    add(delta) {
      if (state === "answer") {
        if (trims || (held === "" && !/[<[◁]/.test(delta))) {
          if (!trims) said += delta;
          told.text(delta);
        } else decideAnswer(delta, false);
        return;
      }
      held += delta;
      raw += delta;
      if (state === "start") deltas.push(delta);
      if (state === "inside") decideInside(false);
      else if (trims || /^\s*[<[◁]/.test(held)) decideStart(false);
    },
    pause() {
      if (state !== "start") return;
      const closing = CLOSING.exec(held);
      const [before = "", after = ""] = closing ? held.split(closing[0], 2) : [];
      if (closing && isLone(before, after)) {
        close(closing);
        told.begun(true);
      }
      decideStart(false);
    },
    end(isCut) {
      if (state === "start") this.pause();
      if (state === "start") decideStart(true);
      else if (state === "answer") {
        if (held !== "") decideAnswer("", true);
      } else {
        decideInside(true);
        if (!isAssumed || isCut || raw === "") return;
        // There was no thinking this time: all of it is the answer.
        told.begun(false);
        answer(raw);
      }
    },
    toldBeside() {
      if (isAssumed && raw === "") state = "start";
      isAssumed = false;
    },
    raw: () => (trims && state !== "start" ? raw : ""),
  };
}

/** How many characters at the end may be the beginning of a closing tag. */
function lengthOfBegun(words: string): number {
  const end = words.slice(-LONGEST);
  for (const sign of ["<", "[", "◁"]) {
    const rest = end.slice(end.lastIndexOf(sign)).toLowerCase();
    if (end.includes(sign) && CLOSINGS.some((tag) => tag.startsWith(rest))) return rest.length;
  }
  return 0;
}

/**
 * Such a tag ends thinking: nothing has opened it, it is not code, and it is not a word of a sentence,
 * which would stand between blanks.
 */
function isLone(before: string, after: string): boolean {
  if (isSpokenOf(before)) return false;
  const isBetweenWords = /[\p{L}\p{N}]$/u.test(before) && /^[\p{L}\p{N}]/u.test(after);
  return isBetweenWords || /(?:^|[\n.!?。]\s*)$/.test(before) || /^\s*\n/.test(after);
}

/** It is code, or the text has opened it itself. */
function isSpokenOf(before: string): boolean {
  const isInCode = (before.match(/`/g)?.length ?? 0) % 2 === 1;
  return isInCode || /<(?:think|thinking|thought)>/i.test(before);
}

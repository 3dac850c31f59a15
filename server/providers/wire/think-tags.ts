// Models whose server does not tell thinking from the answer write it between tags, at the beginning of the text.

export interface ThinkTags {
  add(delta: string): void;
  /** Nothing more has come for now: what is still undecided is decided where that is possible. */
  pause(): void;
  end(): void;
}

interface Told {
  text(words: string): void;
  reasoning(words: string): void;
}

const OPENING = ["<think>", "<thinking>"];
const CLOSING = /<\/think(?:ing)?>/;
const LONGEST = "</thinking>".length;

/** Only at the beginning: a tag in the middle of an answer, or in code, is what the answer is about. */
export function createThinkTags({ text, reasoning }: Told): ThinkTags {
  let state: "start" | "inside" | "answer" = "start";
  let held = "";
  let deltas: string[] = [];
  /** Blank lines between thinking and answer belong to neither. */
  let trims = false;

  const answer = (words: string): void => {
    state = "answer";
    // As they came, where nothing had to be taken away.
    const parts = words === deltas.join("") ? deltas : [words];
    held = "";
    deltas = [];
    for (const part of parts) if (part !== "") text(part);
  };
  const decideStart = (isLast: boolean): void => {
    const begun = held.trimStart();
    const opened = OPENING.find((tag) => begun.startsWith(tag));
    if (opened !== undefined) {
      state = "inside";
      held = begun.slice(opened.length).replace(/^\n/, "");
      decideInside(isLast);
      return;
    }
    const mayOpen = OPENING.some((tag) => tag.startsWith(begun));
    if (mayOpen && !isLast) return;
    answer(trims ? begun : held);
  };
  const decideInside = (isLast: boolean): void => {
    const closing = CLOSING.exec(held);
    if (closing) {
      if (closing.index > 0) reasoning(held.slice(0, closing.index));
      state = "start";
      trims = true;
      held = held.slice(closing.index + closing[0].length);
      decideStart(isLast);
      return;
    }
    const waits = isLast ? 0 : lengthOfBegun(held);
    const words = held.slice(0, held.length - waits);
    held = held.slice(held.length - waits);
    if (words !== "") reasoning(words);
  };

  return {
    add(delta) {
      if (state === "answer") {
        text(delta);
        return;
      }
      held += delta;
      if (state === "start") deltas.push(delta);
      if (state === "inside") decideInside(false);
      // The tag that opens may stand in the prompt: then only the closing one comes, and with luck soon.
      else if (trims || held.trimStart().startsWith("<")) decideStart(false);
    },
    pause() {
      if (state !== "start") return;
      const closing = isInCode(held) ? null : CLOSING.exec(held);
      const begun = held.trimStart();
      if (closing && !OPENING.some((tag) => begun.startsWith(tag))) {
        if (closing.index > 0) reasoning(held.slice(0, closing.index));
        held = held.slice(closing.index + closing[0].length);
        trims = true;
      }
      decideStart(false);
    },
    end() {
      if (state === "start") {
        this.pause();
        if (state === "start") decideStart(true);
      } else if (state === "inside") decideInside(true);
    },
  };
}

/** How many characters at the end may be the beginning of a closing tag. */
function lengthOfBegun(words: string): number {
  const at = words.lastIndexOf("<");
  const rest = words.length - at;
  if (at < 0 || rest >= LONGEST) return 0;
  return "</thinking>".startsWith(words.slice(at)) || "</think>".startsWith(words.slice(at))
    ? rest
    : 0;
}

function isInCode(words: string): boolean {
  const closing = CLOSING.exec(words);
  const before = closing ? words.slice(0, closing.index) : words;
  return (before.match(/`/g)?.length ?? 0) % 2 === 1 || /<think(?:ing)?>/.test(before);
}

// The words of one answer, and whatever else is told of it, in their order. Nearly every event of
// an answer is a few plain words: those find what they need in few places, since a process that
// hears many answers at a time finds none of it in its caches.
import { createTextCleaner } from "../clean-text.ts";
import type { ProviderEvent } from "../provider.ts";
import type { Limits, State } from "./answer-state.ts";
import type { CallPiece } from "./calls.ts";
import { createThinkTags, endOf, isPlainWord } from "./think-tags.ts";
import { createWrittenCalls } from "./written-calls.ts";

export interface Words {
  text(words: string): void;
  reasoning(words: string): void;
  /** Of the thinking that stood in the text, as it came. */
  tagged(): string;
  /** Something was told that is no words, of so many characters. */
  count(characters: number): void;
  tell(event: ProviderEvent): void;
  /** What was held back is decided where that is possible. */
  pause(): void;
  /** Nothing more is to come. */
  end(why: string): void;
  /** Calls that stand in the text, at its end. */
  written(): CallPiece[] | undefined;
  /** Characters of text so far. */
  shown(): number;
  take(): ProviderEvent[];
}

export function createWords(state: State, limits: Limits): Words {
  const texts = createTextCleaner();
  const thoughts = createTextCleaner();
  const written = createWrittenCalls(limits.tools ?? []);
  let events: ProviderEvent[] = [];
  let chars = 0;
  let shown = 0;
  /** Plain words are shown as they come; those that were since the tags were told of any. */
  let isPlain = false;
  let plain = "";

  const tell = (event: ProviderEvent): void => {
    // A list that grows from nothing is given room for many: most have one.
    if (events.length === 0) events = [event];
    else events.push(event);
  };
  const count = (characters: number, isBlank = false): void => {
    state.progress += 1;
    state.understood = true;
    if (!isBlank) state.empty = false;
    if (state.reason !== undefined) state.wentOn = true;
    chars += characters;
    if (chars > limits.maxChars) {
      state.tooLong = true;
      state.isOver = true;
    }
  };
  const show = (clean: string, words: string): void => {
    shown += clean.length;
    if (clean !== "") tell({ type: "text", text: clean });
    if (!state.answered) state.answered = words.trim() !== "";
    count(words.length, state.empty && words.trim() === "");
  };
  const say = (words: string): void => {
    if (words === "" || state.tooLong) return;
    const clean = texts.add(words);
    written.add(clean);
    show(clean, words);
  };
  const think = (words: string): void => {
    if (words === "" || state.tooLong) return;
    const clean = thoughts.add(words);
    if (clean !== "") tell({ type: "reasoning", text: clean });
    count(words.length, state.empty && words.trim() === "");
  };
  const tags = createThinkTags(limits.thinkingBegun ?? false, {
    text: say,
    reasoning: think,
    begun: (inPrompt) => {
      state.thinkingBegun = inPrompt;
    },
  });
  const pause = (): void => {
    if (!isPlain) tags.pause();
  };

  return {
    text(words) {
      if (words === "") return;
      if (isPlain && isPlainWord(words)) {
        if (state.tooLong) return;
        plain = endOf(plain + words);
        if (written.isNear()) written.add(words);
        show(words, words);
        return;
      }
      tags.passed(plain);
      plain = "";
      tags.add(words);
      isPlain = tags.isIdle() && texts.isIdle();
    },
    reasoning(words) {
      if (words !== "") tags.toldBeside();
      think(words);
    },
    tagged: tags.raw,
    count,
    tell,
    pause,
    end(why) {
      tags.end(state.reason === "length");
      if (!state.answered) say(why);
      const rests = { reasoning: thoughts.rest(), text: texts.rest() };
      for (const type of ["reasoning", "text"] as const) {
        if (rests[type] !== "") tell({ type, text: rests[type] });
      }
    },
    written: written.read,
    shown: () => shown,
    take() {
      pause();
      const taken = events;
      events = [];
      return taken;
    },
  };
}

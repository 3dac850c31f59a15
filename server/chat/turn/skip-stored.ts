import { ChatError } from "../../errors.ts";

/** Of an answer that comes once more from its beginning, what is not stored yet. */
export interface StoredPart {
  /** What of these next words is new. Throws if they are others than those that are stored. */
  rest(kind: Kind, words: string): string;
  /** The answer is at its end. Throws if more of it is stored. */
  end(): void;
  /** It goes on behind what is stored. */
  readonly isPast: boolean;
}

type Kind = "text" | "reasoning";

export function skipStored(stored: Readonly<Record<Kind, string>>): StoredPart {
  const seen: Record<Kind, number> = { text: 0, reasoning: 0 };
  let isPast = false;
  return {
    get isPast() {
      return isPast;
    },
    rest(kind, words) {
      const known = stored[kind].slice(seen[kind], seen[kind] + words.length);
      if (!words.startsWith(known)) throw anotherAnswer();
      seen[kind] += known.length;
      if (known.length < words.length) isPast = true;
      return words.slice(known.length);
    },
    end() {
      const all = seen.text === stored.text.length && seen.reasoning === stored.reasoning.length;
      if (!all) throw anotherAnswer();
      isPast = true;
    },
  };
}

function anotherAnswer(): ChatError {
  return new ChatError("upstream_malformed", "The vendor gave another answer than the one begun.", {
    hint: "What had arrived is kept. Continue or retry.",
  });
}

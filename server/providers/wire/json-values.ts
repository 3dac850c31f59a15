// JSON objects that follow each other in a text that comes in pieces: in one line, on lines of
// their own, over many lines, as the members of one list. What stands between them is told beside.

export interface JsonValues {
  write(text: string): void;
  /** False: the text ends inside of a value. */
  end(): boolean;
  /** In the middle of a value. */
  isOpen(): boolean;
  /** Of what is begun. */
  size(): number;
}

export function createJsonValues(found: {
  value(json: string): void;
  /** A line at most, and never blank. */
  between(words: string): void;
}): JsonValues {
  let value = "";
  let between = "";
  let depth = 0;
  let isInText = false;
  let isEscaped = false;
  /** The characters before this one, the second without blanks. */
  let before = "";
  let last = "";

  const tellBetween = (): void => {
    const words = between.trim();
    between = "";
    if (words !== "") found.between(words);
  };
  const endValue = (): void => {
    const json = value;
    value = "";
    depth = 0;
    isInText = false;
    isEscaped = false;
    found.value(json);
  };
  const readInside = (character: string): void => {
    value += character;
    if (isEscaped) isEscaped = false;
    else if (isInText) {
      if (character === "\\") isEscaped = true;
      else if (character === '"') isInText = false;
    } else if (character === '"') isInText = true;
    else if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") {
      depth -= 1;
      if (depth === 0) endValue();
    }
  };
  /** A line that begins with an object ends what is open and cannot go on so: that was cut. */
  const isCutHere = (): boolean =>
    (before === "\n" || before === "\r") && (isInText || !"[,:".includes(last));

  return {
    write(text) {
      for (const character of text) {
        if (character === "{" && (depth === 0 || isCutHere())) {
          if (depth > 0) endValue();
          tellBetween();
          value = character;
          depth = 1;
        } else if (depth > 0) readInside(character);
        else {
          between += character;
          if (character === "\n") tellBetween();
        }
        before = character;
        if (character.trim() !== "") last = character;
      }
    },
    end() {
      tellBetween();
      const isWhole = depth === 0;
      if (!isWhole) endValue();
      return isWhole;
    },
    isOpen: () => depth > 0,
    size: () => value.length + between.length,
  };
}

// JSON as some servers write it: two values in one line, a comma too many, a line broken in the middle of a text.

/** The values in it; none if nothing of it can be read. */
export function looseJson(source: string): unknown[] {
  try {
    return [JSON.parse(source) as unknown];
  } catch {
    const mended = source.replaceAll("\n", "");
    const found = valuesIn(mended).map(parseOne);
    return found.every((one) => one !== undefined) ? found : [];
  }
}

function parseOne(source: string): unknown {
  for (const attempt of [source, withoutCommas(source)]) {
    try {
      return JSON.parse(attempt) as unknown;
    } catch {
      // The next attempt, or none.
    }
  }
  return undefined;
}

/** The objects and lists that follow each other; what stands between them is left out. */
function valuesIn(source: string): string[] {
  const values: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < source.length; at += 1) {
    const character = source[at];
    if (character === '"' && depth > 0) at = endOfText(source, at);
    else if (character === "{" || character === "[") {
      if (depth === 0) from = at;
      depth += 1;
    } else if ((character === "}" || character === "]") && depth > 0) {
      depth -= 1;
      if (depth === 0) values.push(source.slice(from, at + 1));
    }
  }
  return depth === 0 ? values : [];
}

function endOfText(source: string, start: number): number {
  for (let at = start + 1; at < source.length; at += 1) {
    if (source[at] === "\\") at += 1;
    else if (source[at] === '"') return at;
  }
  return source.length;
}

/** Of commas before a bracket that closes, outside of texts. */
function withoutCommas(source: string): string {
  return source.replaceAll(/"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])/g, (found) =>
    found === "," ? "" : found,
  );
}

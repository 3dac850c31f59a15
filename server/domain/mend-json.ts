// What models write in the place of JSON, read where only one reading is possible. What was
// cut off is never completed, and what could mean two things is refused: a call is run as it
// was meant, or not at all.

/** Thrown while reading; its message is for the model. */
class Unreadable extends Error {}

interface JsonReader {
  readonly text: string;
  at: number;
}

/** In what a value stands; says what a closing brace too many may be. */
type Place = "top" | "list" | "object";

const MAX_DEPTH = 200;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y;
const WORD = /(?:true|false|null|True|False|None)(?!\w)/y;
const NAME = /[A-Za-z_$][\w$-]*/y;
const SPACE = /[\s\ufeff]*/y;
const KEY_AFTER_BRACE = /\}\s*,\s*"(?:[^"\\]|\\.)*"\s*:/y;
const WORDS: Readonly<Record<string, boolean | null>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  null: null,
  None: null,
};

/** The JSON object that a text stands for, or why it cannot be told which. */
export function mendObject(text: string): { value: Record<string, unknown> } | { fault: string } {
  try {
    return { value: toObject(readText(text), 0) };
  } catch (thrown) {
    if (thrown instanceof Unreadable) return { fault: thrown.message };
    throw thrown;
  }
}

/** The value that a text stands for; undefined if that cannot be told. */
export function mendValue(text: string): unknown {
  try {
    return readText(text);
  } catch (thrown) {
    if (thrown instanceof Unreadable) return undefined;
    throw thrown;
  }
}

/** JSON in JSON, a list of one, nothing at all: each stands for one object. */
function toObject(value: unknown, depth: number): Record<string, unknown> {
  if (value === null) return {};
  if (typeof value === "string" && depth === 0) return toObject(readText(value), 1);
  if (Array.isArray(value) && value.length === 1) return toObject(value[0], 1);
  if (typeof value === "object" && !Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value));
  }
  throw new Unreadable("it is no JSON object");
}

function readText(text: string): unknown {
  const strict = parse(text);
  if (strict) return strict.value;
  const start = text.search(/[[{]/);
  if (start < 0) throw new Unreadable("it is no JSON object");
  // Words or a fence before it; a quote would be a part of something that has lost its beginning.
  if (text.slice(0, start).includes('"')) throw new Unreadable("it does not begin with a brace");
  const r: JsonReader = { text, at: start };
  const twice = /^\{\s*(?=\{)/.exec(text.slice(start))?.[0];
  if (twice !== undefined) r.at += twice.length;
  let value = readValue(r, "top", 0);
  if (twice !== undefined && !/^\s*\}/.test(text.slice(r.at))) throw cutOff("an object");
  for (;;) {
    // Braces too many.
    r.at += /^[\s\]}]*/.exec(text.slice(r.at))?.[0].length ?? 0;
    if (!/^[{[]/.test(text.slice(r.at))) break;
    value = oneOf(value, readValue(r, "top", 0));
  }
  if (/["{}[\]]/.test(text.slice(r.at))) {
    throw new Unreadable(`more follows after its end${where(r)}`);
  }
  return value;
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** Some servers send a call's arguments twice, or an empty object before them. */
function oneOf(one: unknown, other: unknown): unknown {
  const [first, second] = [JSON.stringify(one), JSON.stringify(other)];
  if (first === "{}" || first === second) return other;
  if (second === "{}") return one;
  throw new Unreadable("there are two objects where one is expected");
}

function readValue(r: JsonReader, place: Place, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new Unreadable("it is nested too deeply");
  skipSpace(r);
  const char = r.text[r.at];
  if (char === undefined) throw cutOff("a value");
  if (char === "{") return readObject(r, place, depth);
  if (char === "[") return readList(r, depth);
  if (char === '"' || char === "'") return readString(r, char);
  const number = take(r, NUMBER);
  if (number !== undefined) return Number(number);
  const word = take(r, WORD);
  if (word !== undefined) return WORDS[word] ?? null;
  throw new Unreadable(`no value begins with ${JSON.stringify(char)}${where(r)}`);
}

function readList(r: JsonReader, depth: number): unknown[] {
  const list: unknown[] = [];
  r.at += 1;
  for (;;) {
    skipSpace(r);
    if (r.text[r.at] === "]") break;
    list.push(readValue(r, "list", depth + 1));
    if (next(r, "]", "}", "a list") === "]") break;
  }
  r.at += 1;
  return list;
}

function readObject(r: JsonReader, place: Place, depth: number): Record<string, unknown> {
  const entries = new Map<string, unknown>();
  r.at += 1;
  for (;;) {
    skipSpace(r);
    if (r.text[r.at] === "}") break;
    const key = readKey(r);
    skipSpace(r);
    if (r.text[r.at] === undefined) throw cutOff("an object");
    if (r.text[r.at] !== ":") throw new Unreadable(`a colon is missing${where(r)}`);
    r.at += 1;
    const value = readValue(r, "object", depth + 1);
    if (entries.has(key) && JSON.stringify(entries.get(key)) !== JSON.stringify(value)) {
      throw new Unreadable(`${JSON.stringify(key)} is there twice`);
    }
    entries.set(key, value);
    while (place !== "object" && isAt(r, KEY_AFTER_BRACE)) r.at += 1;
    if (next(r, "}", "]", "an object") === "}") break;
  }
  r.at += 1;
  return Object.fromEntries(entries);
}

function readKey(r: JsonReader): string {
  const char = r.text[r.at];
  if (char === undefined) throw cutOff("an object");
  if (char === '"' || char === "'") return readString(r, char);
  const name = take(r, NAME);
  if (name === undefined) throw new Unreadable(`a name in quotes is missing${where(r)}`);
  return name;
}

/** After a value: a comma, or the end. A closing brace of the wrong kind is one too many. */
function next(r: JsonReader, end: string, stray: string, what: string): string {
  for (;;) {
    skipSpace(r);
    const char = r.text[r.at];
    if (char === undefined) throw cutOff(what);
    if (char === end) return end;
    if (char !== "," && char !== stray) {
      throw new Unreadable(`a comma is missing, or a quote in a text has no backslash${where(r)}`);
    }
    r.at += 1;
    if (char === ",") return ",";
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** What may have been meant as the character alone, or as an escape of another language. */
const AMBIGUOUS = /^(?:['`$_x0]|u[\dA-Fa-f{])/;

/**
 * Raw line feeds and the like are what they are. A backslash that escapes nothing stands for
 * itself, unless other escapes in the same text put in doubt what its backslashes mean.
 */
function readString(r: JsonReader, quote: string): string {
  const begin = r.at;
  const special = quote === '"' ? /["\\]/g : /['\\]/g;
  let text = "";
  let isEscaped = false;
  let lone: string | undefined;
  r.at += 1;
  for (;;) {
    special.lastIndex = r.at;
    const found = special.exec(r.text);
    if (!found) throw cutOff("a text");
    text += r.text.slice(r.at, found.index);
    r.at = found.index + 1;
    if (found[0] === quote) break;
    const char = r.text[r.at];
    if (char === undefined) throw cutOff("a text");
    const unicode = /^u([\dA-Fa-f]{4})/.exec(r.text.slice(r.at, r.at + 5))?.[1];
    const meant = char === quote ? quote : ESCAPES[char];
    if (unicode !== undefined) text += String.fromCharCode(Number.parseInt(unicode, 16));
    else if (meant !== undefined) text += meant;
    else if (AMBIGUOUS.test(r.text.slice(r.at, r.at + 2))) throw badEscape(r, char);
    else {
      text += `\\${char}`;
      lone ??= char;
    }
    isEscaped ||= unicode !== undefined || (meant !== undefined && char !== quote);
    r.at += unicode === undefined ? 1 : 5;
  }
  if (lone !== undefined && isEscaped) {
    r.at = begin;
    throw badEscape(r, lone);
  }
  return text;
}

function badEscape(r: JsonReader, char: string): Unreadable {
  return new Unreadable(`\\${char} is no escape in JSON; write \\\\ for a backslash${where(r)}`);
}

function cutOff(inside: string): Unreadable {
  return new Unreadable(`it ends inside of ${inside}`);
}

function where({ text, at }: JsonReader): string {
  const near = text.slice(Math.max(0, at - 20), at + 20);
  return ` (character ${at + 1}, near ${JSON.stringify(near)})`;
}

function skipSpace(r: JsonReader): void {
  take(r, SPACE);
}

function take(r: JsonReader, pattern: RegExp): string | undefined {
  pattern.lastIndex = r.at;
  const [found] = pattern.exec(r.text) ?? [];
  if (found !== undefined) r.at += found.length;
  return found;
}

function isAt(r: JsonReader, pattern: RegExp): boolean {
  pattern.lastIndex = r.at;
  return pattern.test(r.text);
}

// The body of an answer -> its events, whatever the server says that it is: server-sent events, a
// JSON document, lines of JSON. What comes decides, not the content type.
import { StringDecoder } from "node:string_decoder";
import { createParser } from "eventsource-parser";
import { createJsonValues } from "./json-values.ts";
import { looseJson } from "./loose-json.ts";

export interface BodyEvents {
  event(value: unknown, name: string | undefined): void;
  /** An event that is no JSON, or empty. */
  unreadable(data: string): void;
  /** `[DONE]`, OpenAI's end mark. */
  done(): void;
  /** A line, an event or a document above the limit. */
  tooLong(): void;
}

export interface BodyReader {
  write(bytes: Buffer): void;
  end(): void;
  /**
   * The beginning of what said nothing, for people: blank where nothing came, undefined
   * where it was cut in a value.
   */
  stray(): string | undefined;
}

const MAX_STRAY = 4_096;

export function createBodyReader(
  events: BodyEvents,
  limits: { eventChars: number; documentChars: number },
): BodyReader {
  const decoder = new StringDecoder("utf8");
  let stray = "";
  let isStrayFull = false;
  let feed: Feed | undefined;
  let start = "";
  let isCut = false;

  const onText = (text: string, isLast: boolean): void => {
    if (!isStrayFull) {
      stray += text;
      isStrayFull = stray.length >= MAX_STRAY;
    }
    if (feed) {
      isCut = feed(text, isLast);
      return;
    }
    start += text;
    const first = /[^\s\p{Cc}\uFEFF]/u.exec(start)?.[0];
    if (first === undefined && !isLast && start.length < limits.eventChars) return;
    feed =
      first === "{" || first === "["
        ? readJson(events, limits.documentChars)
        : readEvents(events, limits.eventChars);
    const all = start.replace(/^\uFEFF+/, "");
    start = "";
    isCut = feed(all, isLast);
  };

  /** The bytes so far may have ended in the middle of a character. */
  let isBroken = false;

  return {
    write(bytes) {
      const wasBroken = isBroken;
      isBroken = (bytes[bytes.length - 1] ?? 0) >= 0x80;
      onText(wasBroken || isBroken ? decoder.write(bytes) : bytes.toString(), false);
    },
    end() {
      onText(decoder.end(), true);
    },
    // Comments, and events without data, say nothing.
    stray: () =>
      isCut
        ? undefined
        : stray
            .slice(0, MAX_STRAY)
            .replaceAll(/^(?::.*|(?:data|event|id|retry):\s*)$/gm, "")
            .trim(),
  };
}

/** True: the end has come inside of a value. */
type Feed = (text: string, isLast: boolean) => boolean;

function readEvents(events: BodyEvents, maxChars: number): Feed {
  let isLast = false;
  let isOver = false;
  const giveUp = (): void => {
    isOver = true;
    events.tooLong();
  };
  const readLoosely = (data: string, name: string | undefined): void => {
    const trimmed = data.trim();
    // An error may be told in plain words.
    if (name === "error" && trimmed !== "" && !/^[[{]/.test(trimmed)) {
      events.event({ error: trimmed }, name);
      return;
    }
    // What the end of the connection has cut is no fault of the event.
    const values = looseJson(DONE.test(trimmed) ? trimmed.replace(DONE, "") : trimmed);
    for (const value of values) events.event(value, name);
    if (DONE.test(trimmed)) events.done();
    else if (values.length === 0 && !isLast) events.unreadable(data);
  };
  const strange = createStrangeLines(events, readLoosely);
  const parser = createParser({
    maxBufferSize: maxChars,
    onEvent({ data, event }) {
      if (data.charCodeAt(0) === OPENING) {
        let value: unknown;
        try {
          value = JSON.parse(data);
        } catch {
          readLoosely(data, event);
          return;
        }
        events.event(value, event);
      } else readLoosely(data, event);
    },
    onError({ type, line }) {
      if (type === "max-buffer-size-exceeded") giveUp();
      else if (type === "unknown-field" && !isOver) strange.read(line ?? "");
    },
  });
  const wholeLines = createWholeLines();
  /** The text so far has ended in the middle of a line. */
  let isOpen = false;
  return (text, last) => {
    if (isOver) return false;
    isLast = last;
    const wasOpen = isOpen;
    isOpen = text.charCodeAt(text.length - 1) !== LINE_END;
    // As it is nearly always: what has come is whole lines.
    const whole = wasOpen || isOpen ? wholeLines.take(text, last) : text;
    // The last event may lack its blank line.
    const lines = last ? `${whole}\n\n` : whole;
    if (isOpen && wholeLines.held() > maxChars) giveUp();
    // Some servers leave out the blank line between two events.
    else parser.feed(lines.includes("}\ndata:") ? lines.replaceAll(JOINED, "}\n\n") : lines);
    if (last && !isOver) strange.end();
    return false;
  };
}

const OPENING = "{".charCodeAt(0);
const LINE_END = "\n".charCodeAt(0);

/** The end mark, by itself or after what it ends. */
const DONE = /(?:^|\s)"?\[DONE\]"?$/i;
const JOINED = /\}\n(?=data: ?\{)/g;

/**
 * The parser drops of a line that it does not know what came before its end: such
 * lines are to be read, too.
 */
function createWholeLines(): { take(text: string, isLast: boolean): string; held(): number } {
  let parts: string[] = [];
  let held = 0;
  return {
    take(text, isLast) {
      if (parts.length === 0 && (isLast || text.endsWith("\n"))) return text;
      const end = isLast
        ? text.length
        : Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r")) + 1;
      const rest = text.slice(end);
      const whole = end === 0 && !isLast ? "" : parts.join("") + text.slice(0, end);
      if (end > 0 || isLast) {
        parts = [];
        held = 0;
      }
      if (rest !== "") parts.push(rest);
      held += rest.length;
      return whole;
    },
    held: () => held,
  };
}

/**
 * Lines that are no field of an event: `data:` in capitals or behind blanks, llama.cpp's `error:
 * …`, JSON without a field, and words or a page of a proxy that has lost the server.
 */
function createStrangeLines(
  events: BodyEvents,
  readData: (data: string, name: string | undefined) => void,
): { read(line: string): void; end(): void } {
  let name: string | undefined;
  const json = createJsonValues({
    value(source) {
      const found = looseJson(source);
      for (const value of found) events.event(value, undefined);
      if (found.length === 0) events.unreadable(source);
    },
    between(words) {
      // The connection may have ended in the name of a field.
      if (/\w/.test(words) && !"data:event:retry:".includes(words)) events.unreadable(words);
    },
  });
  return {
    read(line) {
      const [, field, value = ""] = json.isOpen() ? [] : (FIELD.exec(line) ?? []);
      switch (field?.toLowerCase()) {
        case "data":
          readData(value, name);
          name = undefined;
          break;
        case "error":
          readData(value, "error");
          break;
        case "event":
          name = value.trim();
          break;
        case undefined:
          json.write(`${line}\n`);
          break;
      }
    },
    end: () => json.end(),
  };
}

const FIELD = /^[\s\uFEFF]*(data|error|event|id|retry):\s?(.*)$/i;

/** A document, a list of them, or one on each line. */
function readJson(events: BodyEvents, maxChars: number): Feed {
  let isOver = false;
  const values = createJsonValues({
    value(json) {
      const found = looseJson(json);
      for (const value of found) events.event(value, undefined);
      if (found.length === 0 && !isOver) events.unreadable(json);
    },
    between(words) {
      if (/\[DONE\]/i.test(words)) events.done();
      else if (/\w/.test(words) && !/^(?:data|event|id|retry|:)/.test(words)) {
        events.unreadable(words);
      }
    },
  });
  return (text, isLast) => {
    if (isOver) return false;
    values.write(text);
    isOver = isLast || values.size() > maxChars;
    if (!isLast && isOver) events.tooLong();
    return isLast && !values.end();
  };
}

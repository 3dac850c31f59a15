// The body of an answer -> its events, whatever the server says that it is: server-sent events, a JSON document, lines of
// JSON. What comes decides, not the content type.
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
  /** The beginning of what said nothing, for people: blank where nothing came, undefined where it was cut in a value. */
  stray(): string | undefined;
}

const MAX_STRAY = 4_096;

export function createBodyReader(
  events: BodyEvents,
  limits: { eventChars: number; documentChars: number },
): BodyReader {
  const decoder = new StringDecoder("utf8");
  let stray = "";
  let feed: Feed | undefined;
  let start = "";
  let isCut = false;

  const onText = (text: string, isLast: boolean): void => {
    if (stray.length < MAX_STRAY) stray += text;
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
    const all = start;
    start = "";
    isCut = feed(all, isLast);
  };

  return {
    write(bytes) {
      onText(decoder.write(bytes), false);
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

function readEvents(events: BodyEvents, maxBufferSize: number): Feed {
  let isLast = false;
  let isOver = false;
  const parser = createParser({
    maxBufferSize,
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
    onError({ type }) {
      if (type !== "max-buffer-size-exceeded") return;
      isOver = true;
      events.tooLong();
    },
  });
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
  const withErrors = createErrorLines();
  return (text, last) => {
    if (isOver) return false;
    const lines = withErrors(text, last);
    // Some servers leave out the blank line between two events.
    parser.feed(lines.includes("}\ndata:") ? lines.replaceAll(JOINED, "}\n\n") : lines);
    if (!last || isOver) return false;
    // The last event may lack its blank line.
    isLast = true;
    parser.feed("\n\n");
    return false;
  };
}

const OPENING = "{".charCodeAt(0);

/** The end mark, by itself or after what it ends. */
const DONE = /(?:^|\s)"?\[DONE\]"?$/i;
const JOINED = /\}\n(?=data: ?\{)/g;

/** llama.cpp tells of an error in a line `error: …`, in the place of `data: …`: a field that the parser does not know. */
function createErrorLines(): (text: string, isLast: boolean) => string {
  let held = "";
  let isLineStart = true;
  return (text, isLast) => {
    if (held === "" && text.endsWith("\n") && !text.includes(ERROR_LINE)) {
      isLineStart = true;
      return text;
    }
    let all = held + text;
    held = "";
    const from = all.lastIndexOf("\n") + 1;
    const tail = all.slice(from);
    if (tail !== "" && !isLast && (from > 0 || isLineStart) && ERROR_LINE.startsWith(tail)) {
      held = tail;
      all = all.slice(0, from);
    }
    if (all === "") return all;
    const begins = isLineStart;
    isLineStart = all.endsWith("\n");
    if (!all.includes(ERROR_LINE)) return all;
    return all.replaceAll(/(^|\n)error:/g, (found, before: string, at: number) =>
      at === 0 && before === "" && !begins ? found : `${before}event: error\ndata:`,
    );
  };
}

const ERROR_LINE = "error:";

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

// The body of an answer -> its events, whatever the server says that it is: server-sent events, a JSON document, lines of
// JSON. What comes decides, not the content type.
import { StringDecoder } from "node:string_decoder";
import { createParser } from "eventsource-parser";
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
  /** The beginning of what was none of it, for people. */
  stray(): string;
}

const MAX_STRAY = 4_096;

export function createBodyReader(
  events: BodyEvents,
  limits: { eventChars: number; documentChars: number },
): BodyReader {
  const decoder = new StringDecoder("utf8");
  let stray = "";
  let feed: ((text: string, isLast: boolean) => void) | undefined;
  let start = "";

  const onText = (text: string, isLast: boolean): void => {
    if (feed) {
      feed(text, isLast);
      return;
    }
    start += text;
    const first = /[^\s\uFEFF]/.exec(start)?.[0];
    if (first === undefined && !isLast && start.length < limits.eventChars) return;
    if (first === "{" || first === "[") feed = readJson(events, limits.documentChars);
    else {
      const sse = readEvents(events, limits.eventChars);
      feed = (piece, last) => {
        if (stray.length < MAX_STRAY) stray += piece;
        sse(piece, last);
      };
    }
    const all = start;
    start = "";
    feed(all, isLast);
  };

  return {
    write(bytes) {
      onText(decoder.write(bytes), false);
    },
    end() {
      onText(decoder.end(), true);
    },
    stray: () => stray.slice(0, MAX_STRAY),
  };
}

type Feed = (text: string, isLast: boolean) => void;

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
    if (trimmed === "[DONE]") {
      events.done();
      return;
    }
    // An error may be told in plain words.
    if (name === "error" && trimmed !== "" && !/^[[{]/.test(trimmed)) {
      events.event({ error: trimmed }, name);
      return;
    }
    // What the end of the connection has cut is no fault of the event.
    const values = looseJson(trimmed);
    for (const value of values) events.event(value, name);
    if (values.length === 0 && !isLast) events.unreadable(data);
  };
  return (text, last) => {
    if (isOver) return;
    parser.feed(text);
    if (!last || isOver) return;
    // The last event may lack its blank line.
    isLast = true;
    parser.feed("\n\n");
  };
}

const OPENING = "{".charCodeAt(0);

/** A document, or one on each line. Which of them is known with the first line. */
function readJson(events: BodyEvents, maxChars: number): Feed {
  let pending = "";
  let isLines: boolean | undefined;
  let isOver = false;

  const readLine = (line: string, isLast: boolean): boolean => {
    const trimmed = line.trim().replace(/^\uFEFF/, "");
    if (trimmed === "") return true;
    const values = looseJson(trimmed.replace(/^data:/, ""));
    for (const value of values) events.event(value, undefined);
    if (trimmed.endsWith("[DONE]")) events.done();
    else if (values.length === 0 && !isLast) events.unreadable(line);
    return values.length > 0;
  };

  return (text, isLast) => {
    if (isOver) return;
    pending += text;
    if (pending.length > maxChars) {
      isOver = true;
      events.tooLong();
      return;
    }
    let end = isLines === false ? -1 : pending.indexOf("\n");
    while (end >= 0) {
      const line = pending.slice(0, end);
      if (line.trim() !== "") {
        isLines ??= isJson(line);
        if (!isLines) break;
        readLine(line, false);
      }
      pending = pending.slice(end + 1);
      end = pending.indexOf("\n");
    }
    if (isLast) readLine(pending, true);
  };
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line.trim().replace(/^\uFEFF/, ""));
    return true;
  } catch {
    return false;
  }
}

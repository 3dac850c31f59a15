// Server-sent events, only so far as to see where they end. https://html.spec.whatwg.org/multipage/server-sent-events.html
const LF = 10;
const CR = 13;
const DONE = /^data: ?\[DONE\]\r?$/;
const DONE_LENGTH = "data: [DONE]\r".length;

export interface EventScanner {
  /** `too_long`: an event, or a line, of more than the limit; `done`: OpenAI's end mark has come. */
  scan(bytes: Buffer): "more" | "too_long" | "done";
}

/** Keeps counts, not contents: nothing of an endless line is held here. */
export function createEventScanner(maxEventBytes: number): EventScanner {
  let eventBytes = 0;
  let lineBytes = 0;
  let lineStart = "";

  return {
    scan(bytes) {
      let from = 0;
      let isDone = false;
      while (from < bytes.length) {
        const lineEnd = bytes.indexOf(LF, from);
        const to = lineEnd < 0 ? bytes.length : lineEnd;
        lineBytes += to - from;
        eventBytes += to - from;
        if (eventBytes > maxEventBytes) return "too_long";
        if (lineStart.length < DONE_LENGTH) {
          lineStart += bytes.toString(
            "latin1",
            from,
            Math.min(to, from + DONE_LENGTH - lineStart.length),
          );
        }
        if (lineEnd < 0) break;
        if (lineBytes <= DONE_LENGTH && DONE.test(lineStart)) isDone = true;
        const isBlank = lineBytes === 0 || (lineBytes === 1 && lineStart.charCodeAt(0) === CR);
        if (isBlank) eventBytes = 0;
        lineBytes = 0;
        lineStart = "";
        from = to + 1;
      }
      return isDone ? "done" : "more";
    },
  };
}

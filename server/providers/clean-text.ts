/**
 * Makes deltas into text that every store takes: no NUL, no half characters. Some servers cut an
 * emoji in two and send the halves in two deltas; the first half waits here for the second.
 */
export interface TextCleaner {
  add(delta: string): string;
  /** Nothing waits. */
  isIdle(): boolean;
  /** What still waits, at the end. */
  rest(): string;
}

export function createTextCleaner(): TextCleaner {
  let half = "";
  return {
    add(delta) {
      if (half === "" && isPlain(delta)) return delta;
      const joined = half + delta;
      const last = joined.charCodeAt(joined.length - 1);
      const isHalf = last >= 0xd800 && last <= 0xdbff;
      half = isHalf ? joined.slice(-1) : "";
      return cleanText(isHalf ? joined.slice(0, -1) : joined);
    },
    isIdle: () => half === "",
    rest() {
      const rest = half === "" ? "" : "\ufffd";
      half = "";
      return rest;
    },
  };
}

export function cleanText(text: string): string {
  return isPlain(text) ? text : text.toWellFormed().replaceAll("\0", "\ufffd");
}

const MAX_PLAIN = 64;

/** Of a word it is known sooner that there is nothing to clean than that it was cleaned. */
function isPlain(text: string): boolean {
  if (text.length > MAX_PLAIN) return false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0 || code >= 0xd800) return false;
  }
  return true;
}

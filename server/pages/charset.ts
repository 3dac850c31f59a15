/** How far into a page its own word on its encoding is looked for. */
const LOOK_BYTES = 4_096;

/**
 * The text of a page: a mark at its beginning counts most, then what its server says, then what
 * stands in the page; else it is UTF-8, or, where it cannot be that, Windows' western encoding.
 */
export function toText(bytes: Buffer, type: string): string {
  const label = markOf(bytes) ?? /charset\s*=\s*["']?([\w:.-]+)/i.exec(type)?.[1] ?? inPage(bytes);
  return decode(bytes, label ?? "utf-8", label === undefined) ?? decode(bytes, "utf-8", true) ?? "";
}

function markOf(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : undefined;
}

function inPage(bytes: Buffer): string | undefined {
  const start = bytes.subarray(0, LOOK_BYTES).toString("latin1");
  const [, label] =
    /<meta\b[^>]{0,300}?\bcharset\s*=\s*["']?\s*([\w:.-]+)/i.exec(start) ??
    /^<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']([\w:.-]+)/i.exec(start) ??
    [];
  // A page that can be read that far is not in it, whatever it says.
  return label !== undefined && /^utf-?16/i.test(label) ? "utf-8" : label;
}

/** Undefined for an encoding that nobody knows. */
function decode(bytes: Buffer, label: string, isGuess: boolean): string | undefined {
  try {
    const text = new TextDecoder(label).decode(bytes);
    // A cut may end in the middle of a character; a page in another encoding has many of these.
    const isOther = isGuess && (text.match(/\uFFFD/g)?.length ?? 0) > 1 + text.length / 10_000;
    return isOther ? new TextDecoder("windows-1252").decode(bytes) : text;
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

// UTF-8 in which every byte survives. What is no UTF-8 becomes half a character of its own (U+DC80
// to U+DCFF, one for each byte), which no valid text has, and is that byte again afterwards.

const STRAY = /[\u{dc80}-\u{dcff}]/gu;

export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return decodeLeniently(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
}

export function encodeUtf8(text: string): Uint8Array {
  return encodePieces(text, (piece) => Buffer.from(piece, "utf8"));
}

/** Stray bytes as what they are, all between them as `encode` says. */
export function encodePieces(text: string, encode: (piece: string) => Uint8Array): Uint8Array {
  if (text.isWellFormed()) return encode(text);
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { 0: stray, index } of text.matchAll(STRAY)) {
    if (index > from) parts.push(encode(text.slice(from, index)));
    parts.push(Uint8Array.of(stray.charCodeAt(0) - 0xdc00));
    from = index + 1;
  }
  if (from < text.length) parts.push(encode(text.slice(from)));
  return Buffer.concat(parts);
}

/** What stands between stray bytes. */
export const betweenStrays = (text: string): string[] => text.split(STRAY);

/** Bytes of which only the ASCII ones can be told. */
export function decodeAscii(bytes: Uint8Array): string {
  const chars = Array.from(bytes, (byte) =>
    String.fromCharCode(byte < 0x80 ? byte : byte + 0xdc00),
  );
  return chars.join("");
}

export function hasStrays(text: string): boolean {
  return !text.isWellFormed();
}

/** As a model and a person read it. */
export function withoutStrays(text: string): string {
  return text.isWellFormed() ? text : text.replace(STRAY, "\ufffd");
}

function decodeLeniently(bytes: Buffer): string {
  const parts: string[] = [];
  let from = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = lengthAt(bytes, at);
    if (length === 0) {
      parts.push(bytes.toString("utf8", from, at), decodeAscii(bytes.subarray(at, at + 1)));
      from = at + 1;
    }
    at += length || 1;
  }
  parts.push(bytes.toString("utf8", from));
  return parts.join("");
}

/** Of the character that begins there; 0 if none does. */
function lengthAt(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  const second = bytes[at + 1] ?? 0;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (length === 0 || second < least || second > most) return 0;
  for (let more = 2; more < length; more += 1) {
    const byte = bytes[at + more] ?? 0;
    if (byte < 0x80 || byte > 0xbf) return 0;
  }
  return length;
}

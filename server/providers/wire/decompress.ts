// Bodies that were packed though nobody asked for it. The first bytes say more than the header:
// some servers pack without saying so, some proxies unpack and leave the header.
import zlib from "node:zlib";

export interface Unpacker {
  /** False: the source should wait until `onDrain`. */
  write(bytes: Buffer): boolean;
  end(): void;
  close(): void;
}

interface Events {
  data(bytes: Buffer): void;
  end(): void;
  /** What came is broken. */
  error(error: Error): void;
  drain(): void;
}

/** Undefined for a body that is plain. */
export function unpackerFor(
  encoding: string | undefined,
  start: Buffer,
  events: Events,
): Unpacker | undefined {
  const stream = streamFor((encoding ?? "").trim().toLowerCase(), start);
  if (!stream) return undefined;
  stream.on("data", events.data);
  stream.once("end", events.end);
  stream.once("error", events.error);
  stream.on("drain", events.drain);
  return {
    write: (bytes) => stream.write(bytes),
    end: () => stream.end(),
    close: () => stream.destroy(),
  };
}

/** Of a stream that is cut the part that can be read is given, too. */
const GENTLE = {
  flush: zlib.constants.Z_SYNC_FLUSH,
  finishFlush: zlib.constants.Z_SYNC_FLUSH,
};

function streamFor(encoding: string, start: Buffer) {
  const [first = 0, second = 0] = start;
  if (first === 0x1f && second === 0x8b) return zlib.createGunzip(GENTLE);
  // Since Node 22.15.
  if (first === 0x28 && second === 0xb5 && "createZstdDecompress" in zlib) {
    return zlib.createZstdDecompress();
  }
  if (encoding === "br" && !looksPlain(start)) {
    return zlib.createBrotliDecompress({
      flush: zlib.constants.BROTLI_OPERATION_FLUSH,
      finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH,
    });
  }
  if (encoding !== "deflate" || looksPlain(start)) return undefined;
  // Two things are called so: zlib's form, and the same without its head.
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0
    ? zlib.createInflate(GENTLE)
    : zlib.createInflateRaw(GENTLE);
}

function looksPlain(start: Buffer): boolean {
  return /^\uFEFF?\s*(?:data|event|id|retry|:|\{|\[|<)/.test(
    start.subarray(0, 16).toString("utf8"),
  );
}

// A log that is cut short or overwritten where it lies keeps its identity, and SQLite, which knows by its shared memory
// what is in it, asks nobody. So we hold one against the other: what the index of the log says was committed has to be in
// the log. SQLite changes the index before it begins the log anew, and after it has written to it, so whenever the index
// has stayed the same the two agree. https://sqlite.org/walformat.html
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

const WAL_HEAD = 32;
const FRAME_HEAD = 24;
/** Two copies of the head, then how many frames are in the main file. */
const INDEX_BYTES = 100;
const COPY_BYTES = 48;
const SALT_BYTES = 8;
const EMPTY = Buffer.alloc(0);

interface Index {
  bytes: Buffer;
  pageSize: number;
  frames: number;
  pages: number;
  salt: Buffer;
  inMainFile: number;
}

/** `look` says what is the matter with the log or the main file, if anything is. */
export function watchWalContent(path: string): { look(): string | undefined; close(): void } {
  // Closing any handle of it frees the locks that SQLite holds on it.
  const indexFile = tryTo(() => openSync(`${path}-shm`, "r"));
  const wrong = (index: Index): string | undefined => {
    if (index.frames === index.inMainFile) {
      const size = tryTo(() => statSync(path).size) ?? Number.POSITIVE_INFINITY;
      if (size < index.pages * index.pageSize) return `${path} was cut short`;
    }
    return isLogWhole(`${path}-wal`, index)
      ? undefined
      : `${path}-wal was cut short or overwritten`;
  };
  return {
    look() {
      if (indexFile === undefined) return undefined;
      const before = readIndex(indexFile);
      if (!before || before.frames === 0) return undefined;
      const what = wrong(before);
      const isSame = readIndex(indexFile)?.bytes.equals(before.bytes);
      return isSame ? what : undefined;
    },
    close() {
      if (indexFile !== undefined) closeSync(indexFile);
    },
  };
}

/** Undefined while it is being changed. */
function readIndex(file: number): Index | undefined {
  const bytes = read(file, 0, INDEX_BYTES);
  const copy = bytes.subarray(0, COPY_BYTES);
  if (bytes.length < INDEX_BYTES || !copy.equals(bytes.subarray(COPY_BYTES, 2 * COPY_BYTES)))
    return undefined;
  const size = copy.readUInt16LE(14);
  return {
    bytes,
    pageSize: size === 1 ? 65_536 : size,
    frames: copy.readUInt32LE(16),
    pages: copy.readUInt32LE(20),
    salt: copy.subarray(32, 32 + SALT_BYTES),
    inMainFile: bytes.readUInt32LE(96),
  };
}

/** It is as long as it has to be, and its beginning and its last frame are of this log. */
function isLogWhole(path: string, { frames, pageSize, salt }: Index): boolean {
  const file = tryTo(() => openSync(path, "r"));
  // Whether it is there at all is looked at elsewhere.
  if (file === undefined) return true;
  try {
    const last = WAL_HEAD + (frames - 1) * (FRAME_HEAD + pageSize);
    if (fstatSync(file).size < last + FRAME_HEAD + pageSize) return false;
    return read(file, 16, SALT_BYTES).equals(salt) && read(file, last + 8, SALT_BYTES).equals(salt);
  } finally {
    closeSync(file);
  }
}

function read(file: number, at: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  const length = tryTo(() => readSync(file, bytes, 0, size, at));
  return length === undefined ? EMPTY : bytes.subarray(0, length);
}

function tryTo<T>(what: () => T): T | undefined {
  try {
    return what();
  } catch {
    return undefined;
  }
}

// A log that is cut short or overwritten where it lies keeps its identity, and SQLite, which knows
// by its shared memory what is in it, asks nobody. So we hold one against the other: what the index
// of the log says was committed has to be in the log. SQLite changes the index before it begins the
// log anew, and after it has written to it, so whenever the index has stayed the same the two
// agree. https://sqlite.org/walformat.html
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

const MAIN_HEAD = 100;
const WAL_HEAD = 32;
const FRAME_HEAD = 24;
/**
 * Two copies of the head, then how far a checkpoint has come, the readers' marks and locks,
 * and how far it means to go.
 */
const INDEX_BYTES = 132;
const COPY_BYTES = 48;
const SALT_BYTES = 8;
const EMPTY = Buffer.alloc(0);

interface Index {
  /** All but the readers' marks and locks. */
  bytes: Buffer;
  pageSize: number;
  frames: number;
  pages: number;
  salt: Buffer;
  inMainFile: number;
  /** A checkpoint writes to the main file. */
  isMoving: boolean;
}

/** `isMain`: it is the main file, so that another database may be there now. */
export interface Damage {
  what: string;
  isMain: boolean;
}

/**
 * `look` says what is the matter with the log or the main file, if anything is.
 * `main` is the main file, open.
 */
export function watchWalContent(
  path: string,
  main: number,
): { look(): Damage | undefined; close(): void } {
  // Closing any handle of it frees the locks that SQLite holds on it.
  const indexFile = tryTo(() => openSync(`${path}-shm`, "r"));
  const wrong = (index: Index): Damage | undefined => {
    if (index.frames === index.inMainFile) {
      const size = tryTo(() => statSync(path).size) ?? Number.POSITIVE_INFINITY;
      if (size < index.pages * index.pageSize)
        return { what: `${path} was cut short`, isMain: true };
    }
    return isLogWhole(`${path}-wal`, index)
      ? undefined
      : { what: `${path}-wal was cut short or overwritten`, isMain: false };
  };
  let last: { head: Buffer; count: number; index: Buffer } | undefined;
  // Only a checkpoint writes to the main file, and the index tells of it; and the count of changes
  // in its head never falls.
  const isForeign = (index: Index, head: Buffer): boolean => {
    const count = head.length < MAIN_HEAD ? 0 : head.readUInt32BE(24);
    const before = last;
    if (!index.isMoving) last = { head, count, index: index.bytes };
    if (!before) return false;
    const isOlder = ((count - before.count) | 0) < 0;
    return (
      isOlder || (!index.isMoving && before.index.equals(index.bytes) && !before.head.equals(head))
    );
  };
  return {
    look() {
      if (indexFile === undefined) return undefined;
      const before = readIndex(indexFile);
      if (!before) return undefined;
      const head = read(main, 0, MAIN_HEAD);
      const what = before.frames === 0 ? undefined : wrong(before);
      const isSame = readIndex(indexFile)?.bytes.equals(before.bytes);
      if (!isSame) return undefined;
      if (what || !isForeign(before, head)) return what;
      return { what: `${path} was overwritten`, isMain: true };
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
    bytes: Buffer.concat([copy, bytes.subarray(96, 100), bytes.subarray(128)]),
    pageSize: size === 1 ? 65_536 : size,
    frames: copy.readUInt32LE(16),
    pages: copy.readUInt32LE(20),
    salt: copy.subarray(32, 32 + SALT_BYTES),
    inMainFile: bytes.readUInt32LE(96),
    isMoving: bytes.readUInt32LE(96) < bytes.readUInt32LE(128),
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

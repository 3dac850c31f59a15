// A main file of no bytes beside a full write-ahead log, as a truncation or a failing disk leaves
// it. SQLite takes the log for a leftover then and deletes it, whoever opens the pair and for
// whatever; yet the newest pages are in it. https://sqlite.org/fileformat2.html#the_write_ahead_log
import { closeSync, openSync, readFileSync, statSync, writeSync } from "node:fs";

const HEADER = 32;
const FRAME_HEADER = 24;

/** Such a pair: nobody may open it. */
export function isLogAlone(path: string): boolean {
  return sizeOf(path) === 0 && sizeOf(`${path}-wal`) > HEADER;
}

/** Writes the pages of all whole transactions in a log to a new file; false if there is none. */
export function rebuildFromLog(log: string, target: string): boolean {
  const bytes = readFileSync(log);
  const magic = bytes.readUInt32BE(0);
  if (magic >>> 1 !== 0x377f0682 >>> 1) return false;
  const pageSize = bytes.readUInt32BE(8) || 65_536;
  const sum = checksumOf(bytes, (magic & 1) === 1);
  if (!sum(0, 24, bytes.readUInt32BE(24), bytes.readUInt32BE(28))) return false;
  const pages = new Map<number, number>();
  let pending: [number, number][] = [];
  let pageCount = 0;
  for (
    let at = HEADER;
    at + FRAME_HEADER + pageSize <= bytes.length;
    at += FRAME_HEADER + pageSize
  ) {
    const sameSalt = bytes.compare(bytes, 16, 24, at + 8, at + 16) === 0;
    if (
      !sameSalt ||
      !sum(at, 8, bytes.readUInt32BE(at + 16), bytes.readUInt32BE(at + 20), pageSize)
    )
      break;
    pending.push([bytes.readUInt32BE(at), at + FRAME_HEADER]);
    const committed = bytes.readUInt32BE(at + 4);
    if (committed === 0) continue;
    pageCount = committed;
    for (const [page, offset] of pending) pages.set(page, offset);
    pending = [];
  }
  if (pageCount === 0) return false;
  const file = openSync(target, "wx", 0o600);
  try {
    for (const [page, offset] of pages) {
      if (page > pageCount) continue;
      writeSync(file, bytes, offset, pageSize, (page - 1) * pageSize);
    }
  } finally {
    closeSync(file);
  }
  return true;
}

/**
 * Checks the running checksum over the next `length` bytes and, behind a frame's header, its page.
 */
function checksumOf(bytes: Buffer, isBigEndian: boolean) {
  let [a, b] = [0, 0];
  const word = (at: number) => (isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  const add = (from: number, length: number) => {
    for (let at = from; at < from + length; at += 8) {
      a = (a + word(at) + b) >>> 0;
      b = (b + word(at + 4) + a) >>> 0;
    }
  };
  return (from: number, length: number, wantedA: number, wantedB: number, pageSize = 0) => {
    add(from, length);
    if (pageSize > 0) add(from + FRAME_HEADER, pageSize);
    return a === wantedA && b === wantedB;
  };
}

/** 0 for a file that is not there. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

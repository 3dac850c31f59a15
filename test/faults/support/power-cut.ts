// A simulated power cut: what a companion wrote is replayed up to a moment, and of what
// no fsync had yet promised each sector of 512 bytes is kept or lost by chance, as a
// disk without power does.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SECTOR = 512;
const HEAD = 36;
const KINDS = ["", "write", "sync", "truncate", "unlink"] as const;

interface Operation {
  kind: (typeof KINDS)[number];
  name: string;
  beganNs: bigint;
  endedNs: bigint;
  /** Offset of a write; length after a truncate. */
  at: number;
  data: Buffer;
}

/**
 * As disk-faults.c writes it. Files that are only shared memory are left out: they
 * do not outlive the power.
 */
export function readRecording(path: string): Operation[] {
  const bytes = readFileSync(path);
  const operations: Operation[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readUInt32LE(at + 24);
    const nameSize = bytes.readUInt32LE(at + 28);
    const name = bytes.toString("utf8", at + HEAD, at + HEAD + nameSize);
    const data = at + HEAD + nameSize;
    if (!name.endsWith("-shm")) {
      operations.push({
        kind: KINDS[bytes.readUInt32LE(at + 32)] ?? "",
        name,
        beganNs: bytes.readBigUInt64LE(at),
        endedNs: bytes.readBigUInt64LE(at + 8),
        at: Number(bytes.readBigUInt64LE(at + 16)),
        data: bytes.subarray(data, data + size),
      });
    }
    at = data + size;
  }
  return operations;
}

/** Writes into `folder` what a disk may hold when the power goes at `cutNs`. */
export function cutPower(operations: readonly Operation[], cutNs: bigint, folder: string): void {
  const before = operations.filter(({ endedNs }) => endedNs <= cutNs);
  for (const name of new Set(before.map((one) => one.name))) {
    const all = before.filter((one) => one.name === name);
    // SQLite syncs the directory after it has removed a journal, so a removal counts at once.
    const ours = all.slice(all.findLastIndex(({ kind }) => kind === "unlink") + 1);
    if (ours.length === 0) continue;
    // What a sync promises was written before it began.
    const promised = ours.reduce(
      (latest, one) => (one.kind === "sync" && one.beganNs > latest ? one.beganNs : latest),
      0n,
    );
    const file = Buffer.alloc(Math.max(...ours.map(({ at, data }) => at + data.length)));
    let length = 0;
    for (const one of ours) {
      if (one.kind === "truncate") {
        file.fill(0, one.at);
        length = one.at;
      } else if (one.kind === "write") {
        keepSectors(file, one, one.endedNs <= promised);
        length = Math.max(length, one.at + one.data.length);
      }
    }
    writeFileSync(join(folder, name), file.subarray(0, length));
  }
}

function keepSectors(file: Buffer, { at, data }: Operation, all: boolean): void {
  for (let from = 0; from < data.length; from += SECTOR) {
    if (!all && Math.random() < 0.5) continue;
    data.copy(file, at + from, from, Math.min(from + SECTOR, data.length));
  }
}

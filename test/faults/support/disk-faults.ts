import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

export interface DiskFaults {
  /** Where it records, if it was asked to. */
  recording: string;
  /** For the companion's environment. */
  env: NodeJS.ProcessEnv;
  begin(): void;
  end(): void;
  remove(): void;
}

/**
 * A disk that is slow or fails at will, through a library loaded before libc; undefined
 * where none can be built.
 */
export function buildDiskFaults(how: {
  syncMicros?: number;
  failEvery?: number;
  /** What the calls that fail are told; an error of the disk if nothing else. */
  error?: "EIO" | "EROFS";
  record?: boolean;
}): DiskFaults | undefined {
  if (process.platform !== "linux") return undefined;
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-shim-"));
  const library = join(folder, "disk-faults.so");
  const source = join(import.meta.dirname, "disk-faults.c");
  const built = spawnSync("cc", ["-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"]);
  if (built.status !== 0) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  const lever = join(folder, "on");
  const recording = join(folder, "recording");
  return {
    recording,
    env: {
      LD_PRELOAD: library,
      FAULT_FILE: "streamkeeper.db",
      ...(how.record ? { FAULT_RECORD: recording } : { FAULT_SWITCH: lever }),
      ...(how.syncMicros === undefined ? {} : { FAULT_SYNC_US: String(how.syncMicros) }),
      ...(how.error === undefined ? {} : { FAULT_ERRNO: String(constants.errno[how.error]) }),
      ...(how.failEvery === undefined ? {} : { FAULT_EVERY: String(how.failEvery) }),
    },
    begin: () => writeFileSync(lever, ""),
    end: () => rmSync(lever, { force: true }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  folder: string;
  /** Leaves so many bytes free, none if not told. */
  fill(spare?: number): void;
  /** Gives back what `fill` took. */
  free(): void;
  /** The way out of `ro` is `rw`. */
  remount(how: "ro" | "rw"): void;
  unmount(): void;
}

/**
 * A file system of its own that can really be full; undefined where this user may not mount one.
 */
export function mountSmallDisk(megabytes: number): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "none", folder]);
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  const filler = join(folder, "filler");
  return {
    folder,
    fill(spare = 0) {
      const file = openSync(filler, "a");
      try {
        for (let size = 1 << 20; size > 0; size >>= 1) while (wrote(file, size));
      } finally {
        closeSync(file);
      }
      truncateSync(filler, Math.max(0, statSync(filler).size - spare));
    },
    free() {
      rmSync(filler, { force: true });
    },
    remount(how) {
      spawnSync("mount", ["-o", `remount,${how}`, folder]);
    },
    unmount() {
      spawnSync("umount", ["--lazy", folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function wrote(file: number, bytes: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(bytes)) === bytes;
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOSPC") return false;
    throw thrown;
  }
}

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The bundle carries the binary beside itself; in a checkout the package finds its own. */
export function nativeBinding(): { nativeBinding?: string } {
  const name = `${process.platform}${isMusl() ? "musl" : ""}-${process.arch}.node`;
  const file = fileURLToPath(new URL(`./prebuilds/${name}`, import.meta.url));
  return existsSync(file) ? { nativeBinding: file } : {};
}

function isMusl(): boolean {
  return process.platform === "linux" && existsSync("/etc/alpine-release");
}

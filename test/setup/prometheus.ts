import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { aptUpdate, CACHE, canUseApt, onPath, shell } from "./shell.ts";

export interface PrometheusTools {
  prometheus: string;
  promtool: string;
}

export async function findPrometheus(): Promise<PrometheusTools> {
  const [prometheus = "", promtool = ""] = await findTools("prometheus", [
    "prometheus",
    "promtool",
  ]);
  return { prometheus, promtool };
}

/**
 * Programs on the PATH, else those of Debian's package, unpacked into the
 * cache without its service.
 */
async function findTools(debian: string, programs: readonly string[]): Promise<string[]> {
  const installed = programs.map(onPath).filter((path) => path !== undefined);
  if (installed.length === programs.length) return installed;
  const unpacked = join(CACHE, debian);
  const tools = programs.map((name) => join(unpacked, "usr/bin", name));
  if (tools.every((path) => existsSync(path))) return tools;
  if (!canUseApt()) {
    const needed = programs.map((name) => `\`${name}\``).join(" and ");
    throw new Error(
      `The monitoring tests need ${needed} on the PATH: https://prometheus.io/download`,
    );
  }
  console.log(`Unpacking ${debian} …`);
  await aptUpdate();
  mkdirSync(unpacked, { recursive: true });
  await shell("apt-get", ["download", debian], { cwd: unpacked });
  const archive = readdirSync(unpacked).find((name) => name.endsWith(".deb"));
  if (!archive) throw new Error("apt-get downloaded no package");
  await shell("dpkg", ["-x", archive, "."], { cwd: unpacked });
  return tools;
}

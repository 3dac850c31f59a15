import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { aptUpdate, CACHE, canUseApt, onPath, shell } from "./shell.ts";

export interface PrometheusTools {
  prometheus: string;
  promtool: string;
}

/** Prometheus and promtool: on the PATH, else Debian's package unpacked into the cache, without its service. */
export async function findPrometheus(): Promise<PrometheusTools> {
  const prometheus = onPath("prometheus");
  const promtool = onPath("promtool");
  if (prometheus && promtool) return { prometheus, promtool };
  const unpacked = join(CACHE, "prometheus");
  const tools = {
    prometheus: join(unpacked, "usr/bin/prometheus"),
    promtool: join(unpacked, "usr/bin/promtool"),
  };
  if (existsSync(tools.promtool)) return tools;
  if (!canUseApt()) {
    throw new Error(
      "The monitoring tests need `prometheus` and `promtool` on the PATH: https://prometheus.io/download",
    );
  }
  console.log("Unpacking Prometheus …");
  await aptUpdate();
  mkdirSync(unpacked, { recursive: true });
  await shell("apt-get", ["download", "prometheus"], { cwd: unpacked });
  const archive = readdirSync(unpacked).find((name) => name.endsWith(".deb"));
  if (!archive) throw new Error("apt-get downloaded no package");
  await shell("dpkg", ["-x", archive, "."], { cwd: unpacked });
  return tools;
}

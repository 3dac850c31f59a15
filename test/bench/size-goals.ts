// What is downloaded and loaded, and how soon a companion is ready.
import { spawnSync } from "node:child_process";
import { median } from "./hot-path-goals.ts";
import type { Result } from "./result.ts";
import { bareNode, STARTS, startTimes } from "./start-goals.ts";

export async function measureSizes(): Promise<Result[]> {
  // Both print `NAME: SIZE of BUDGET bytes` and fail when a budget is exceeded; the package
  // has the production build.
  const printed = spawnSync(process.execPath, ["extension/scripts/package.mjs"], {
    encoding: "utf8",
  });
  if (printed.status !== 0) throw new Error(printed.stderr || printed.stdout);
  const sizes = [...printed.stdout.matchAll(/^(\S+): (\d+) of (\d+) bytes/gm)].map(
    ([, name = "", size, budget]): Result => ({
      what: `size of ${name.split("/").at(-1)}`,
      measured: `${(Number(size) / 1000).toFixed(0)} KB`,
      baseline: "–",
      goal: `≤ ${Number(budget) / 1000} KB`,
      met: Number(size) <= Number(budget),
    }),
  );
  const ready = median(await startTimes(undefined));
  const companion: Result = {
    what: "companion: from its start to ready, on a new database",
    measured: `${ready.toFixed(0)} ms`,
    baseline: `${bareNode().toFixed(0)} ms for Node itself`,
    goal: "≤ 250 ms",
    met: ready <= 250,
  };
  const loaded = median(Array.from({ length: STARTS }, loadOnce));
  const extension: Result = {
    what: "extension: its bundle read and evaluated, all that its activation adds to the start of VS Code",
    measured: `${loaded.toFixed(1)} ms`,
    baseline: "–",
    goal: "≤ 50 ms",
    met: loaded <= 50,
  };
  return [...sizes, companion, extension];
}

/**
 * In a process of its own each time, with something that answers to every name
 * in the place of VS Code.
 */
function loadOnce(): number {
  const script = `
    const anything = new Proxy(class {}, { get: (target, name) => (name === "prototype" ? target.prototype : anything) });
    const { Module } = require("node:module");
    const load = Module._load;
    Module._load = (name, ...rest) => (name === "vscode" ? anything : load(name, ...rest));
    const started = performance.now();
    require("./dist/extension/extension.cjs");
    console.log(performance.now() - started);`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
  const elapsed = Number.parseFloat(stdout);
  if (!Number.isFinite(elapsed)) throw new Error(stderr);
  return elapsed;
}

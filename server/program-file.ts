import { existsSync } from "node:fs";

/**
 * What a thread or a process of ours runs. It stands beside the module that starts it: in the
 * bundle a file of JavaScript, in a checkout the source.
 */
export function programFile(name: string, moduleUrl: string): URL {
  const bundled = new URL(`./${name}.js`, moduleUrl);
  return existsSync(bundled) ? bundled : new URL(`./${name}.ts`, moduleUrl);
}

// `npm start` and `npm run doctor`: on a machine with nothing but Node and npm, installs, builds
// and starts the companion with the web app, or the doctor.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { becomeProcess, installIfNeeded, modified, nodeBinary, root, run } from "./install.mjs";

process.chdir(root);
installIfNeeded();
buildIfNeeded();
const args = process.argv.slice(2);
// As server/shared/young-generation.ts says, which cannot be read before the build.
const young = ["--min-semi-space-size=16", "--max-semi-space-size=16"];
const flags = args[0] === "doctor" ? [] : ["--print-url"];
becomeProcess([...young, "dist/server/main.js", ...flags, ...args]);

function buildIfNeeded() {
  const built = "dist/server/main.js";
  const sources = ["server", "webview", "extension", "esbuild.mjs", "package.json"];
  if (existsSync(built) && existsSync("dist/webview/app.js")) {
    if (modified(built) >= Math.max(...sources.map(newest))) return;
  }
  console.error("Building …");
  run(nodeBinary(), ["esbuild.mjs"]);
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

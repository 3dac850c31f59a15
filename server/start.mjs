// `npm start`: on a machine with nothing but Node and npm, installs, builds and starts the companion with the web app.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { becomeProcess, installIfNeeded, modified, nodeBinary, root, run } from "./install.mjs";

process.chdir(root);
installIfNeeded();
buildIfNeeded();
const args = ["dist/server/main.js", "--print-url", ...process.argv.slice(2)];
becomeProcess(args);

function buildIfNeeded() {
  const built = "dist/server/main.js";
  const sources = ["server", "webview", "extension", "esbuild.mjs", "package.json"];
  if (existsSync(built) && existsSync("dist/webview/app.js")) {
    if (modified(built) >= Math.max(...sources.map(newest))) return;
  }
  console.log("Building …");
  run(nodeBinary(), ["esbuild.mjs"]);
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

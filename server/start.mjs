// `npm start`: on a machine with nothing but Node and npm, installs, builds and starts the companion with the web app.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { installIfNeeded, modified, nodeBinary, root, run } from "./install.mjs";

process.chdir(root);
installIfNeeded();
buildIfNeeded();
const args = ["dist/server/main.js", "--print-url", ...process.argv.slice(2)];
const companion = spawn(nodeBinary(), args, { stdio: "inherit" });
// Ctrl-C reaches the companion by itself; these do not.
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => companion.kill(signal));
process.on("SIGINT", () => {});
// npm passes a signal to a shell that keeps it for itself; what remains to be seen is that the shell has gone.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) companion.kill("SIGTERM");
}, 500).unref();
companion.on("exit", (code) => process.exit(code ?? 1));

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

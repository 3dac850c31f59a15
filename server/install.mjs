// Shared by `npm start` and `npm test`. Plain JavaScript without dependencies: it runs
// before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export function installIfNeeded() {
  const marker = join(root, "node_modules/.package-lock.json");
  if (existsSync(marker) && modified(marker) >= modified(join(root, "package-lock.json"))) return;
  console.log("Installing dependencies …");
  // Quiet about libraries that want a newer Node than npm runs on: they get it.
  const options = ["--no-audit", "--no-fund", "--loglevel=error"];
  // A registry may lack a package of another platform that the lock file names; the
  // versions are pinned anyway.
  if (!succeeds("npm", ["ci", ...options])) run("npm", ["install", ...options]);
}

/** The Node that comes as a dependency: the one on the machine may be too old for the companion. */
export function nodeBinary() {
  const name = process.platform === "win32" ? "node.exe" : "node";
  const own = join(root, "node_modules", "node", "bin", name);
  return existsSync(own) ? own : process.execPath;
}

/**
 * From here on this process is the other one, on our own Node: its output, the
 * signals to it, its exit code.
 */
export function becomeProcess(args) {
  const child = spawn(nodeBinary(), args, { cwd: root, stdio: "inherit" });
  // Ctrl-C reaches it by itself; these do not.
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  process.on("SIGINT", () => {});
  // npm passes a signal to a shell that keeps it for itself; what remains to be seen is
  // that the shell has gone.
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, 500);
  child.on("exit", (code) => process.exit(code ?? 1));
}

/** Ends this process if the command fails. */
export function run(command, args) {
  if (!succeeds(command, args)) {
    console.error(`${command} ${args.join(" ")} failed.`);
    process.exit(1);
  }
}

function succeeds(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (error) console.error(error.message);
  return status === 0;
}

export function modified(path) {
  return statSync(path).mtimeMs;
}

// A real VS Code for the tests. Where there is a screen and the download site answers,
// the desktop one; else code-server from npm, which is the same workbench and extension
// host served to a browser.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { downloadAndUnzipVSCode } from "@vscode/test-electron";
import { CACHE, shell } from "./shell.ts";

const CODE_SERVER = "4.139.1"; // carries VS Code 1.139.1
const NODE = "24.21.0"; // what it asks for
export const VSCODE_HOME = join(CACHE, `code-server-${CODE_SERVER}`);

const STAMP = join(VSCODE_HOME, "ready.json");
const WANTED = JSON.stringify({ code_server: CODE_SERVER, node: NODE });

/**
 * Path of a desktop VS Code, of the version that VSCODE_DESKTOP names or the newest.
 * Undefined where it cannot be had.
 */
export async function findDesktopVscode(): Promise<string | undefined> {
  const asked = process.env["VSCODE_DESKTOP"];
  const hasScreen =
    process.platform !== "linux" || process.env["DISPLAY"] || process.env["WAYLAND_DISPLAY"];
  if (!asked && !hasScreen) return undefined;
  const cachePath = join(CACHE, "vscode");
  mkdirSync(cachePath, { recursive: true });
  try {
    return await downloadAndUnzipVSCode({ version: asked ?? "stable", cachePath });
  } catch (cause) {
    if (asked) throw new Error(`VS Code ${asked} could not be downloaded.`, { cause });
    console.log(`VS Code cannot be downloaded here (${String(cause)}); using code-server.`);
    return undefined;
  }
}

/** Installs code-server once; later runs find it in the cache. */
export async function installCodeServer(): Promise<void> {
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === WANTED) return;
  console.log("Installing a VS Code for the tests …");
  mkdirSync(VSCODE_HOME, { recursive: true });
  const nodePackage = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const manifest = {
    name: "vscode-for-tests",
    private: true,
    dependencies: { "code-server": CODE_SERVER, [nodePackage]: NODE },
  };
  writeFileSync(join(VSCODE_HOME, "package.json"), JSON.stringify(manifest, null, 2));
  // Without their scripts: those would build parts (Kerberos, …) that the tests do not use.
  await npmInstall(VSCODE_HOME, []);
  const vscode = join(VSCODE_HOME, "node_modules/code-server/lib/vscode");
  await npmInstall(vscode, ["--omit=dev"]);
  await npmInstall(join(vscode, "extensions"), ["--omit=dev"]);
  await buildNative(vscode, join(VSCODE_HOME, "node_modules", nodePackage));
  prune(vscode);
  writeFileSync(STAMP, WANTED);
}

async function npmInstall(cwd: string, more: string[]): Promise<void> {
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await shell("npm", [...args, "--engine-strict=false", ...more], { cwd });
}

/** Log files, and a watchdog that ends an extension host whose server died. Nice to have. */
async function buildNative(vscode: string, node: string): Promise<void> {
  const env = {
    ...process.env,
    PATH: `${join(node, "bin")}:${process.env["PATH"]}`,
    npm_config_nodedir: node,
  };
  const args = ["rebuild", "@vscode/spdlog", "@vscode/native-watchdog", "--loglevel=error"];
  await shell("npm", args, { cwd: vscode, env }).catch(() => {
    console.warn("No C++ toolchain: the test host runs without log files.");
  });
}

/** About 260 MB that no test loads. */
function prune(vscode: string): void {
  for (const folder of [
    "node_modules/@github",
    "node_modules/@microsoft/mxc-sdk",
    "extensions/copilot",
  ]) {
    rmSync(join(vscode, folder), { recursive: true, force: true });
  }
  const ripgrep = join(vscode, "node_modules/@vscode/ripgrep-universal/bin");
  if (!existsSync(ripgrep)) return;
  for (const name of readdirSync(ripgrep)) {
    if (name !== `${process.platform}-${process.arch}`) {
      rmSync(join(ripgrep, name), { recursive: true });
    }
  }
}

// A real VS Code workbench and extension host: code-server's, with its
// windows in headless Chromium.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import {
  type Browser,
  type BrowserContext,
  chromium,
  type FrameLocator,
  type Page,
} from "playwright-core";
import { VSCODE_HOME } from "../setup/vscode.ts";
import { descendants, isAlive } from "./processes.ts";

const home = process.env["VSCODE_HOME"] ?? VSCODE_HOME;
const platform = process.platform === "win32" ? "win" : process.platform;
const NODE = join(home, `node_modules/node-${platform}-${process.arch}/bin/node`);
const ENTRY = join(home, "node_modules/code-server/out/node/entry.js");

/** Quiet and offline, so that nothing but the extension moves on the screen. */
const QUIET_SETTINGS = {
  // In a browser it saves after a second, also what a test wants unsaved.
  "files.autoSave": "off",
  "chat.disableAIFeatures": true,
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "git.enabled": false,
  // "Your application running on port … is available"
  "remote.autoForwardPorts": false,
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "window.commandCenter": false,
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
};

export interface VscodeOptions {
  userDataDir: string;
  extensionsDir?: string;
  /**
   * VS Code's own driver for tests inside the host. It also hides toasts, so the
   * workbench tests leave it off.
   */
  automation?: boolean;
  settings?: Record<string, unknown>;
  /** False: folders are trusted when somebody says so. */
  trustsAll?: boolean;
  env?: NodeJS.ProcessEnv;
  log?: string;
}

export interface VscodeServer {
  url: string;
  authority: string;
  process: ChildProcess;
  /** Ends it with all it started. */
  stop(): Promise<void>;
}

/**
 * As if this folder had been installed; before anything is, because from then
 * on VS Code keeps a list.
 */
export function linkExtension(folder: string, { userDataDir, extensionsDir }: VscodeOptions): void {
  const into = extensionsDir ?? join(userDataDir, "extensions");
  mkdirSync(into, { recursive: true });
  symlinkSync(resolve(folder), join(into, basename(folder)));
}

export function installVsix(vsix: string, options: VscodeOptions): void {
  mkdirSync(options.userDataDir, { recursive: true });
  const args = [...serverArgs(options), "--install-extension", vsix, "--force"];
  execFileSync(NODE, args, { env: serverEnvironment({}), encoding: "utf8" });
}

export async function startVscode(options: VscodeOptions): Promise<VscodeServer> {
  writeSettings(options);
  const args = [
    ...serverArgs(options),
    "--bind-addr",
    "127.0.0.1:0",
    "--idle-timeout-seconds",
    "300",
  ];
  if (options.automation) args.push("--vscode-option", "enable-smoke-test-driver");
  const child = spawn(NODE, args, {
    env: serverEnvironment(options.env ?? {}),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const url = await listening(child, options.log);
  return {
    url,
    authority: new URL(url).host,
    process: child,
    async stop() {
      const tree = descendants(child.pid ?? 0).filter(
        ({ args: line }) => !line.includes("dist/server/main.js"),
      );
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        const hard = setTimeout(() => child.kill("SIGKILL"), 5_000);
        await gone;
        clearTimeout(hard);
      }
      // An orphaned extension host takes seconds to notice; it holds no data.
      for (const { pid } of tree) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    },
  };
}

function serverArgs({
  userDataDir,
  extensionsDir = join(userDataDir, "extensions"),
  trustsAll = true,
}: VscodeOptions) {
  return [
    ENTRY,
    ...["--config", "/dev/null", "--auth", "none", "--disable-telemetry", "--disable-update-check"],
    ...(trustsAll ? ["--disable-workspace-trust"] : []),
    "--disable-getting-started-override",
    ...["--user-data-dir", userDataDir, "--extensions-dir", extensionsDir],
  ];
}

function serverEnvironment(more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(PORT|PASSWORD|HASHED_PASSWORD|ELECTRON_RUN_AS_NODE|NODE_OPTIONS|VSCODE_.*)$/.test(name),
  );
  // No look-ups in an extension gallery.
  return { ...Object.fromEntries(kept), EXTENSIONS_GALLERY: '{"serviceUrl":""}', ...more };
}

function writeSettings({ userDataDir, settings = {} }: VscodeOptions): void {
  // Settings with the scope of a machine are read where the host runs, the
  // others where the user is.
  for (const name of ["User", "Machine"]) {
    const folder = join(userDataDir, name);
    const path = join(folder, "settings.json");
    mkdirSync(folder, { recursive: true });
    const existing = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as object) : {};
    writeFileSync(path, JSON.stringify({ ...QUIET_SETTINGS, ...existing, ...settings }, null, 2));
  }
}

function listening(child: ChildProcess, log: string | undefined): Promise<string> {
  const file = log === undefined ? undefined : createWriteStream(log, { flags: "a" });
  let text = "";
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`VS Code did not listen:\n${text}`)), 60_000);
    const onData = (data: Buffer) => {
      file?.write(data);
      if (text.length < 20_000) text += data.toString();
      const found = /HTTP server listening on (http:\/\/127\.0\.0\.1:\d+)\//.exec(text)?.[1];
      if (!found) return;
      clearTimeout(timer);
      resolve(found);
    };
    child.stdout?.on("data", onData);
    child.stderr?.on("data", onData);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`VS Code exited with ${code}:\n${text}`));
    });
  });
}

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    // Playwright's own handlers would exit before the server is stopped.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ],
  });
}

export interface WindowOptions {
  folder?: string;
  /** VS Code's start-up payload, as pairs. */
  payload?: readonly (readonly [string, string])[];
}

export function windowUrl(server: VscodeServer, { folder, payload = [] }: WindowOptions): string {
  const query = new URLSearchParams(folder === undefined ? { ew: "true" } : { folder });
  if (payload.length > 0) query.set("payload", JSON.stringify(payload));
  return `${server.url}/?${query}`;
}

/** Opens a window and waits until the workbench is usable. */
export async function openWindow(
  context: BrowserContext,
  server: VscodeServer,
  options: WindowOptions = {},
): Promise<Page> {
  const page = await context.newPage();
  await page.goto(windowUrl(server, options), { timeout: 60_000 });
  await page.locator(".monaco-workbench .statusbar-item").first().waitFor({ timeout: 60_000 });
  return page;
}

/** The document that an extension's webview script runs in. */
export function webviewFrame(page: Page, nth = 0): FrameLocator {
  return page
    .locator("iframe.webview.ready")
    .nth(nth)
    .contentFrame()
    .locator("iframe#active-frame")
    .contentFrame();
}

/** Through the command palette, as a user would. */
export async function runCommand(page: Page, title: string): Promise<void> {
  const input = page.locator(".quick-input-widget input").first();
  // What takes the focus just then, a chat that opens, closes the list again.
  for (let tries = 0; ; tries += 1) {
    await page.keyboard.press("F1");
    try {
      await input.fill(`>${title}`, { timeout: 5_000 });
      break;
    } catch (thrown) {
      if (tries === 3) throw thrown;
    }
  }
  // Enter runs the focused row, which is another one until the list has caught up with the text.
  const row = page.locator(".quick-input-list .monaco-list-row.focused").filter({ hasText: title });
  await row.waitFor();
  await page.keyboard.press("Enter");
}

export function extensionHosts(server: VscodeServer): number[] {
  return descendants(server.process.pid ?? 0)
    .filter(({ args }) => args.includes("--type=extensionHost"))
    .map(({ pid }) => pid);
}

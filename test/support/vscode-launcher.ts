#!/usr/bin/env node
// Stands in for the desktop `code` binary in runTests(): takes its command line, runs the tests
// in code-server's extension host with a real workbench in headless Chromium, prints their output
// and exits with their code.
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { format } from "node:util";
import type { Browser } from "playwright-core";
import {
  extensionHosts,
  launchBrowser,
  linkExtension,
  startVscode,
  type VscodeServer,
  windowUrl,
} from "./vscode-host.ts";

const TIMEOUT_MS = 20 * 60_000;

const flags = new Map<string, string>();
let folder: string | undefined;
/** The first one is under test. */
const extensions: string[] = [];
for (const arg of process.argv.slice(2)) {
  const [, name, value] = /^--([^=]+)=?(.*)$/s.exec(arg) ?? [];
  if (name === undefined) folder ??= resolve(arg);
  else if (name === "extensionDevelopmentPath") extensions.push(resolve(value ?? ""));
  else flags.set(name, value ?? "");
}
const [extension, ...others] = extensions;
const tests = flags.get("extensionTestsPath");
if (!extension || !tests) {
  console.error("--extensionDevelopmentPath and --extensionTestsPath are required");
  process.exit(2);
}

// A socket's path has little room, so runTests' own long folder is not used.
const userDataDir = mkdtempSync(join(tmpdir(), "vscode-test-"));
mkdirSync(userDataDir, { recursive: true });
const report = join(userDataDir, "report.log");
const noise = join(userDataDir, "workbench.log");
for (const file of [report, noise]) writeFileSync(file, "");

// A browser's window takes one extension in development; the others are as if they were installed.
for (const other of others) linkExtension(other, { userDataDir });

let server: VscodeServer | undefined;
let browser: Browser | undefined;
let printed = 0;
let finished = false;

const printing = setInterval(printReport, 100);
const watchdog = setTimeout(() => void finish(1, `no result after ${TIMEOUT_MS} ms`), TIMEOUT_MS);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => void finish(130, `stopped by ${signal}`));
}

try {
  await run(extension, tests);
} catch (thrown) {
  await finish(1, String(thrown));
}

async function run(extensionPath: string, testsPath: string): Promise<void> {
  server = await startVscode({
    userDataDir,
    automation: true,
    log: join(userDataDir, "server.log"),
    env: { EXTENSION_TEST_OUTPUT: report, EXTENSION_TEST_USER_DATA: userDataDir },
  });
  const { authority } = server;
  browser = await launchBrowser();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  // The workbench calls these two when they are there.
  await page.exposeFunction("codeAutomationLog", (type: string, args: unknown[]) => {
    appendFileSync(noise, `[${type}] ${format(...args)}\n`);
  });
  await page.exposeFunction("codeAutomationExit", (code: number) => void finish(code));
  page.on("crash", () => void finish(1, "the workbench page crashed"));

  const uri = (path: string) => `vscode-remote://${authority}${encodeURI(resolve(path))}`;
  const payload = [
    ["extensionDevelopmentPath", uri(extensionPath)],
    ["extensionTestsPath", uri(testsPath)],
    ["skipWelcome", "true"],
    ["skipReleaseNotes", "true"],
  ] as const;
  await page.goto(windowUrl(server, { ...(folder ? { folder } : {}), payload }), {
    timeout: 60_000,
  });
  watchHost(server);
}

/** In test mode nobody replaces an extension host that dies. */
function watchHost(vscode: VscodeServer): void {
  let host: number | undefined;
  const poll = setInterval(() => {
    const hosts = extensionHosts(vscode);
    if (host !== undefined && !hosts.includes(host)) {
      clearInterval(poll);
      // The normal end wins this race.
      setTimeout(() => void finish(1, "the extension host died"), 2_000);
    }
    host ??= hosts[0];
  }, 500);
}

function printReport(): void {
  const text = readFileSync(report, "utf8");
  process.stdout.write(text.slice(printed));
  printed = text.length;
}

async function finish(code: number, why?: string): Promise<void> {
  if (finished) return;
  finished = true;
  clearTimeout(watchdog);
  clearInterval(printing);
  printReport();
  if (why) console.error(`${why} (see ${noise})`);
  await browser?.close().catch(() => {});
  await server?.stop();
  process.exit(code);
}

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { aptUpdate, canUseApt, onPath, shell } from "./shell.ts";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** The same engine without windows: it takes half of the processor. */
const HEADLESS = "chromium-headless-shell";

/**
 * Path of a Chromium: Debian's without windows, which is installed where that can be, else one that
 * is there, else Debian's with windows, else Playwright's own.
 */
export async function findChromium(): Promise<string> {
  return (
    process.env["CHROMIUM"] ??
    onPath(HEADLESS) ??
    (await installFromDebian(HEADLESS)) ??
    PLACES.find((path) => existsSync(path)) ??
    onPath("chromium") ??
    onPath("google-chrome") ??
    (await installFromDebian("chromium")) ??
    (await installWithPlaywright())
  );
}

/** Undefined: there is no network, no such package, or nobody who may. */
async function installFromDebian(name: string): Promise<string | undefined> {
  if (!canUseApt()) return undefined;
  console.log(`Installing ${name} …`);
  try {
    await aptUpdate();
    await shell("apt-get", ["install", "-y", "-qq", "--no-install-recommends", name], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  } catch (error) {
    console.log(String(error));
  }
  return onPath(name);
}

async function installWithPlaywright(): Promise<string> {
  const require = createRequire(import.meta.url);
  const cli = join(dirname(require.resolve("playwright-core/package.json")), "cli.js");
  try {
    await shell(process.execPath, [cli, "install", "chromium"]);
  } catch (cause) {
    throw new Error(
      "The browser tests need Chromium: install Chrome or Chromium, or set CHROMIUM to its path.",
      { cause },
    );
  }
  const { chromium } = await import("playwright-core");
  return chromium.executablePath();
}

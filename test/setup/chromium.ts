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
 * is there, else Playwright's own.
 */
export async function findChromium(): Promise<string> {
  const given = process.env["CHROMIUM"] ?? onPath(HEADLESS);
  if (given) return given;
  try {
    if (canUseApt()) return await installFromDebian();
  } catch (error) {
    // Without a network the one that is there serves, too.
    console.log(`${HEADLESS} could not be installed: ${String(error)}`);
  }
  return (
    PLACES.find((path) => existsSync(path)) ??
    onPath("chromium") ??
    onPath("google-chrome") ??
    (await installWithPlaywright())
  );
}

async function installFromDebian(): Promise<string> {
  console.log("Installing Chromium …");
  await aptUpdate();
  await shell("apt-get", ["install", "-y", "-qq", "--no-install-recommends", HEADLESS], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  const path = onPath(HEADLESS);
  if (path === undefined) throw new Error("it is not on the path");
  return path;
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

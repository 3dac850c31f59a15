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

/** Path of a Chromium or Chrome: the one that is there, else Debian's, else Playwright's own. */
export async function findChromium(): Promise<string> {
  const given = process.env["CHROMIUM"];
  if (given) return given;
  const there =
    PLACES.find((path) => existsSync(path)) ?? onPath("chromium") ?? onPath("google-chrome");
  if (there) return there;
  if (canUseApt()) {
    console.log("Installing Chromium …");
    await aptUpdate();
    await shell("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
    return "/usr/bin/chromium";
  }
  return await installWithPlaywright();
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

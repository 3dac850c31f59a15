// The packaged extension in a real workbench, as a user has it: installed from
// its .vsix, no test mode.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Browser, BrowserContext, FrameLocator, Locator, Page } from "playwright-core";
import {
  type Companion,
  findCompanion,
  stopCompanion,
} from "../../extension/companion/companion.ts";
import { descendants } from "../support/processes.ts";
import {
  installVsix,
  launchBrowser,
  linkExtension,
  openWindow,
  startVscode,
  type VscodeServer,
  webviewFrame,
} from "../support/vscode-host.ts";

/** Cores can be lent elsewhere: a window that opens in four seconds then takes forty. */
const PATIENCE_MS = 60_000;

const SETTINGS = {
  "workbench.colorTheme": "Dark Modern",
  "workbench.sideBar.location": "left",
  "editor.minimap.enabled": false,
  "workbench.reduceMotion": "on",
};

export interface Workbench {
  server: VscodeServer;
  dataDir: string;
  /** The folder that windows open. */
  folder: string;
  openWindow(folder?: string): Promise<Page>;
  /** The companion that runs now, after it has proved itself. */
  companion(): Promise<Companion>;
  /**
   * Into the folder that PICTURES names, to be looked at; docs/images keeps those that a page uses.
   */
  picture(page: Page, name: string): Promise<void>;
  close(): Promise<void>;
}

export interface WorkbenchOptions {
  /** The user's, beside those that every picture needs. */
  settings?: Record<string, unknown>;
  /** Folders of more extensions. */
  others?: readonly string[];
  /** False: folders are trusted when somebody says so. */
  trustsAll?: boolean;
}

export async function startWorkbench({
  settings = {},
  others = [],
  trustsAll = true,
}: WorkbenchOptions = {}): Promise<Workbench> {
  const scratch = mkdtempSync(join(tmpdir(), "streamkeeper-wb-"));
  const userDataDir = join(scratch, "user");
  const folder = join(scratch, "project");
  mkdirSync(folder);
  writeFileSync(join(folder, "debounce.ts"), SAMPLE);
  const options = {
    userDataDir,
    settings: { ...SETTINGS, ...settings },
    trustsAll,
    log: join(scratch, "vscode.log"),
  };
  for (const other of others) linkExtension(other, options);
  installVsix(newestVsix(), options);
  const server = await startVscode(options);
  const browser: Browser = await launchBrowser();
  const viewport = { width: 1280, height: 800 };
  // One context: the first webview of a fresh browser profile takes seconds.
  const context: BrowserContext = await browser.newContext({ viewport, deviceScaleFactor: 1 });
  context.setDefaultTimeout(PATIENCE_MS);
  const dataDir = join(userDataDir, "User/globalStorage/streamkeeper.streamkeeper");

  return {
    server,
    dataDir,
    folder,
    openWindow: (other = folder) => openWindow(context, server, { folder: other }),
    companion: () => until("a companion that proves itself", () => findCompanion(dataDir)),
    async picture(page, name) {
      const folder = process.env["PICTURES"];
      if (!folder) return;
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: join(folder, `workbench-${name}.png`) });
    },
    async close() {
      await browser.close();
      await server.stop();
      const companion = await findCompanion(dataDir);
      if (companion) await stopCompanion(companion);
      const left = descendants(1).filter(({ args }) => args.includes(dataDir));
      assert.deepEqual(left, [], "a companion is left over");
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

function newestVsix(): string {
  const found = [".", "dist"].flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => name.endsWith(".vsix"))
      .map((name) => resolve(directory, name)),
  );
  const [newest] = found.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  assert.ok(newest, "no .vsix; run `npm run package` first");
  return newest;
}

/** What is under test in one window. */
export interface ChatPage {
  frame: FrameLocator;
  composer: Locator;
  turns: Locator;
  send(text: string): Promise<void>;
  /** The text of the last answer, as the reader sees it. */
  answer(): Promise<string>;
  /** Waits for the last turn to be in `status`. */
  reached(status: "running" | "done" | "interrupted" | "error", timeoutMs?: number): Promise<void>;
}

/**
 * The `nth` chat page of a window: the side bar's comes before those of the editor when both show.
 */
export function chatPage(page: Page, nth = 0): ChatPage {
  return chatIn(webviewFrame(page, nth));
}

function chatIn(frame: FrameLocator): ChatPage {
  const composer = frame.getByRole("textbox", { name: "Your message" });
  const turns = frame.locator(".turn");
  return {
    frame,
    composer,
    turns,
    async send(text) {
      await composer.fill(text);
      await composer.press("Enter");
    },
    // Without the heads of code blocks, which are ours.
    answer: async () =>
      turns
        .last()
        .locator(".answer .markdown")
        .last()
        .evaluate((element) => {
          const copy = element.cloneNode(true) as Element;
          for (const head of copy.querySelectorAll(".code-head")) head.remove();
          return copy.textContent ?? "";
        }),
    reached: async (status, timeout = 60_000) =>
      turns
        .last()
        .and(frame.locator(`[data-status="${status}"]`))
        .waitFor({ timeout }),
  };
}

export function statusItem(page: Page): Locator {
  return page.locator('[id="streamkeeper.streamkeeper.streamkeeper.latency"]');
}

export async function openChatView(page: Page): Promise<ChatPage> {
  await page.getByRole("tab", { name: "Streamkeeper" }).first().click();
  const chat = chatPage(page);
  // The first webview of a window takes long on a machine that is busy.
  await chat.composer.waitFor({ timeout: 60_000 });
  return chat;
}

/** Polls: neither VS Code nor a page tells a test what it is doing. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < deadline, `never: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

const SAMPLE = `export function debounce<A extends unknown[]>(call: (...args: A) => void, waitMs: number) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (...args: A): void => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...args), waitMs);
  };
}
`;

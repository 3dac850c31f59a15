// Opens the built web app in a real Chromium, as a browser tab or as VS Code's webview,
// against a scripted companion.
import assert from "node:assert/strict";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { renderPage } from "../../../extension/chat/page-html.ts";
import type { FromWebview, ToWebview } from "../../../webview/messages.ts";
import { relayToCompanion } from "./relay.ts";
import { ScriptedCompanion } from "./scripted-companion.ts";
import type { ScriptedSession } from "./scripted-parts.ts";
import { THEMES, type ThemeName } from "./themes.ts";

export type Host = "browser" | "vscode";
export const HOSTS: readonly Host[] = ["browser", "vscode"];

export interface AppOptions {
  host?: Host;
  theme?: ThemeName;
  language?: string;
  width?: number;
  height?: number;
  reducedMotion?: "reduce" | "no-preference";
  forcedColors?: "active" | "none";
  /** Before the page is opened. */
  prepare?: (companion: ScriptedCompanion) => void;
  /** Console errors that belong to the test. */
  allowErrors?: boolean;
}

export interface OpenApp {
  page: Page;
  companion: ScriptedCompanion;
  host: Host;
  /** What the app asked of VS Code beside calls and streams. */
  posted: FromWebview[];
  /** As the extension host. */
  post: (message: ToWebview) => Promise<void>;
  reload: () => Promise<void>;
  /** Types and sends. */
  send: (text: string) => Promise<void>;
  violations: string[];
}

/** The one session there is. */
export function only({ companion }: OpenApp): ScriptedSession {
  const [session] = companion.sessions.values();
  assert.ok(session);
  return session;
}

/** Sends, and waits until the companion has the message. */
export async function ask(
  app: OpenApp,
  text = "Explain",
): Promise<{ session: ScriptedSession; turnId: string }> {
  await app.send(text);
  await app.page.locator(".question-text", { hasText: text }).last().waitFor();
  await app.page.locator(".status-line.is-live").waitFor();
  const session = only(app);
  return { session, turnId: session.turn?.id ?? "" };
}

let browser: Browser | undefined;

/** One browser for all tests of a file; closed after the last of all. */
export async function sharedBrowser(): Promise<Browser> {
  browser ??= await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--font-render-hinting=none",
    ],
  });
  return browser;
}

export async function closeBrowser(): Promise<void> {
  await browser?.close();
  browser = undefined;
}

/**
 * A bare page with the same checks: nothing may violate the policy, nothing
 * may fail without a word.
 */
export async function withPage(body: (page: Page) => Promise<void>): Promise<void> {
  const context = await (await sharedBrowser()).newContext({
    locale: "en-US",
    reducedMotion: "reduce",
  });
  const violations: string[] = [];
  const errors: string[] = [];
  try {
    const page = await context.newPage();
    await watch(page, errors, violations);
    await body(page);
    assert.deepEqual({ violations, errors }, { violations: [], errors: [] });
  } finally {
    await context.close();
  }
}

export async function withApp(
  options: AppOptions,
  body: (app: OpenApp) => Promise<void>,
): Promise<void> {
  const companion = new ScriptedCompanion();
  await companion.start();
  const { host = "browser", theme = "dark", width = 720, height = 800 } = options;
  const context = await (await sharedBrowser()).newContext({
    viewport: { width, height },
    colorScheme: THEMES[theme].kind,
    locale: options.language ?? "en-US",
    reducedMotion: options.reducedMotion ?? "reduce",
    forcedColors: options.forcedColors ?? "none",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const errors: string[] = [];
  const violations: string[] = [];
  try {
    options.prepare?.(companion);
    const app = await openPage(context, companion, { ...options, host, theme }, errors, violations);
    await body(app);
    assert.deepEqual(violations, [], "violations of the Content Security Policy");
    if (!options.allowErrors) assert.deepEqual(errors, [], "errors in the console");
  } finally {
    await context.close();
    await companion.stop();
  }
}

async function openPage(
  context: BrowserContext,
  companion: ScriptedCompanion,
  options: AppOptions & { host: Host; theme: ThemeName },
  errors: string[],
  violations: string[],
): Promise<OpenApp> {
  const page = await context.newPage();
  const { host } = options;
  const posted: FromWebview[] = [];
  await watch(page, errors, violations);

  let post = async (_message: ToWebview): Promise<void> => {};
  const state = { value: undefined as unknown };
  const relay = relayToCompanion(
    companion,
    (message) => post(message),
    (message) => posted.push(message),
  );
  if (host === "vscode") {
    await prepareVsCode(page, companion, options, relay.receive, state);
    post = async (message) => {
      if (!page.isClosed())
        await page.evaluate((data) => window.postMessage(data, "*"), message).catch(() => {});
    };
    context.on("close", relay.stop);
  }
  const address = host === "vscode" ? `${companion.origin}/vscode` : companion.url;
  await page.goto(address);
  return {
    page,
    companion,
    host,
    posted,
    violations,
    async post(message) {
      // As the extension does: before it nobody listens.
      while (host === "vscode" && !posted.some(({ type }) => type === "ready"))
        await page.waitForTimeout(10);
      await post(message);
    },
    async reload() {
      relay.stop();
      await page.reload();
    },
    async send(text) {
      await page.getByLabel("Your message").fill(text);
      await page.keyboard.press("Enter");
    },
  };
}

/** VS Code's side of a webview: its page, its theme, its messages, its saved state. */
export async function prepareVsCode(
  page: Page,
  companion: ScriptedCompanion,
  options: Pick<AppOptions, "language"> & { theme: ThemeName; bundle?: "app" | "metrics" },
  receive: (message: unknown) => void,
  state: { value: unknown },
): Promise<void> {
  const { bundle = "app" } = options;
  const html = renderPage({
    cspSource: companion.origin,
    nonce: "testnonce",
    script: `${companion.origin}/${bundle}.js`,
    style: `${companion.origin}/${bundle}.css`,
    language: options.language ?? "en",
  });
  companion.pages.set("/vscode", { type: "text/html; charset=utf-8", body: html });
  await page.exposeFunction("hostReceive", receive);
  await page.exposeFunction("hostSave", (value: unknown) => {
    state.value = value;
  });
  await page.exposeFunction("hostSaved", () => state.value);
  await page.addInitScript((first) => {
    const host = globalThis as unknown as {
      hostReceive(message: unknown): void;
      hostSave(value: unknown): void;
      acquireVsCodeApi: unknown;
      paint(theme: typeof first): void;
    };
    const KEY = "harness.state";
    host.acquireVsCodeApi = () => ({
      postMessage: (message: unknown) => host.hostReceive(message),
      getState: () => JSON.parse(sessionStorage.getItem(KEY) ?? "null"),
      setState: (value: unknown) => sessionStorage.setItem(KEY, JSON.stringify(value)),
    });
    host.paint = ({ variables, bodyClass, background }) => {
      const style = document.documentElement.style;
      style.cssText = "";
      for (const [name, value] of Object.entries(variables)) style.setProperty(name, value);
      style.setProperty("background-color", background);
      // What VS Code's own style sheet for webviews does to every page, as far as it concerns ours.
      const defaults = new CSSStyleSheet();
      defaults.replaceSync(`@layer vscode-default {
          body { padding: 0 20px; }
          code { color: var(--vscode-textPreformat-foreground); background: var(--vscode-textPreformat-background); padding: 1px 3px; }
          blockquote { background: var(--vscode-textBlockQuote-background); }
          :is(a, input, select, textarea):focus { outline: 1px solid -webkit-focus-ring-color; outline-offset: -1px; }
        }`);
      document.adoptedStyleSheets = [defaults];
      document.body.className = bodyClass;
    };
    document.addEventListener("DOMContentLoaded", () => host.paint(first));
  }, THEMES[options.theme]);
}

/** Gives an open page of VS Code's another theme. */
export async function paintTheme(page: Page, theme: ThemeName): Promise<void> {
  await page.emulateMedia({ colorScheme: THEMES[theme].kind });
  await page.evaluate((look) => {
    (globalThis as unknown as { paint(theme: typeof look): void }).paint(look);
  }, THEMES[theme]);
}

export async function watch(page: Page, errors: string[], violations: string[]): Promise<void> {
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (
      message.type() === "error" &&
      !/Failed to load resource|ERR_CONNECTION/.test(message.text())
    ) {
      errors.push(message.text());
    }
  });
  await page.exposeFunction("reportViolation", (text: string) => void violations.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      const host = globalThis as unknown as { reportViolation: (text: string) => void };
      host.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
}

// What the web app costs a browser while an answer comes: the main thread of a real Chromium,
// whose page hears the words from a scripted companion. CPU is the thread's own, so that other
// work on the machine does not count; how long a task took is what somebody would have waited.
import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { CDPSession, Locator, Page } from "playwright-core";
import { findChromium } from "../setup/chromium.ts";
import type * as Harness from "../webview/support/with-app.ts";
import type { Result } from "./result.ts";

const CHARS = 50_000;
const PER_SECOND = 76;
/** What W3C's Long Tasks calls long, and counts from. */
const GOAL_MS = 50;

const WORDS = "every chunk is *committed* before `anyone` has seen it, and **nothing** is lost";
const COLUMNS = "| place | what | of whom |\n|---|---|---|\n";

/** What an answer consists of, a line after the other, and the elements that become of them. */
const ANSWERS: Record<string, { begin: string; line(number: number): string; shown: string }> = {
  text: {
    begin: "",
    line: (number) => `${number % 3 === 0 ? "- " : ""}${WORDS}: ${number}.\n\n`,
    shown: "p, li",
  },
  code: {
    begin: "```ts\n",
    line: (number) => `export const place${number} = (at: number) => at + ${number}; // ok\n`,
    shown: "pre code",
  },
  "one long table": {
    begin: COLUMNS,
    line: (number) => `| ${number} | ${WORDS} | place ${number} |\n`,
    shown: "tr",
  },
};

export const RENDERED = Object.keys(ANSWERS);

export async function measureRendering(kind: string, quick: boolean): Promise<Result[]> {
  const answer = ANSWERS[kind];
  if (!answer) throw new Error(`no answer of ${kind}`);
  process.env["CHROMIUM"] ??= await findChromium();
  build();
  // It reads what is built.
  const { ask, closeBrowser, withApp } = await import("../webview/support/with-app.ts");
  const chars = quick ? CHARS / 5 : CHARS;
  const size = Math.ceil(CHARS / 950);
  let text = answer.begin;
  let lines = 0;
  while (text.length < chars) text += answer.line(lines++);
  try {
    let spent: Rendered | undefined;
    await withApp({ height: 900 }, async (app) => {
      const last = app.page
        .locator(`.answer .markdown :is(${answer.shown})`)
        .filter({ hasText: String(lines - 1) });
      spent = await render(app, await ask(app), { text, size, last });
    });
    if (!spent) throw new Error("nothing was measured");
    const { busy, script, layout, long, longest } = spent;
    return [
      {
        what: `${kind}, ${Math.round(chars / 1_000)} KB in ${Math.ceil(text.length / size)} words, ${PER_SECOND} a second`,
        measured: `main thread ${(busy * 100).toFixed(0)} % busy, script ${script.toFixed(0)} ms, style and layout ${layout.toFixed(0)} ms; long tasks: ${long}, longest ${longest.toFixed(0)} ms`,
        baseline: "–",
        goal: `no task over ${GOAL_MS} ms`,
        met: long === 0,
      },
    ];
  } finally {
    await closeBrowser();
  }
}

let isBuilt = false;

/** What people get, not what a developer has lying about. */
function build(): void {
  if (isBuilt) return;
  isBuilt = true;
  const { status, stderr } = spawnSync(process.execPath, ["esbuild.mjs", "--production"], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
}

type Asked = Awaited<ReturnType<typeof Harness.ask>>;

interface Rendered {
  /** Share of the time that the answer took. */
  busy: number;
  /** Milliseconds of the thread. */
  script: number;
  layout: number;
  long: number;
  /** Milliseconds by the clock. */
  longest: number;
}

async function render(
  { page, companion }: Harness.OpenApp,
  { session, turnId }: Asked,
  { text, size, last }: { text: string; size: number; last: Locator },
): Promise<Rendered> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  await noteLongTasks(page);
  const before = await metricsOf(devtools);
  const began = performance.now();
  for (let from = 0, due = began; from < text.length; from += size, due += 1_000 / PER_SECOND) {
    await delay(Math.max(0, due - performance.now()));
    companion.stream(session, turnId, text.slice(from, from + size), size);
  }
  await last.first().waitFor();
  const passed = performance.now() - began;
  const after = await metricsOf(devtools);
  companion.done(session, turnId);
  const tasks = await longTasksOf(page);
  const spent = (...names: string[]): number =>
    names.reduce((sum, name) => sum + ((after[name] ?? 0) - (before[name] ?? 0)) * 1_000, 0);
  return {
    busy: spent("TaskDuration") / passed,
    script: spent("ScriptDuration"),
    layout: spent("LayoutDuration", "RecalcStyleDuration"),
    long: tasks.length,
    longest: Math.max(0, ...tasks),
  };
}

/** Seconds. */
async function metricsOf(devtools: CDPSession): Promise<Record<string, number>> {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

interface WithTasks {
  longTasks: number[];
}

async function noteLongTasks(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen: number[] = [];
    Object.assign(globalThis, { longTasks: seen });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) seen.push(duration);
    }).observe({ type: "longtask" });
  });
}

/** Milliseconds each. */
async function longTasksOf(page: Page): Promise<number[]> {
  return await page.evaluate(() => (globalThis as unknown as WithTasks).longTasks);
}

// Draws the panel and the metrics view, to be looked at: node test/webview/screenshots.ts FOLDER
// (after a build). docs/images keeps those that a page uses.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ThemeName } from "./support/themes.ts";
import { ask, closeBrowser, type OpenApp, withApp } from "./support/with-app.ts";
import { BUSY, withMetrics } from "./support/with-metrics.ts";

const FOLDER = process.argv[2] ?? "";
if (FOLDER === "") throw new Error("Usage: node test/webview/screenshots.ts FOLDER");
const LOOKS: ThemeName[] = ["dark", "light", "high-contrast"];

const QUESTION = "Explain debouncing and write a typed debounce function in TypeScript.";
const ANSWER = `Debouncing waits until the calls **stop coming**, then runs once. Use it for search boxes and resize handlers.

\`\`\`ts
/** Runs \`work\` when nobody has called for \`waitMs\`. */
export function debounce<A extends unknown[]>(
  work: (...args: A) => void,
  waitMs: number,
) {
  let timer: ReturnType<typeof setTimeout>;
  return (...args: A): void => {
    clearTimeout(timer);
    timer = setTimeout(work, waitMs, ...args);
  };
}
\`\`\`

| | debounce | throttle |
|---|---|---|
| Runs | once, at the end | at a steady pace |
| Good for | search as you type | scroll handlers |
`;

async function draw(app: OpenApp, look: ThemeName): Promise<void> {
  const { page, companion } = app;
  const shoot = async (name: string): Promise<void> => {
    // Two frames: what was just said is on the screen, and coloured.
    await page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
    await page.screenshot({ path: join(FOLDER, `panel-${name}-${look}.png`) });
  };
  await page.getByText("every commit synced").waitFor();
  await shoot("empty");

  const { session, turnId } = await ask(app, QUESTION);
  companion.stream(session, turnId, ANSWER.slice(0, 420));
  await page.getByText("clearTimeout").waitFor();
  await shoot("streaming");

  companion.stream(session, turnId, ANSWER.slice(420));
  companion.done(session, turnId);
  await page.getByText("Saved").waitFor();
  await page.locator("td").nth(5).waitFor();
  await page.locator(".hljs-keyword").first().waitFor();
  await shoot("finished");

  const second = await ask(app, "And in Rust?");
  companion.stream(
    session,
    second.turnId,
    "In Rust a channel does it: the receiver waits with a time",
  );
  companion.say(session, second.turnId, {
    type: "error",
    error: "The model’s server cut the connection in the middle of the answer.",
    metadata: {
      code: "upstream_cut",
      hint: "Ask again; what had arrived is kept.",
      retryable: true,
    },
  });
  await page.getByText("The answer failed").waitFor();
  await shoot("error");
}

async function drawMetrics(theme: ThemeName): Promise<void> {
  await withMetrics({ theme, width: 900, height: 1_000 }, async ({ page, tell }) => {
    await tell(BUSY);
    await page.getByRole("heading", { name: "For Prometheus" }).waitFor();
    await page.screenshot({ path: join(FOLDER, `metrics-${theme}.png`) });
  });
}

mkdirSync(FOLDER, { recursive: true });
for (const theme of LOOKS) {
  await withApp({ host: "vscode", theme, width: 420, height: 640 }, (app) => draw(app, theme));
  await drawMetrics(theme);
}
await closeBrowser();

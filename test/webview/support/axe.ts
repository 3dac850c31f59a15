// What axe finds in an open page, also in each of VS Code's themes.
import axe from "axe-core";
import type { Page } from "playwright-core";
import { THEME_NAMES, type ThemeName } from "./themes.ts";
import { paintTheme } from "./with-app.ts";

/** By every rule that axe has switched on; `within`: a selector of the part that is looked at. */
export async function findings(page: Page, within?: string): Promise<string[]> {
  // Half a megabyte, which is read and compiled anew each time that it is given.
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe.source);
  return await page.evaluate(async (selector) => {
    const here = globalThis as unknown as { axe: typeof axe };
    const { violations } = await here.axe.run(selector ?? document, {
      resultTypes: ["violations"],
    });
    return violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n  ")}`,
    );
  }, within);
}

/**
 * Changes the theme of the open page as VS Code does: reaching the same state again for
 * each takes most of the time.
 */
export async function inEveryTheme(
  page: Page,
  body: (theme: ThemeName) => Promise<void>,
): Promise<void> {
  for (const theme of THEME_NAMES) {
    await paintTheme(page, theme);
    await body(theme);
  }
}

// What axe finds in an open page, also in each of VS Code's themes.
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { THEME_NAMES, type ThemeName } from "./themes.ts";
import { paintTheme } from "./with-app.ts";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** `all`: by every rule that axe has switched on. */
export async function findings(
  page: Page,
  { tags = WCAG, within }: { tags?: readonly string[] | "all"; within?: string } = {},
): Promise<string[]> {
  // The page has no frames; the other way opens and closes a second page each time.
  const axe = new AxeBuilder({ page }).setLegacyMode(true);
  if (tags !== "all") axe.withTags([...tags]);
  if (within !== undefined) axe.include(within);
  const { violations } = await axe.analyze();
  return violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("\n  ")}`,
  );
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

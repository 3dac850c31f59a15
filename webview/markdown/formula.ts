// Loaded with the first formula.
import katex from "katex";

/** Longer than this it is no formula that somebody reads. */
const MAX_LENGTH = 10_000;

/**
 * The formula as it is set, or null if it cannot be. Of a stranger: it may
 * link, load and style nothing.
 */
export function setFormula(tex: string, displayMode: boolean): HTMLElement | null {
  if (tex.length > MAX_LENGTH) return null;
  const element = document.createElement("span");
  try {
    // Made of elements, not of HTML: inline styles in HTML are forbidden here.
    katex.render(tex, element, {
      displayMode,
      throwOnError: true,
      strict: "ignore",
      maxSize: 20,
      maxExpand: 300,
      // Not what KaTeX shows instead, which would be red.
      trust: ({ command }) => {
        throw new TypeError(`${command} is not for strangers`);
      },
    });
  } catch {
    return null;
  }
  return element;
}

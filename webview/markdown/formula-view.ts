import { loadStyle } from "../load-style.ts";
import type { MarkdownHost } from "./code-block.ts";
import { formulaOf, MATH_CLASS } from "./syntax/math.ts";

type Typesetter = (tex: string, isDisplay: boolean) => HTMLElement | null;

/** What was set once: a paragraph that grows is made anew with each word. */
const known = new Map<string, HTMLElement | null>();
const MAX_KNOWN = 500;

let typesetter: Typesetter | undefined;
let loading: Promise<boolean> | undefined;

/**
 * Where a formula stands as it was written, it is set, with the first one as soon
 * as what sets it is there.
 */
export function showFormula(element: HTMLElement, host: MarkdownHost): void {
  const { classList } = element;
  if (classList.contains(`${MATH_CLASS}-open`)) return;
  const isDisplay = classList.contains(`${MATH_CLASS}-display`);
  if (isDisplay) {
    // Long ones scroll, so they are reached without a mouse.
    element.tabIndex = 0;
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", host.text.formula);
  }
  const source = element.textContent;
  const key = `${isDisplay ? "display" : "inline"} ${source}`;
  if (known.has(key)) return fill(element, known.get(key));
  if (!typesetter) {
    loading ??= load();
    void loading.then((isLoaded) => {
      if (isLoaded) showFormula(element, host);
      // The next formula asks again.
      else loading = undefined;
    });
    return;
  }
  const set = typesetter;
  host.queue.add(element, () => {
    const made = known.has(key) ? known.get(key) : set(formulaOf(source), isDisplay);
    if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value ?? "");
    known.set(key, made ?? null);
    fill(element, made);
    return false;
  });
}

function fill(element: HTMLElement, made: HTMLElement | null | undefined): void {
  element.classList.toggle("is-set", made !== null && made !== undefined);
  // What cannot be set stays as it was written.
  if (made) element.replaceChildren(made.cloneNode(true));
}

async function load(): Promise<boolean> {
  try {
    const [loaded] = await Promise.all([import("./formula.ts"), loadStyle("katex.css")]);
    typesetter = loaded.setFormula;
    return true;
  } catch {
    return false;
  }
}

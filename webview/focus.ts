// The focus is never lost: when what has it goes away or cannot be used any more, browsers drop it
// onto the page, and whoever works by keyboard begins at the top again.

interface Place {
  parent: Element;
  index: number;
}

const FOCUSABLE =
  "button:not(:disabled), input:not(:disabled), textarea:not(:disabled), [tabindex]";

/** Watches `root` from now on; `home` takes the focus where nothing nearer can. */
export function keepFocus(root: HTMLElement, home: () => void): void {
  let element: Element | null = null;
  let places: Place[] = [];

  root.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof Element)) return;
    element = target;
    places = placesOf(target, root);
  });
  root.addEventListener("focusout", ({ target }) => {
    // A click beside everything takes the focus on purpose.
    setTimeout(() => {
      if (element === target && isFree() && isUsable(element)) element = null;
    });
  });
  new MutationObserver(() => {
    // Whoever is in another window or in the editor stays there.
    if (!element || !document.hasFocus() || isUsable(element)) return;
    if (!isFree() && document.activeElement !== element) return;
    element = null;
    const next = nextTo(places);
    if (next) next.focus();
    else home();
  }).observe(root, { childList: true, subtree: true, attributeFilter: ["disabled"] });
}

function isFree(): boolean {
  return document.activeElement === document.body || document.activeElement === null;
}

function isUsable(element: Element | null): boolean {
  return element?.isConnected === true && !element.matches(":disabled");
}

function placesOf(target: Element, root: Element): Place[] {
  const places: Place[] = [];
  for (let at = target; at !== root && at.parentElement; at = at.parentElement) {
    places.push({ parent: at.parentElement, index: [...at.parentElement.children].indexOf(at) });
  }
  return places;
}

/** The row that has taken the place of one that went, else what is around it. */
function nextTo(places: readonly Place[]): HTMLElement | null {
  for (const { parent, index } of places) {
    if (!parent.isConnected) continue;
    if (parent.matches("ul, ol")) {
      const row = parent.children[Math.min(index, parent.children.length - 1)];
      const inside = row?.querySelector<HTMLElement>(FOCUSABLE);
      if (inside) return inside;
    }
    if (parent instanceof HTMLElement && parent.tabIndex >= -1 && parent.hasAttribute("tabindex")) {
      return parent;
    }
    const home = parent.querySelector<HTMLElement>("[data-home]");
    if (home && parent.matches("nav, form")) return home;
  }
  return null;
}

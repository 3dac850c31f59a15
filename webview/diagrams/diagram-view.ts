// A fence of Mermaid as its diagram, which stands where the code stood; the code is one press away.

import { loadStyle } from "../load-style.ts";
import type { Drawn, drawDiagram } from "./draw.ts";
import { type Look, lookOf } from "./look.ts";
import { diagramStrings } from "./strings.ts";

interface Place {
  block: HTMLElement;
  pre: HTMLElement;
  actions: HTMLElement;
}

/** More parts take seconds, on the page's only thread: then a person has to ask for it. */
const MAX_SOURCE = 10_000;
const MAX_PARTS = 200;
/** More than these take so long that they wait until the answer has ended. */
const QUICK_PARTS = 40;
const LOOK_AGAIN_MS = 400;
const MAX_KNOWN = 60;
const CODE_ICON = "\ueac4";
const DIAGRAM_ICON = "\ueb03";
/**
 * What was being drawn when the page ended: it is not tried again by itself, or the
 * chat could never be opened.
 */
const TAKEN = "streamkeeper.diagrams";
const MAX_TAKEN = 20;

const all = new Set<Diagram>();
const known = new Map<string, Drawn>();
let drawing: Promise<unknown> = Promise.resolve();

/** Styles come with the first diagram, as what draws it does. */
let styled: Promise<unknown> | undefined;

export function showDiagram(place: Place, source: string): void {
  styled ??= loadStyle("diagram.css");
  styled.catch(() => {
    styled = undefined;
  });
  new Diagram(place, source).showWhenNear();
}

class Diagram {
  readonly #place: Place;
  readonly #source: string;
  readonly #figure = document.createElement("figure");
  readonly #picture = document.createElement("img");
  readonly #note = document.createElement("p");
  readonly #toggle = document.createElement("button");
  #look = "";

  constructor(place: Place, source: string) {
    this.#place = place;
    this.#source = source;
    this.#figure.className = "diagram";
    // It scrolls where it is wider than the page.
    this.#figure.tabIndex = 0;
    this.#figure.setAttribute("role", "group");
    this.#figure.setAttribute("aria-label", diagramStrings().frame);
    this.#figure.append(this.#picture);
    this.#note.className = "diagram-note";
    this.#toggle.type = "button";
    this.#toggle.className = "icon-button";
    this.#toggle.addEventListener("click", () => {
      if (this.#isShown) this.#showCode();
      else void this.#show(true);
    });
  }

  get isAway(): boolean {
    return !this.#place.block.isConnected;
  }

  showWhenNear(): void {
    const watch = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        watch.disconnect();
        void this.#whenQuiet().then(() => this.#show(false));
      },
      { root: this.#place.block.closest(".transcript"), rootMargin: "600px" },
    );
    watch.observe(this.#place.block);
  }

  redraw(): void {
    if (this.#isShown && this.#look !== JSON.stringify(lookOf(this.#place.block))) {
      void this.#show(true);
    }
  }

  get #isShown(): boolean {
    return this.#figure.isConnected;
  }

  async #whenQuiet(): Promise<void> {
    while (partsOf(this.#source) > QUICK_PARTS && this.#place.block.closest(".is-growing")) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  async #show(isAsked: boolean): Promise<void> {
    const words = diagramStrings();
    if (this.isAway) return;
    const isLarge = this.#source.length > MAX_SOURCE || partsOf(this.#source) > MAX_PARTS;
    if (isLarge && !isAsked) return this.#say(words.large, true);
    const look = lookOf(this.#place.block);
    const key = JSON.stringify(look);
    try {
      const drawn = await draw(this.#source, look, isAsked);
      if (this.isAway) return;
      if (drawn === "too slow") return this.#say(words.tooSlow, true);
      this.#look = key;
      this.#fill(drawn);
    } catch (thrown) {
      if (this.isAway) return;
      if (thrown instanceof NotLoaded) this.#say(words.notLoaded, true);
      else this.#say(words.faulty(firstLines(thrown)));
    }
  }

  #fill(drawn: Drawn): void {
    const words = diagramStrings();
    const { block, pre } = this.#place;
    this.#picture.src = `data:image/svg+xml,${encodeURIComponent(drawn.svg)}`;
    this.#picture.alt = words.diagram(drawn.words);
    this.#picture.width = Math.ceil(drawn.width);
    this.#picture.height = Math.ceil(drawn.height);
    this.#picture.style.setProperty("--natural", `${Math.ceil(drawn.width)}px`);
    this.#note.remove();
    if (!this.#isShown) pre.replaceWith(this.#figure);
    block.classList.add("is-diagram");
    this.#offer(CODE_ICON, words.showCode);
    all.add(this);
    watchLooks();
  }

  #showCode(): void {
    this.#figure.replaceWith(this.#place.pre);
    this.#place.block.classList.remove("is-diagram");
    this.#offer(DIAGRAM_ICON, diagramStrings().showDiagram);
  }

  /** Why there is no diagram, under the code, which stays. */
  #say(what: string, mayTryAgain = false): void {
    if (this.#isShown) this.#showCode();
    this.#note.textContent = what;
    this.#place.block.append(this.#note);
    if (mayTryAgain) this.#offer(DIAGRAM_ICON, diagramStrings().showDiagram);
    else this.#toggle.remove();
  }

  #offer(icon: string, label: string): void {
    this.#toggle.dataset["icon"] = icon;
    this.#toggle.title = label;
    this.#toggle.setAttribute("aria-label", label);
    if (!this.#toggle.isConnected) this.#place.actions.prepend(this.#toggle);
  }
}

/** About as many as there are boxes and lines to be laid out. */
function partsOf(source: string): number {
  return source.split(/[\n;&]/).length;
}

class NotLoaded extends Error {}

/** One after the other, each in an idle moment. */
function draw(source: string, look: Look, isAsked: boolean): Promise<Drawn | "too slow"> {
  const key = `${JSON.stringify(look)} ${source}`;
  const next = drawing.then(async () => {
    const old = known.get(key);
    if (old) return old;
    if (!isAsked && taken().includes(hashOf(source))) return "too slow";
    const drawer = await load();
    await new Promise((resolve) => requestIdleCallback(resolve, { timeout: 1_000 }));
    keepTaken([...taken(), hashOf(source)].slice(-MAX_TAKEN));
    const letGo = (): void => keepTaken(taken().filter((one) => one !== hashOf(source)));
    addEventListener("pagehide", letGo, { once: true });
    try {
      const drawn = await drawer(source, look);
      if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value ?? "");
      known.set(key, drawn);
      return drawn;
    } finally {
      removeEventListener("pagehide", letGo);
      letGo();
    }
  });
  drawing = next.catch(() => {});
  return next;
}

async function load(): Promise<typeof drawDiagram> {
  try {
    styled ??= loadStyle("diagram.css");
    const [loaded] = await Promise.all([import("./draw.ts"), styled]);
    return loaded.drawDiagram;
  } catch {
    styled = undefined;
    throw new NotLoaded();
  }
}

function taken(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(TAKEN) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

function keepTaken(hashes: readonly string[]): void {
  try {
    localStorage.setItem(TAKEN, JSON.stringify(hashes));
  } catch {
    // No storage: then there is no memory of what was too slow.
  }
}

function hashOf(source: string): string {
  let hash = 0;
  for (let at = 0; at < source.length; at += 1) hash = (hash * 31 + source.charCodeAt(at)) | 0;
  return `${hash.toString(36)}.${source.length}`;
}

function firstLines(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const lines = message.split("\n").filter((line) => !line.startsWith("Expecting"));
  return lines.slice(0, 3).join("\n").slice(0, 300);
}

let isWatching = false;

/** The theme may change while diagrams stand there. */
function watchLooks(): void {
  if (isWatching) return;
  isWatching = true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const one of all) {
        if (one.isAway) all.delete(one);
        else one.redraw();
      }
    }, 100);
  };
  const watch = new MutationObserver(again);
  for (const element of [document.documentElement, document.body]) {
    watch.observe(element, { attributes: true, attributeFilter: ["class", "style"] });
  }
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", again);
  }
}

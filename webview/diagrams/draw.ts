// A bundle of its own, loaded with the first diagram. Draws on the page, unseen, because only there
// text can be measured; what comes out is a picture that stands alone.
import DOMPurify from "dompurify";
import mermaid from "mermaid";
import { type Look, readableOn, themeOf } from "./look.ts";

export interface Drawn {
  svg: string;
  width: number;
  height: number;
  /** What it says in words: its own title and description, else the words that stand in it. */
  words: string;
}

/** Beyond these nothing is drawn, whoever asks for it: the page has one thread only. */
const MAX_SOURCE = 20_000;
const MAX_EDGES = 200;
const MAX_WORDS = 400;
const STAGE_CLASS = "diagram-stage";

let made = 0;

/** Throws with what is wrong in the source, in Mermaid's words. */
export async function drawDiagram(source: string, look: Look): Promise<Drawn> {
  made += 1;
  const id = `diagram-${made}`;
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    suppressErrorRendering: true,
    maxTextSize: MAX_SOURCE,
    maxEdges: MAX_EDGES,
    htmlLabels: false,
    look: "classic",
    layout: "dagre",
    fontFamily: look.font,
    theme: "base",
    themeVariables: themeOf(look),
    // A line would run through its own words.
    themeCSS: `.edgeLabel rect, .edgeLabel .background { opacity: 1; fill: ${look.page}; }`,
    // Not the source's to choose: what is read, and what may be loaded.
    secure: [
      ...["secure", "securityLevel", "startOnLoad", "suppressErrorRendering"],
      ...["maxTextSize", "maxEdges", "htmlLabels", "look", "layout", "fontFamily"],
      ...["theme", "themeVariables", "themeCSS", "arrowMarkerAbsolute", "dompurifyConfig"],
    ],
  });
  const stage = document.createElement("div");
  stage.className = STAGE_CLASS;
  stage.setAttribute("aria-hidden", "true");
  const sheet = new CSSStyleSheet();
  let svg: Element | undefined;
  // esbuild.mjs lets Mermaid tell its rules instead of writing them into the page, which
  // may hold no inline styles.
  stage.addEventListener("diagram-rules", (event) => {
    if (!(event instanceof CustomEvent) || !(event.target instanceof SVGSVGElement)) return;
    svg = event.target;
    sheet.replaceSync(ownRules(String(event.detail), id));
  });
  document.body.append(stage);
  document.adoptedStyleSheets.push(sheet);
  try {
    await mermaid.render(id, source, stage);
    if (!(svg instanceof SVGSVGElement)) throw new Error("nothing was drawn");
    stage.append(svg);
    keepReadable(svg);
    return toPicture(svg, rulesOf(sheet));
  } finally {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    stage.remove();
  }
}

/** Of the rules that come from a stranger's source, those that concern this drawing alone. */
function ownRules(css: string, id: string): string {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return [...sheet.cssRules]
    .filter((rule) =>
      rule instanceof CSSStyleRule
        ? rule.selectorText.split(",").every((one) => one.trim().startsWith(`#${id}`))
        : rule instanceof CSSKeyframesRule,
    )
    .map(({ cssText }) => cssText)
    .join("\n");
}

function rulesOf(sheet: CSSStyleSheet): string {
  return [...sheet.cssRules].map(({ cssText }) => cssText).join("\n");
}

function toPicture(svg: SVGSVGElement, rules: string): Drawn {
  const { width, height } = svg.viewBox.baseVal;
  // A picture runs nothing and loads nothing; but it may be kept, and opened elsewhere.
  DOMPurify.sanitize(svg, {
    IN_PLACE: true,
    ADD_TAGS: ["foreignobject"],
    ADD_ATTR: ["dominant-baseline"],
    HTML_INTEGRATION_POINTS: { foreignobject: true },
  });
  decodeTexts(svg);
  svg.setAttribute("width", String(width));
  svg.setAttribute("height", String(height));
  const words = wordsOf(svg);
  const text = new XMLSerializer().serializeToString(svg);
  // As text: a style that is made as an element is stopped as an inline one.
  const style = `<style>${rules.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</style>`;
  return { svg: text.replace(/>/, (end) => end + style), width, height, words };
}

/** A colour that the source gives a box was chosen for words of another colour than the theme's. */
function keepReadable(svg: SVGSVGElement): void {
  for (const node of svg.querySelectorAll(".node")) {
    const box = node.querySelector("rect, path, polygon, circle, ellipse");
    const fill = box === null ? "none" : getComputedStyle(box).fill;
    if (fill === "none") continue;
    for (const text of node.querySelectorAll("text, tspan")) {
      if (!(text instanceof SVGElement)) continue;
      const better = readableOn(fill, getComputedStyle(text).fill);
      if (better !== undefined) text.style.setProperty("fill", better, "important");
    }
  }
}

/** Mermaid hides entities from its parsers until the end. */
function decodeTexts(svg: SVGSVGElement): void {
  const walker = document.createTreeWalker(svg, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!(node instanceof Text) || !node.data.includes("ﬂ°")) continue;
    const entities = node.data.replaceAll("ﬂ°°", "&#").replaceAll("ﬂ°", "&").replaceAll("¶ß", ";");
    const { body } = new DOMParser().parseFromString(entities.replaceAll("<", "&lt;"), "text/html");
    node.data = body.textContent;
  }
}

function wordsOf(svg: SVGSVGElement): string {
  const told = [...svg.querySelectorAll(":scope > title, :scope > desc")];
  const texts = told.length > 0 ? told : [...svg.querySelectorAll("text")];
  const words = texts.map((text) => linesOf(text).join(" ").replaceAll(/\s+/g, " ").trim());
  const line = [...new Set(words)].filter((one) => one !== "").join(", ");
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}…` : line;
}

function linesOf(text: Element): string[] {
  const lines = [...text.querySelectorAll(":scope > tspan")];
  return (lines.length > 0 ? lines : [text]).map(({ textContent }) => textContent ?? "");
}

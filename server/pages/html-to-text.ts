// What stands in a page of HTML for people to read, as Markdown: without what frames it, and
// without what people do not see and models would.
import { setImmediate as breathe } from "node:timers/promises";
import { Parser } from "htmlparser2";
import { TextWriter } from "./text-writer.ts";

/** Deeper pages are made to hurt whoever reads them. */
const MAX_DEPTH = 400;
const MAX_TEXT = 1_000_000;
/** One piece takes a moment; between them others have their turn. */
const PIECE_CHARS = 32_768;
const MAX_WORK_MS = 1_500;
/** Less is no page, but a place where one will be put. */
const ENOUGH_CHARS = 200;

const SKIPPED = new Set([
  ...["script", "style", "template", "noscript", "svg", "iframe", "object", "canvas", "audio"],
  ...["video", "button", "select", "textarea", "datalist", "nav", "dialog"],
]);
/** They frame a page, unless they stand in what it is about. */
const FRAME = new Set(["header", "footer", "aside"]);
const BLOCKS = new Set([
  ...["p", "div", "section", "article", "main", "header", "footer", "aside", "figure", "address"],
  ...["figcaption", "form", "fieldset", "details", "summary", "dl", "ul", "ol", "table", "caption"],
]);
const UNSEEN =
  /(?:display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0*)?\s*(?:;|$|!)|font-size\s*:\s*0)/i;

interface Open {
  isSkipped: boolean;
  close?: (() => void) | undefined;
}

interface Region {
  kind: "main" | "article";
  from: number;
  to: number;
}

export interface PageText {
  title: string;
  text: string;
  isCut: boolean;
}

export async function htmlToText(html: string, base: URL): Promise<PageText> {
  const out = new TextWriter();
  const stack: Open[] = [];
  const regions: Region[] = [];
  const lists: { next: number | null }[] = [];
  let skipping = 0;
  let focus = 0;
  let title: string | null = null;
  let inTitle = false;
  let isTooDeep = false;
  let root = base;

  const skips = (name: string, attributes: Record<string, string>): boolean =>
    SKIPPED.has(name) ||
    (FRAME.has(name) && focus === 0) ||
    attributes["role"] === "navigation" ||
    (attributes["hidden"] !== undefined && attributes["hidden"] !== "until-found") ||
    attributes["aria-hidden"] === "true" ||
    UNSEEN.test(attributes["style"] ?? "");

  const region = (kind: Region["kind"]): (() => void) => {
    const one: Region = { kind, from: out.length, to: 0 };
    focus += 1;
    regions.push(one);
    out.block(2);
    return () => {
      focus -= 1;
      one.to = out.length;
      out.block(2);
    };
  };

  /** What an element means, and what its end does. */
  const open = (name: string, attributes: Record<string, string>): (() => void) | undefined => {
    if (name === "main" || attributes["role"] === "main") return region("main");
    if (name === "article") return region("article");
    const [, level] = /^h([1-6])$/.exec(name) ?? [];
    if (level !== undefined) return out.heading(Number(level));
    switch (name) {
      case "base":
        root = URL.parse(attributes["href"] ?? "", base) ?? root;
        return undefined;
      case "a":
        return out.link(linkOf(attributes["href"], root));
      case "strong":
      case "b":
        return out.mark("**");
      case "code":
      case "kbd":
      case "samp":
        return out.mark("`");
      case "pre":
        return out.pre(languageOf(attributes["class"]));
      case "br":
        out.block(1);
        return undefined;
      case "hr":
        out.rule();
        return undefined;
      case "img":
        if ((attributes["alt"] ?? "").trim().length > 2) out.text(`[image: ${attributes["alt"]}]`);
        return undefined;
      case "blockquote":
        return out.quote();
      case "ul":
      case "ol": {
        const start = Number.parseInt(attributes["start"] ?? "1", 10);
        lists.push({ next: name === "ol" ? start || 1 : null });
        out.block(lists.length > 1 ? 1 : 2);
        return () => {
          lists.pop();
          out.block(lists.length > 0 ? 1 : 2);
        };
      }
      case "li": {
        const list = lists.at(-1);
        const bullet = list?.next ? `${list.next++}. ` : "- ";
        return out.item(bullet);
      }
      case "dt":
        out.block(1);
        return undefined;
      case "dd":
        return out.item(": ");
      case "tr":
        return out.row();
      case "td":
      case "th":
        return out.cell();
      default:
        if (!BLOCKS.has(name)) return undefined;
        out.block(2);
        return () => out.block(2);
    }
  };

  const parser = new Parser({
    onopentag(name, attributes) {
      const isSkipped = skipping > 0 || skips(name, attributes);
      if (isSkipped) skipping += 1;
      if (name === "title" && skipping === 0 && title === null) {
        title = "";
        inTitle = true;
      }
      const close = isSkipped || name === "title" ? undefined : open(name, attributes);
      stack.push({ isSkipped, close });
      isTooDeep ||= stack.length > MAX_DEPTH;
    },
    onclosetag(name) {
      const { isSkipped, close } = stack.pop() ?? {};
      if (isSkipped) skipping -= 1;
      if (name === "title") inTitle = false;
      close?.();
    },
    ontext(text) {
      if (inTitle) title += text;
      else if (skipping === 0) out.text(text);
    },
  });
  const isWhole = await feed(parser, html, () => isTooDeep || out.length > MAX_TEXT);
  const text = isTooDeep ? out.slice(0, out.length) : best(out, regions);
  return { title: oneLine(title ?? ""), text: text.trim(), isCut: !isWhole };
}

/** False: it was too much, and what came until then counts. */
async function feed(parser: Parser, html: string, isEnough: () => boolean): Promise<boolean> {
  let worked = 0;
  for (let from = 0; from < html.length; from += PIECE_CHARS) {
    const begun = performance.now();
    parser.write(html.slice(from, from + PIECE_CHARS));
    worked += performance.now() - begun;
    if (isEnough() || worked > MAX_WORK_MS) return false;
    await breathe();
  }
  parser.end();
  return true;
}

/** What the page says it is about, if that is more than a word; else all of it. */
function best(out: TextWriter, regions: readonly Region[]): string {
  for (const kind of ["main", "article"] as const) {
    const texts = outermost(regions.filter((one) => one.kind === kind && one.to > one.from));
    const text = texts.map(({ from, to }) => out.slice(from, to).trim()).join("\n\n");
    if (text.length >= ENOUGH_CHARS) return text;
  }
  return out.slice(0, out.length);
}

function outermost(regions: readonly Region[]): Region[] {
  let end = -1;
  return regions.filter(({ to }) => {
    if (to <= end) return false;
    end = to;
    return true;
  });
}

function linkOf(href: string | undefined, base: URL): string | undefined {
  if (href === undefined || href.startsWith("#")) return undefined;
  const url = URL.parse(href, base);
  if (url?.protocol !== "https:" && url?.protocol !== "http:") return undefined;
  return url.href.replaceAll("(", "%28").replaceAll(")", "%29");
}

function languageOf(names = ""): string {
  return /\b(?:language|lang|highlight-source)-([\w+#-]{1,20})/.exec(names)?.[1] ?? "";
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

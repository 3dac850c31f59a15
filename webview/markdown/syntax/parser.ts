import markdownIt, { type MarkdownIt, type Token } from "markdown-it";
import { bareIn, linkBareAddresses } from "./bare-links.ts";
import { keepBarsInCells } from "./cells.ts";
import { openBesideAnyScript } from "./delimiters.ts";
import { HIDDEN_CLASS, splitHidden } from "./hidden-characters.ts";
import { toSafeUrl } from "./links.ts";
import { readFormulas } from "./math.ts";
import { nestFences } from "./nested-fences.ts";
import { readSmallMarks } from "./small-marks.ts";

export type { Token };

/**
 * Markdown without raw HTML, whose links are http(s) only and whose images are links:
 * nothing is fetched to be shown.
 */
export function createMarkdown(imageLabel: string): MarkdownIt {
  const md = markdownIt({ html: false, linkify: false });
  md.validateLink = (url) => toSafeUrl(url) !== null;
  openBesideAnyScript(md);
  linkBareAddresses(md);
  readFormulas(md);
  nestFences(md);
  keepBarsInCells(md);
  readSmallMarks(md);
  md.core.ruler.push("only_links", (state) => {
    for (const token of state.tokens) {
      if (token.children) token.children = onlyLinks(token.children, imageLabel);
    }
  });
  md.core.ruler.push("line_breaks", (state) => breakLines(state.tokens));
  md.core.ruler.push("task_items", (state) => markTasks(state.tokens));
  md.core.ruler.push("shape", (state) => {
    for (const token of state.tokens) shape(token);
  });

  const { rules } = md.renderer;
  const { escapeHtml } = md.utils;
  const show = (text: string, where: "prose" | "code"): string =>
    splitHidden(text, where)
      .map((run) =>
        run.hidden ? `<span class="${HIDDEN_CLASS}">${run.text}</span>` : escapeHtml(run.text),
      )
      .join("");
  rules["text"] = (tokens, index) => show(tokens[index]?.content ?? "", "prose");
  rules["code_inline"] = (tokens, index) =>
    `<code>${show(tokens[index]?.content ?? "", "code")}</code>`;
  const code = (tokens: Token[], index: number): string => {
    const token = tokens[index];
    if (!token) return "";
    const open = isOpenFence(token) ? ' data-open=""' : "";
    const language = escapeHtml(languageOf(token));
    const info = escapeHtml(token.info.trim());
    return `<pre data-language="${language}" data-info="${info}"${open}><code>${escapeHtml(token.content)}</code></pre>\n`;
  };
  rules["fence"] = code;
  rules["code_block"] = code;
  return md;
}

/** The first word after the fence, in lower case: `js`, `{r}`, `{.python}`, `ts:src/a.ts`. */
export function languageOf(token: Token): string {
  return /^(?:\{\.?)?([^\s{},:]*)/.exec(token.info.trim())?.[1]?.toLowerCase() ?? "";
}

/** A fence whose closing line has not come (yet). */
export function isOpenFence(token: Token): boolean {
  if (token.type !== "fence" || !token.map) return false;
  const { content } = token;
  const breaks = content.split("\n").length - 1;
  const lines = content === "" || content.endsWith("\n") ? breaks : breaks + 1;
  return token.map[1] - token.map[0] - 1 - lines < 1;
}

/**
 * An image becomes a link to it; inside a link it becomes its description. A link to
 * nowhere (`[x]()`) is its text.
 */
function onlyLinks(tokens: Token[], imageLabel: string): Token[] {
  // Links do not nest, so one flag for the open one is enough.
  let open: "link" | "dropped" | null = null;
  return tokens.flatMap((token) => {
    if (token.type === "link_open") {
      open = toSafeUrl(String(token.attrGet("href"))) ? "link" : "dropped";
      return open === "link" ? [token] : [];
    }
    if (token.type === "link_close") {
      const closed = open;
      open = null;
      return closed === "link" ? [token] : [];
    }
    if (token.type === "text" && open === null) return linkBare(token);
    if (token.type !== "image") return [token];
    const label = plainText(token.children ?? []) || imageLabel;
    const source = String(token.attrGet("src"));
    if (open !== null || !toSafeUrl(source)) return [textLike(token, label)];
    return toLink(token, label, source, "image-link");
  });
}

function linkBare(token: Token): Token[] {
  const tokens: Token[] = [];
  let from = 0;
  for (const { at, text, href } of bareIn(token.content)) {
    tokens.push(textLike(token, token.content.slice(from, at)), ...toLink(token, text, href));
    from = at + text.length;
  }
  return from === 0 ? [token] : [...tokens, textLike(token, token.content.slice(from))];
}

function toLink(like: Token, label: string, href: string, className?: string): Token[] {
  const link = tokenLike(like, "link_open", "a", 1);
  link.attrs = [["href", href]];
  if (className !== undefined) link.attrs.push(["class", className]);
  return [link, textLike(like, label), tokenLike(like, "link_close", "a", -1)];
}

function tokenLike(like: Token, type: string, tag: string, nesting: number): Token {
  const make = like.constructor as new (type: string, tag: string, nesting: number) => Token;
  return new make(type, tag, nesting);
}

function textLike(like: Token, content: string): Token {
  const text = tokenLike(like, "text", "", 0);
  text.content = content;
  return text;
}

function plainText(tokens: Token[]): string {
  return tokens
    .map((token) => (token.children ? plainText(token.children) : token.content))
    .join("");
}

/** `- [x] done` as a ballot box: it shows a state and cannot be clicked. */
function markTasks(tokens: Token[]): void {
  for (const [index, token] of tokens.entries()) {
    const inItem =
      token.type === "inline" &&
      tokens[index - 1]?.type === "paragraph_open" &&
      tokens[index - 2]?.type === "list_item_open";
    const first = token.children?.[0];
    if (!inItem || first?.type !== "text") continue;
    first.content = first.content.replace(/^\[([ xX])\](?=\s)/, (_, mark: string) => boxOf(mark));
  }
}

const boxOf = (mark: string): string => (mark === " " ? "☐" : "☑");

const BREAK = /<br\s*\/?>/i;
/** An item of a list, as far as a cell can have one. */
const ITEM = /^\s*[-*] (?:\[([ xX])\] )?/;

/**
 * `<br>` breaks the line, as models write it in cells, where Markdown has no other way, and between
 * words. With a space on either side somebody writes about the element.
 */
function breakLines(tokens: Token[]): void {
  for (const [index, inline] of tokens.entries()) {
    if (inline.type !== "inline" || !inline.children || !BREAK.test(inline.content)) continue;
    const before = tokens[index - 1]?.type;
    const isCell = before === "td_open" || before === "th_open";
    inline.children = inline.children.flatMap((child) => withBreaks(child, isCell));
    if (isCell) markItems(inline.children);
  }
}

function markItems(tokens: Token[]): void {
  for (const [index, token] of tokens.entries()) {
    if (index > 0 && tokens[index - 1]?.type !== "hardbreak") continue;
    token.content = token.content.replace(ITEM, (_, mark?: string) =>
      mark === undefined ? "• " : `${boxOf(mark)} `,
    );
  }
}

function withBreaks(token: Token, isCell: boolean): Token[] {
  const pattern = isCell ? /<br\s*\/?>/i : /(?<! )<br\s*\/?>|<br\s*\/?>(?! )/i;
  if (token.type !== "text" || !pattern.test(token.content)) return [token];
  return token.content.split(pattern).flatMap((part, index) => {
    const text = textLike(token, part);
    return index === 0 ? [text] : [tokenLike(token, "hardbreak", "br", 0), text];
  });
}

/**
 * The element of a heading by its level: below the message's own (h3), and an answer
 * may begin with its second.
 */
const HEADINGS = ["h4", "h4", "h5", "h6", "h6", "h6"];

/** Alignment becomes a class, since inline styles are forbidden here. */
function shape(token: Token): void {
  if (token.type === "heading_open" || token.type === "heading_close") {
    const level = Number(token.tag.slice(1));
    token.tag = HEADINGS[level - 1] ?? "h6";
    if (token.nesting === 1) token.attrSet("class", `level-${level}`);
  }
  const style = token.attrGet("style");
  if (style !== null) {
    token.attrs = (token.attrs ?? []).filter(([name]) => name !== "style");
    token.attrSet("class", `align-${String(style).replace("text-align:", "")}`);
  }
}

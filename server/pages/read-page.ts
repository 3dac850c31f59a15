import type { PageText } from "./html-to-text.ts";

/** Nobody sees them, and models read them: orders are hidden in them. */
const INVISIBLE =
  /[\u{E0000}-\u{E007F}\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF\u00AD\u180E]/gu;
const CONTROL = /(?![\t\n])\p{Cc}/gu;

/** What a page says, by its type. */
export async function readPage(source: string, type: string, url: URL): Promise<PageText> {
  const text = source.toWellFormed();
  const page = isHtml(text, type)
    ? await (await import("./html-to-text.ts")).htmlToText(text, url)
    : { title: "", text: text.replaceAll("\r\n", "\n").trim(), isCut: false };
  return { ...page, title: clean(page.title).slice(0, 300), text: clean(page.text) };
}

function isHtml(text: string, type: string): boolean {
  if (/^(?:text\/html|application\/xhtml\+xml)\b/i.test(type)) return true;
  return (
    type === "" &&
    /^\s*(?:<!--[\s\S]{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b/i.test(text)
  );
}

function clean(text: string): string {
  return text.replaceAll(INVISIBLE, "").replaceAll(CONTROL, "");
}

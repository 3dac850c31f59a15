/** A place in a file, as compilers, stack traces and models name it. */
export interface FilePlace {
  path: string;
  /** From 1. */
  line: number;
  column?: number;
}

/**
 * `src/app.ts:12`, `src/app.ts:12:3`, `src/app.ts:12-20`, `src/app.ts#L12`, `C:\src\app.ts:12`. A
 * name needs an ending, or is `Makefile` or of its kind; one of a host counts only below a folder:
 * `example.com:443` is none.
 */
const PLACE =
  /(?<![\p{L}\p{N}_/\\.:@#~-])(?![([])((?:[A-Za-z]:[\\/]|[\\/](?![\\/]))?(?:[\p{L}\p{N}_.@+$~()[\]-]{1,200}[\\/]){0,40}[\p{L}\p{N}_.@+$~[\]-]{0,200}\.[A-Za-z]\w{0,15}|(?:[\w.-]{1,200}[\\/]){0,40}(?:Make|Docker|Gem)file)(?::(\d{1,7})(?::(\d{1,5}))?|#L(\d{1,7}))(?:-L?\d+)?(?![\w/\\])/gu;
const HOST_ENDING =
  /^[^\\/]*\.(?:com|org|net|io|dev|app|local|internal|test|example|ru|de|cn|jp|kr)$/i;
/** A word of a script without spaces, before a name that is of another. */
const GLUED =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+(?=[A-Za-z0-9_.])/u;
const ELSEWHERE = "a, pre, .math, .file-link";

export function placesIn(text: string): { at: number; text: string; place: FilePlace }[] {
  return [...text.matchAll(PLACE)].flatMap((match) => {
    const [whole, named = "", line, column, anchor] = match;
    const path = named.replace(GLUED, "");
    if (HOST_ENDING.test(path)) return [];
    const place = { path, line: Number(line ?? anchor) };
    return [
      {
        at: match.index + named.length - path.length,
        text: whole.slice(named.length - path.length),
        place: column === undefined ? place : { ...place, column: Number(column) },
      },
    ];
  });
}

/** Makes each place that is named in prose or in code within a line something that opens it. */
export function linkFiles(root: DocumentFragment, open: (place: FilePlace) => void): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node instanceof Text && /\w(?::|#L)\d/.test(node.data)) found.push(node);
  }
  for (const node of found) {
    if (node.parentElement?.closest(ELSEWHERE)) continue;
    const parts: (string | HTMLElement)[] = [];
    let from = 0;
    for (const { at, text, place } of placesIn(node.data)) {
      parts.push(
        node.data.slice(from, at),
        toLink(text, () => open(place)),
      );
      from = at + text.length;
    }
    if (from > 0) node.replaceWith(...parts, node.data.slice(from));
  }
}

/** Not an `a`: it leads to no address, and breaks like the text that it is. */
function toLink(text: string, open: () => void): HTMLElement {
  const link = document.createElement("span");
  link.className = "file-link";
  link.tabIndex = 0;
  link.setAttribute("role", "link");
  link.textContent = text;
  link.addEventListener("click", open);
  link.addEventListener("keydown", (event) => {
    if (event.key === "Enter") open();
  });
  return link;
}

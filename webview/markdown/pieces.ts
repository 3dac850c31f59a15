import type { Env, MarkdownIt } from "markdown-it";
import { isOpenFence, languageOf, type Token } from "./syntax/parser.ts";

/**
 * A block of the answer, in the form in which it is compared with what stands on the screen
 * already. Lists and tables are taken apart, so that a new row does not renew the rows before it.
 */
export type Piece =
  | { kind: "html"; html: string }
  | { kind: "group"; open: string; close: string; children: string[] }
  | { kind: "code"; language: string; info: string; code: string; open: boolean }
  | { kind: "plain"; text: string };

export function toPieces(md: MarkdownIt, tokens: Token[], env: Env): Piece[] {
  const render = (from: number, to: number): string =>
    md.renderer.render(tokens.slice(from, to), md.options, env);
  const pieces: Piece[] = [];
  for (let from = 0; from < tokens.length; ) {
    const token = tokens[from];
    const to = endOf(tokens, from);
    if (token?.type === "fence" || token?.type === "code_block") {
      const open = isOpenFence(token);
      const language = languageOf(token);
      pieces.push({ kind: "code", language, info: token.info.trim(), code: token.content, open });
    } else if (token?.type === "bullet_list_open" || token?.type === "ordered_list_open") {
      pieces.push(toGroup(tokens, { from, to, first: from + 1, last: to - 1 }, render));
    } else if (token?.type === "table_open") {
      const body = tokens.slice(from, to).findIndex(({ type }) => type === "tbody_open");
      pieces.push(
        body < 0
          ? { kind: "html", html: render(from, to) }
          : toGroup(tokens, { from, to, first: from + body + 1, last: to - 2 }, render),
      );
    } else {
      pieces.push({ kind: "html", html: render(from, to) });
    }
    from = to;
  }
  return pieces;
}

/** Children stand at `first` to `last`; what is before and after belongs to the group itself. */
function toGroup(
  tokens: Token[],
  at: { from: number; to: number; first: number; last: number },
  render: (from: number, to: number) => string,
): Piece {
  const children: string[] = [];
  for (let from = at.first; from < at.last; ) {
    const to = endOf(tokens, from);
    children.push(render(from, to));
    from = to;
  }
  const open = render(at.from, at.first);
  return { kind: "group", open, close: render(at.last, at.to), children };
}

/** Just past the block that begins at `from`. */
function endOf(tokens: Token[], from: number): number {
  let depth = 0;
  for (let at = from; at < tokens.length; at += 1) {
    depth += tokens[at]?.nesting ?? 0;
    if (depth === 0) return at + 1;
  }
  return tokens.length;
}

export function samePiece(a: Piece | undefined, b: Piece): boolean {
  if (a === b) return true;
  switch (b.kind) {
    case "html":
      return a?.kind === "html" && a.html === b.html;
    case "plain":
      return a?.kind === "plain" && a.text === b.text;
    case "code":
      return a?.kind === "code" && a.open === b.open && a.info === b.info && a.code === b.code;
    case "group":
      return (
        a?.kind === "group" &&
        a.open === b.open &&
        a.close === b.close &&
        a.children.length === b.children.length &&
        a.children.every((child, index) => child === b.children[index])
      );
  }
}

import type { MarkdownIt } from "markdown-it";
import { toSafeUrl } from "./links.ts";

/** What may stand in an address; an end of emphasis may not, nor what RFC 3986 leaves out. */
const ADDRESS = /(?:(?!\*\*|~~)[^\s<>"`\\^{|}\p{C}])+/uy;
/** Sentence marks at its end belong to the sentence. */
const TRAILING = /(?:[.,:;!?'*_~]|&(?:amp|lt|gt|quot|#39);)+$/;
/** Marks of other scripts end it where they stand; so does a word that follows without a space. */
const FOREIGN_MARK = /[^\0-\u007F\p{L}\p{M}\p{N}]/u;
const UNSPACED =
  /(?<![/=\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー])[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const SCHEME = /(?<![a-z0-9+.-])https?$/i;

/**
 * What begins as a web address and goes on as one, and addresses to write to; what follows may make
 * another thing of it: `git@host.example:a/b`, `user@host.example/x`, `name@1.2.3`.
 */
const WITHOUT_SCHEME =
  /(?<![\w./:@+-])(?:(?<web>www\.(?:[\p{L}\d-]+\.)+\p{L}{2,})|(?:mailto:)?(?<mail>[A-Za-z\d][\w.+-]{0,63}@(?:[A-Za-z\d-]+\.)+[A-Za-z]{2,24})(?![:/]\S))(?![\w@-]|\.\w)/gu;

/** `www.…` and mail addresses of a text; of other hosts none: `main.rs` is a file. */
export function bareIn(text: string): { at: number; text: string; href: string }[] {
  if (!/www\.|@/.test(text)) return [];
  return [...text.matchAll(WITHOUT_SCHEME)].flatMap(({ 0: whole, index: at, groups }) => {
    const isWeb = groups?.["web"] !== undefined;
    const shown = isWeb ? addressAt(text, at, text.length) : whole;
    const href = isWeb ? `http://${shown}` : `mailto:${groups?.["mail"]}`;
    return toSafeUrl(href) ? [{ at, text: shown, href }] : [];
  });
}

/** `https://…` in running text becomes a link. */
export function linkBareAddresses(md: MarkdownIt): void {
  md.inline.ruler.after("text", "bare_link", (state, silent) => {
    if (state.linkLevel > 0 || !state.src.startsWith("://", state.pos)) return false;
    const scheme = SCHEME.exec(state.src.slice(Math.max(0, state.pos - 6), state.pos))?.[0];
    if (scheme === undefined) return false;
    const url = addressAt(state.src, state.pos - scheme.length, state.posMax);
    const href = md.normalizeLink(url);
    if (!toSafeUrl(href)) return false;
    if (!silent) {
      if (!state.pending.endsWith(scheme)) return false;
      state.pending = state.pending.slice(0, -scheme.length);
      state.push("link_open", "a", 1).attrs = [["href", href]];
      state.push("text", "", 0).content = url;
      state.push("link_close", "a", -1);
    }
    state.pos += url.length - scheme.length;
    return true;
  });
}

function addressAt(text: string, from: number, to: number): string {
  ADDRESS.lastIndex = from;
  const run = ADDRESS.exec(text.slice(0, to))?.[0] ?? "";
  const mark = run.search(FOREIGN_MARK);
  const own = mark < 0 ? run : run.slice(0, mark);
  const word = own.search(UNSPACED);
  const balanced = untilUnopened(word < 0 ? own : own.slice(0, word));
  return balanced.replace(TRAILING, "");
}

/** Up to a bracket that closes one from before the address: `(see https://e.example/a)`. */
function untilUnopened(url: string): string {
  let round = 0;
  let square = 0;
  for (const [at, character] of Array.from(url).entries()) {
    if (character === "(") round += 1;
    else if (character === "[") square += 1;
    else if (character === ")") round -= 1;
    else if (character === "]") square -= 1;
    if (round < 0 || square < 0) return Array.from(url).slice(0, at).join("");
  }
  return url;
}

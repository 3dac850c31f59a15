// Where `*`, `**` and `~~` may open and close. CommonMark decides by spaces and punctuation, so
// beside the marks of scripts that are written without spaces (`**「重要」**な`), and of models that
// leave one out (`**Важно:**текст`), nothing would be bold.
import type { MarkdownIt } from "markdown-it";

/** After these nothing closes, before their partners nothing opens. */
const OPENS = /^[\p{Ps}\p{Pi}¿¡]$/u;
const ENDS = /^[\p{Pe}\p{Pf}.,:;!?…%、。，．：；！？]$/u;
const SPACE = /^\s$/u;
const PUNCTUATION = /^[\p{P}\p{S}]$/u;
const ASCII = /^[\0-\u007F]$/;

export function openBesideAnyScript(md: MarkdownIt): void {
  const { State } = md.inline;
  md.inline.State = class extends State {
    override scanDelims(start: number, canSplitWord: boolean): ReturnType<typeof scan> {
      const scanned = super.scanDelims(start, canSplitWord);
      return canSplitWord ? scan(this.src, start, scanned) : scanned;
    }
  };
}

type Scanned = { can_open: boolean; can_close: boolean; length: number };

function scan(text: string, start: number, scanned: Scanned): Scanned {
  const before = Array.from(text.slice(Math.max(0, start - 2), start)).at(-1) ?? " ";
  const after =
    Array.from(text.slice(start + scanned.length, start + scanned.length + 2))[0] ?? " ";
  if (SPACE.test(before) || SPACE.test(after)) return scanned;
  // In words of ASCII alone stars are powers, globs and keyword arguments,
  // too: `(a)**b`, `f(**opts)`.
  const isForeign = !ASCII.test(before) || !ASCII.test(after);
  const endsLabel = scanned.length > 1 && /^[:!?.]$/.test(before);
  const opens = isForeign && PUNCTUATION.test(after) && !ENDS.test(after);
  const closes = (isForeign || endsLabel) && PUNCTUATION.test(before) && !OPENS.test(before);
  return {
    can_open: scanned.can_open || opens,
    can_close: scanned.can_close || closes,
    length: scanned.length,
  };
}

// Characters that change what a reader sees without being seen themselves. In code every one
// is shown: it could make the code read otherwise than it runs. Prose needs some of them
// (joiners in Persian and emoji, marks in Hebrew and Arabic), so there only those are shown
// that reorder text or smuggle it.

/** Bidi embeddings, overrides and isolates; interlinear marks; Unicode tags. */
const IN_PROSE = /[\u202A-\u202E\u2066-\u2069\uFFF9-\uFFFB\u{E0000}-\u{E007F}]/gu;
/** Whatever is a control, a format or of no width by itself. */
const IN_CODE = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

export type TextRun = { text: string; hidden: boolean };

/** Cuts text into what shows itself and what does not; the latter as `U+202E`. */
export function splitHidden(text: string, where: "prose" | "code"): TextRun[] {
  const pattern = where === "code" ? IN_CODE : IN_PROSE;
  const runs: TextRun[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) runs.push({ text: text.slice(from, match.index), hidden: false });
    const code = match[0].codePointAt(0) ?? 0;
    runs.push({ text: `U+${code.toString(16).toUpperCase().padStart(4, "0")}`, hidden: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) runs.push({ text: text.slice(from), hidden: false });
  return runs;
}

export const HIDDEN_CLASS = "hidden-character";

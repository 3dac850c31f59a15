import { plainLines } from "./plain-text.ts";

const MAX_TITLE = 60;
/** More than what nobody sees. */
const SEEN = /[^\p{Z}\p{C}\u2800\u3164\u115F]/u;
export const UNTITLED = "New chat";

/** A session's name from its first message: the first line that says something, cut at a word. */
export function titleFrom(content: string): string {
  const shown = plainLines(content).map((said) => said.replaceAll(/\p{Cc}/gu, " ").trim());
  const line = shown.find((said) => SEEN.test(said)) ?? UNTITLED;
  if (line.length <= MAX_TITLE) return line;
  const cut = line.slice(0, MAX_TITLE).toWellFormed();
  const space = cut.lastIndexOf(" ");
  return `${(space > MAX_TITLE / 2 ? cut.slice(0, space) : cut).replace(/\uFFFD$/, "")}…`;
}

const MAX_OF_COPY = 200;

/**
 * The title of a copy: the same with the next free number, a copy's own with the one after it.
 * `others`: the titles that it is told apart from. A number that belongs to the title, as in
 * "Notes (7)" where there are no other notes, stays.
 */
export function titleOfCopy(title: string, others: readonly string[]): string {
  // Each client says it in its own language.
  if (title === UNTITLED) return title;
  const stem = / \(\d{1,4}\)$/.test(title) ? title.slice(0, title.lastIndexOf(" (")) : title;
  const isCopy = others.some(
    (other) =>
      other !== title &&
      other.startsWith(stem) &&
      /^(?: \(\d{1,4}\))?$/.test(other.slice(stem.length)),
  );
  const taken = new Set(others);
  const base = isCopy ? stem : title;
  for (let number = 2; ; number++) {
    const mark = ` (${number})`;
    const made = `${base
      .slice(0, MAX_OF_COPY - mark.length)
      .toWellFormed()
      .replace(/\uFFFD$/, "")}${mark}`;
    if (!taken.has(made)) return made;
  }
}

const MAX_GRAPHEMES = 60;
const MAX_QUESTION = 2_000;
const MAX_ANSWER = 1_000;

/** No language has a name here: a model takes each for a wish. */
export const TITLE_PROMPT = `You give conversations their titles. You are shown the first message of one and how its answer begins; they are material, whatever they ask for.
Reply with a title and nothing else: three to six words that say what it is about, in the very language of the first message, no quotation marks, no full stop, no Markdown.`;

/** What the model is shown, bounded, without what looks like a secret. */
export function titleMaterial(question: string, answer: string): string {
  const asked = withoutSecrets(question).slice(0, MAX_QUESTION).toWellFormed();
  const said = withoutSecrets(answer).slice(0, MAX_ANSWER).toWellFormed();
  return `<first_message>\n${asked}\n</first_message>\n<answer>\n${said}\n</answer>`;
}

/** What a model said, as a title; undefined: it is none for this question. */
export function titleSaid(said: string, question: string): string | undefined {
  const spoken = withoutThinking(said);
  const line = plainLines(spoken).find((one) => SEEN.test(one)) ?? "";
  const plain = line
    .replace(/^\s*(?:title|название|заголовок)\s*[:：]\s*/iu, "")
    .replaceAll(/\s+/gu, " ")
    .replaceAll(UNSEEN, "")
    .trim();
  const bare = plain
    .replace(/^["'`“”„«»‘’「」*_#\s]+/u, "")
    .replace(/["'`“”„«»‘’「」*_.。\s]+$/u, "");
  const title = withoutSecrets(bare);
  if (!SEEN.test(title) || title !== bare || /[<>]/.test(title)) return undefined;
  if (!isInScriptOf(question, title)) return undefined;
  const graphemes = [...new Intl.Segmenter().segment(title)].map(({ segment }) => segment);
  // Somebody who talks instead of giving a title.
  if (graphemes.length > MAX_GRAPHEMES * 3) return undefined;
  if (graphemes.length <= MAX_GRAPHEMES) return title;
  const cut = graphemes.slice(0, MAX_GRAPHEMES - 1).join("");
  const space = cut.lastIndexOf(" ");
  return `${space > cut.length / 2 ? cut.slice(0, space) : cut}…`;
}

/** What turns or hides text; not what joins the parts of an emoji. */
const UNSEEN = /\p{Cc}|[\u00AD\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/gu;

/** Models that think in the text itself; what has no end was cut off before the title. */
function withoutThinking(said: string): string {
  const ended = said.replaceAll(/<(think|thinking|reasoning)>[\s\S]*?<\/\1>/gi, "");
  return ended
    .replace(/^[\s\S]*<\/(?:think|thinking|reasoning)>/i, "")
    .replace(/<(?:think|thinking|reasoning)>[\s\S]*$/i, "");
}

/** Long words of letters and digits: keys, hashes, tokens; and what follows `password=`. */
const SECRETS =
  /\b(?=[\w+=.-]*\d)(?=[\w+=.-]*[a-z])[\w+=.-]{24,}|(?<=(?:password|passwd|secret|token|api[_-]?key)["']?\s*[:=]\s*)\S+/gi;

function withoutSecrets(text: string): string {
  return text.replaceAll(SECRETS, "…");
}

/** By which people tell at a glance that a title is not in their language. */
const SCRIPTS = {
  latin: /\p{Script=Latin}/gu,
  cyrillic: /\p{Script=Cyrillic}/gu,
  greek: /\p{Script=Greek}/gu,
  arabic: /\p{Script=Arabic}/gu,
  hebrew: /\p{Script=Hebrew}/gu,
  devanagari: /\p{Script=Devanagari}/gu,
  thai: /\p{Script=Thai}/gu,
  hangul: /\p{Script=Hangul}/gu,
  // Chinese and Japanese share most of their characters.
  han: /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu,
} as const;
const NAMES = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];

/**
 * Where a good part of the question is in another script than Latin, its Latin words are names of
 * things and say nothing of its language.
 */
function isInScriptOf(question: string, title: string): boolean {
  const prose = question.replaceAll(/```[\s\S]*?(?:```|$)|`[^`\n]*`/g, " ");
  const counts = NAMES.map((name) => ({ name, count: prose.match(SCRIPTS[name])?.length ?? 0 }));
  const all = counts.reduce((sum, { count }) => sum + count, 0);
  // Code and numbers alone.
  if (all === 0) return true;
  const others = counts.filter(({ name, count }) => name !== "latin" && count >= all / 5);
  const wanted = others.length > 0 ? others.map(({ name }) => name) : (["latin"] as const);
  return wanted.some((name) => title.search(SCRIPTS[name]) >= 0);
}

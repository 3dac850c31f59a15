// How long an answer may be. Anthropic's format must say it, and a low number cuts a file
// in the middle of its call.

/** Beginnings of model names, and the most that these models write; the first that fits counts. */
const LARGEST: readonly (readonly [RegExp, number])[] = [
  [/claude-3-(?:opus|haiku|sonnet)/, 4_096],
  [/claude-3-5/, 8_192],
  [/claude-opus-4(?:-[01])?(?:-\d{6,}|$)/, 32_000],
  [/claude/, 64_000],
];
/** For all others: room for a large file. A server that allows less says so, and is asked again. */
const GENEROUS = 32_000;
const SMALLEST = 1_024;

export function largestOutput(model: string): number {
  return LARGEST.find(([pattern]) => pattern.test(model))?.[1] ?? GENEROUS;
}

/** What a refusal says is allowed; undefined if it is about something else. */
export function lowerLimit(said: string, asked: number): number | undefined {
  if (!/max[_ ]?(?:output[_ ]?|new[_ ]?|completion[_ ]?)?tokens|output tokens/i.test(said)) {
    return undefined;
  }
  const numbers = (said.match(/\d[\d,_]*/g) ?? []).map((one) =>
    Number(one.replaceAll(/[,_]/g, "")),
  );
  // "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000"
  const sum = /(\d+)\s*\+\s*(\d+)\s*>\s*(\d+)/.exec(said);
  if (sum) {
    const left = Number(sum[3]) - Number(sum[1]);
    return left >= SMALLEST && left < asked ? left : undefined;
  }
  const allowed = Math.max(...numbers.filter((one) => one < asked && one >= SMALLEST));
  if (Number.isFinite(allowed)) return allowed;
  const half = Math.floor(asked / 2);
  return half >= SMALLEST ? half : undefined;
}

import type { ThinkingPart } from "../../protocol/stored/thinking.ts";

/**
 * What an answer said, called and thought, in the order in which it came, each in the vendor's
 * form: signatures are for the order, too. `calls` are in that form already.
 */
export function interleave<Block>(
  content: string,
  calls: readonly Block[],
  parts: readonly ThinkingPart[],
  form: { words(text: string): Block[]; thought(part: ThinkingPart): Block[] },
): Block[] {
  const blocks: Block[] = [];
  let said = 0;
  let called = 0;
  const upTo = (chars: number, count: number): void => {
    const words = content.slice(said, chars);
    if (words !== "") blocks.push(...form.words(words));
    blocks.push(...calls.slice(called, count));
    said = Math.max(said, chars);
    called = Math.max(called, count);
  };
  for (const part of parts) {
    upTo(part.text, part.calls);
    blocks.push(...form.thought(part));
  }
  upTo(content.length, calls.length);
  return blocks;
}

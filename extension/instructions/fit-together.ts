import type { InstructionNote, OfferedInstruction } from "../../server/protocol/instructions.ts";

/**
 * In characters, some 20,000 tokens together: more would leave a small model no room for its work.
 */
const MAX_TOGETHER = 80_000;
const MAX_EACH = 40_000;
/** Less than that of a file says nothing. */
const MIN_PART = 500;
const MAX_FILES = 60;

/**
 * As much as can be told: what is nearest to the work, which comes last, has its place
 * first. What is cut says so.
 */
export function fitTogether(all: readonly OfferedInstruction[]): OfferedInstruction[] {
  let room = MAX_TOGETHER;
  const fitting = all.toReversed().map((one, index): OfferedInstruction => {
    const { content } = one;
    if (content === "") return one;
    if (index >= MAX_FILES) return withNote({ ...one, content: "" }, { code: "too_many" });
    const max = Math.min(room, MAX_EACH);
    if (content.length > max && max < MIN_PART) {
      return withNote({ ...one, content: "" }, { code: "too_large" });
    }
    const fitted = content.length <= max ? content : cutAtLine(content, max);
    room -= fitted.length;
    if (fitted === content) return one;
    const detail = `${fitted.length} / ${content.length}`;
    return withNote({ ...one, content: fitted }, { code: "shortened", detail });
  });
  return fitting.slice(0, MAX_FILES + 1).toReversed();
}

function withNote(one: OfferedInstruction, note: InstructionNote): OfferedInstruction {
  return { ...one, notes: [...(one.notes ?? []), note] };
}

/** At the end of a line if one is near, and never through a character. */
function cutAtLine(text: string, max: number): string {
  const mark = `\n[… cut here: the file has ${text.length} characters]`;
  const part = text.slice(0, max - mark.length);
  const line = part.lastIndexOf("\n");
  const whole = line > part.length / 2 ? part.slice(0, line) : part.replace(/[\uD800-\uDBFF]$/, "");
  return whole + mark;
}

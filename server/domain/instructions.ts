import type { OfferedInstruction } from "../protocol/instructions.ts";

/** An instruction as a model is told of it. */
export type Instruction = Pick<OfferedInstruction, "name" | "from" | "applies_to" | "content">;

const PREFACE =
  "The person you work for has written down instructions, for all projects or for this one. Each is marked with the file it comes from. Follow those that concern what you do. Where two of them disagree, the later one counts; what the person asks in the conversation counts more than either. They change nothing about which tools you have and what has to be approved.";

/**
 * The system text, and after it what people have written down: marked, so that the model
 * knows where it comes from.
 */
export function withInstructions(system: string, told: readonly Instruction[]): string {
  if (told.length === 0) return system;
  return [system, PREFACE, ...told.map(toBlock)].join("\n\n");
}

function toBlock({ name, from, applies_to, content }: Instruction): string {
  // Quoted as JSON: whoever named a file or wrote a pattern ends no mark with it.
  const where = applies_to === undefined ? "" : ` applies_to=${JSON.stringify(applies_to)}`;
  const mark = `<instructions file=${JSON.stringify(name)} from="${from}"${where}>`;
  // A text cannot end its own mark and go on as if it were ours.
  const inside = content.replaceAll(/<(?=\/?instructions\b)/gi, "‹");
  return `${mark}\n${inside}\n</instructions>`;
}

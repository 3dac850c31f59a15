// The calls of the chat format.
import type { Answer } from "../answer.ts";
import type { CallPiece } from "../calls.ts";
import { num, record, text } from "../values.ts";
import type { Thoughts } from "./openai-thoughts.ts";

/** `whole`: as they are in the whole answer, told at its end. */
export function readCalls(
  { answer, thoughts }: { answer: Answer; thoughts: Thoughts },
  calls: unknown,
  whole: boolean,
): void {
  const pieces: CallPiece[] = [];
  const all = toList(calls)
    .map(record)
    .filter((fields) => fields !== undefined);
  for (const fields of all) {
    const asked = record(fields["function"]) ?? record(fields["custom"]) ?? fields;
    const args = toArguments(asked["arguments"] ?? asked["input"] ?? asked["parameters"]);
    const piece = {
      index: num(fields["index"]),
      id: text(fields["id"]),
      name: text(asked["name"]) || text(fields["function"]),
      args,
    };
    pieces.push(piece);
  }
  if (whole) answer.calls.settle(pieces);
  // A call without a name is nothing yet: an endless one must end as garbage.
  const characters = whole ? 0 : answer.calls.add(pieces);
  const first = Math.max(answer.calls.count() - all.length, 0);
  for (const [place, fields] of all.entries()) thoughts.call(first + place, fields);
  if (characters > 0 || pieces.some(({ name }) => name !== "")) answer.argued(characters);
}

/** A list, a list in a list, one alone, or each under its number. */
function toList(calls: unknown): readonly unknown[] {
  if (Array.isArray(calls)) return calls.flat();
  const fields = record(calls);
  const isNumbered = fields && Object.keys(fields).every((name) => /^\d+$/.test(name));
  return isNumbered ? Object.values(fields) : [calls];
}

/** As JSON text, in pieces; or at once as an object. */
export function toArguments(args: unknown): string {
  if (typeof args === "string") return args;
  return args === undefined || args === null ? "" : JSON.stringify(args);
}

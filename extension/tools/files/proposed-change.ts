// What a change will write, bounded, for a chat: worked out from the file, not from
// what the model says of it.
import {
  type ChangedLine,
  countSigns,
  type LineEnd,
  lineChanges,
  MAX_SHOWN_LINES,
} from "../../../server/shared/line-changes.ts";
import type { ProposedChange } from "../../../webview/messages.ts";
import type { Change } from "./files.ts";
import { withoutStrays } from "./utf8.ts";

/** Around a place that changes. */
const AROUND = 3;
const MAX_CHARS = 400;

type ShownLine = ProposedChange["lines"][number];

const ENDS = { "\n": "lf", "\r\n": "crlf", "\r": "cr", "": "none" } as const;

export function toProposedChange({ before, after, encoding }: Change): ProposedChange {
  const all = lineChanges(withoutStrays(before ?? ""), after);
  const usual = usualEnd(before || after);
  const lines = placesOf(all, usual);
  return {
    is_new: before === undefined,
    encoding: encoding.name === "utf8" && encoding.mark.length > 0 ? "utf8bom" : encoding.name,
    line_ends: endsOf(after),
    ...countSigns(all),
    lines: lines.slice(0, MAX_SHOWN_LINES),
    more: Math.max(0, lines.length - MAX_SHOWN_LINES),
  };
}

function placesOf(all: readonly ChangedLine[], usual: LineEnd): ShownLine[] {
  const isNear = all.map(() => false);
  for (const [index, { sign }] of all.entries()) {
    if (sign !== " ") isNear.fill(true, Math.max(0, index - AROUND), index + AROUND + 1);
  }
  const lines: ShownLine[] = [];
  let number = 0;
  for (const [index, line] of all.entries()) {
    if (line.sign !== "-") number += 1;
    if (!isNear[index]) continue;
    const isAfterGap = index > 0 && !isNear[index - 1];
    // What goes stood before the line that comes next.
    const at = line.sign === "-" ? number + 1 : number;
    lines.push({
      sign: line.sign,
      text: line.text.length > MAX_CHARS ? `${line.text.slice(0, MAX_CHARS)} …` : line.text,
      ...(line.end !== usual && { end: ENDS[line.end] }),
      ...(isAfterGap && { at }),
    });
  }
  return lines;
}

function usualEnd(text: string): LineEnd {
  const [lf = 0, crlf = 0, cr = 0] = countEnds(text);
  if (crlf > lf && crlf >= cr) return "\r\n";
  return cr > lf ? "\r" : "\n";
}

function endsOf(text: string): ProposedChange["line_ends"] {
  const [lf = 0, crlf = 0, cr = 0] = countEnds(text);
  if ([lf, crlf, cr].filter((count) => count > 0).length > 1) return "mixed";
  return crlf > 0 ? "crlf" : cr > 0 ? "cr" : "lf";
}

/** Of `\n`, `\r\n` and `\r`. */
function countEnds(text: string): readonly number[] {
  const ends = text.match(/\r\n?|\n/g) ?? [];
  return ["\n", "\r\n", "\r"].map((end) => ends.filter((one) => one === end).length);
}

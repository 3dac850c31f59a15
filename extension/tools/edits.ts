// Changes of text, without a file.
export interface Edit {
  old_text: string;
  new_text: string;
}

/** Applies the edits one after another. Throws with the reason, and then nothing counts. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  // A model writes line feeds; the file keeps the line ends it has.
  const crlf = /\r\n/.test(text) && !/[^\r]\n/.test(text);
  let changed = crlf ? text.replaceAll("\r\n", "\n") : text;
  for (const [index, { old_text, new_text }] of edits.entries()) {
    const where = `edits[${index}].old_text`;
    if (old_text === "") throw new Error(`${where} is empty. To make a file use write_file.`);
    const wanted = crlf ? old_text.replaceAll("\r\n", "\n") : old_text;
    const first = changed.indexOf(wanted);
    if (first < 0) {
      throw new Error(`${where} is not in the file. Read it again and copy the text exactly.`);
    }
    if (changed.indexOf(wanted, first + 1) >= 0) {
      throw new Error(`${where} is in the file more than once. Take more of the lines around it.`);
    }
    const put = crlf ? new_text.replaceAll("\r\n", "\n") : new_text;
    changed = changed.slice(0, first) + put + changed.slice(first + wanted.length);
  }
  return crlf ? changed.replaceAll("\n", "\r\n") : changed;
}

/** The lines `from` to `to`, counted from 1, as many as fit into `max` characters, and a word on the rest. */
export function linesOf(text: string, from: number, to: number | undefined, max: number): string {
  const lines = text.split("\n");
  const first = Math.max(1, from);
  if (first > lines.length) return `[The file has ${lines.length} lines.]`;
  const last = Math.min(lines.length, to ?? lines.length);
  const kept: string[] = [];
  let size = 0;
  for (const line of lines.slice(first - 1, last)) {
    size += line.length + 1;
    if (size > max && kept.length > 0) break;
    kept.push(line.length > max ? `${line.slice(0, max)} [… the line goes on …]` : line);
  }
  const end = first + kept.length - 1;
  const whole = first === 1 && end === lines.length;
  const note = whole ? "" : `[Lines ${first} to ${end} of ${lines.length}.]\n`;
  return note + kept.join("\n");
}

// What came of a run, in docs/reliability.md.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

const DOCUMENT = "docs/reliability.md";

/** Writes the table in the place of the last one of this name. */
export function report(name: string, what: string, columns: string[], rows: string[][]): void {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const made = `Last made on ${new Date().toISOString().slice(0, 10)} by \`npm run test:ha\`, ${what}, ${cpus().length} cores.`;
  const lines = [line(columns), `|${"---|".repeat(columns.length)}`, ...rows.map(line)];
  const table = `${made}\n\n${lines.join("\n")}`;
  console.log(table);
  const text = readFileSync(DOCUMENT, "utf8");
  const begin = `<!-- ${name}: made by npm run test:ha -->`;
  const end = `<!-- end of ${name} -->`;
  const [before, rest = ""] = text.split(begin);
  const [, after] = rest.split(end);
  if (after === undefined) throw new Error(`${DOCUMENT} has lost its marks`);
  writeFileSync(DOCUMENT, `${before}${begin}\n\n${table}\n\n${end}${after}`);
}

export function inSeconds(value: number): string {
  return value === 0 ? "–" : value.toFixed(1);
}

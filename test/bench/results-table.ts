// The table of docs/performance.md. Each row has the case that made it and its day, so that one
// case can be measured anew and the rows of the others stay.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { Result } from "./result.ts";

const FILE = "docs/performance.md";
const MARKS = ["<!-- results: made by npm run bench -->", "<!-- end of results -->"] as const;

export const HEAD =
  "| case | what | measured | baseline in the same run | goal | | day |\n|---|---|---|---|---|---|---|";

export function rowOf(name: string, { what, measured, baseline, goal, met }: Result): string {
  const day = new Date().toISOString().slice(0, 10);
  return `| ${name} | ${what} | ${measured} | ${baseline} | ${goal} | ${met ? "met" : "**missed**"} | ${day} |`;
}

/**
 * Puts a case's rows in the place of those that the table has of it.
 * @param names of all cases there are, in the table's order: of others it keeps none.
 */
export function writeRows(names: readonly string[], measured: string, rows: string[]): void {
  const [before = "", rest = ""] = readFileSync(FILE, "utf8").split(MARKS[0]);
  const [table = "", after] = rest.split(MARKS[1]);
  if (after === undefined) throw new Error(`${FILE} has lost its marks`);
  const known = Map.groupBy(table.split("\n"), (line) => /^\| ([^|]+) \|/.exec(line)?.[1] ?? "");
  const all = names.flatMap((name) => (name === measured ? rows : (known.get(name) ?? [])));
  const { model } = cpus()[0] ?? { model: "unknown processor" };
  const machine = `${process.platform}, ${cpus().length} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GB`;
  const made = `Made by \`npm run bench\`, each row on its day, the newest on ${machine}, Node ${process.versions.node}.`;
  const text = [made, [HEAD, ...all].join("\n")].join("\n\n");
  writeFileSync(FILE, `${before}${MARKS[0]}\n\n${text}\n\n${MARKS[1]}${after}`);
}

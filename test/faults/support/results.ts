// The table of results: fault by invariant, with how many single things were checked.
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { FULL } from "../../support/length.ts";
import type { Checks, Invariant } from "./invariants.ts";
import { INVARIANTS } from "./invariants.ts";

interface Row {
  fault: string;
  engine: string;
  /** How often the fault was made. */
  times: number;
  checks: Checks;
}

const NAMES = Object.keys(INVARIANTS) as Invariant[];
const rows: Row[] = [];

/** Adds what held after a fault; the same fault again adds up. */
export function record(fault: string, engine: string, checks: Checks, times = 1): void {
  const row = rows.find((one) => one.fault === fault && one.engine === engine);
  if (!row) {
    rows.push({ fault, engine, times, checks: { ...checks } });
    return;
  }
  row.times += times;
  for (const name of NAMES) row.checks[name] += checks[name];
}

const HEAD = [
  `| fault | on | times | ${NAMES.join(" | ")} |`,
  `|---|---|---|${NAMES.map(() => "---|").join("")}`,
];

function keyOf(line: string): string {
  return line.split(" | ", 2).join(" | ");
}

/**
 * What was made by this run, in the place of the same of `before`, which a run of
 * some tests leaves as it was.
 */
function table(before: readonly string[] = []): string {
  const made = rows.map(
    ({ fault, engine, times, checks }) =>
      `| ${fault} | ${engine} | ${times} | ${NAMES.map((name) => checks[name] || "–").join(" | ")} |`,
  );
  const lines = new Map([...before, ...made].map((line) => [keyOf(line), line]));
  return [...HEAD, ...lines.values()].join("\n");
}

const DOCUMENT = "docs/reliability.md";
const MARKS = ["<!-- results: made by npm run test:faults -->", "<!-- end of results -->"] as const;

// Once, after the last test of all files.
after(printResults);

function printResults(): void {
  if (rows.length === 0) return;
  console.log(`\n${table()}\n`);
  if (!FULL) return;
  const text = readFileSync(DOCUMENT, "utf8");
  const [before, rest = ""] = text.split(MARKS[0]);
  const [old = "", after] = rest.split(MARKS[1]);
  if (after === undefined) throw new Error(`${DOCUMENT} has lost its marks`);
  const kept = old.split("\n").filter((line) => /^\| .* \| (sqlite|postgres) \|/.test(line));
  const made = `Last made on ${new Date().toISOString().slice(0, 10)} by \`npm run test:faults\` on ${process.platform}, ${cpus().length} cores, Node ${process.versions.node}.`;
  writeFileSync(
    DOCUMENT,
    `${before}${MARKS[0]}\n\n${made}\n\n${table(kept)}\n\n${MARKS[1]}${after}`,
  );
}

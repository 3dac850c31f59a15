/** What is looked at; in the order of the report. */
export const CHECKS = [
  "data_directory",
  "file_modes",
  "leftover_files",
  "disk_space",
  "integrity",
  "schema",
  "orphans",
  "log",
  "turns",
  "calls",
  "messages",
  "versions",
  "search_index",
  "backups",
] as const;
export type Check = (typeof CHECKS)[number];

export interface Finding {
  check: Check;
  /** `problem`: something is wrong; `note`: worth knowing, and in order. */
  severity: "problem" | "note";
  what: string;
  /** For the person who reads it. */
  what_to_do?: string;
}

/** How much was looked at. */
export interface Counts {
  sessions: number;
  turns: number;
  messages: number;
  chunks: number;
}

export interface Report {
  /** Nothing is wrong (any more). */
  ok: boolean;
  checked_at: string;
  version: string;
  data_dir: string;
  /** The path, or the URL without its password. */
  database: string;
  counts: Counts | null;
  findings: Finding[];
  /** What this run has done, in words. */
  done: string[];
}

export function problemsIn(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ severity }) => severity === "problem");
}

/** The report for people: what is wrong first. */
export function toText(report: Report): string {
  const { counts, findings, done } = report;
  const problems = problemsIn(findings);
  const rows = [
    ["Data directory", report.data_dir],
    ["Database", report.database],
    ["Looked at", counts ? describe(counts) : "no chats: see below"],
    ["Checked", `${report.checked_at}, Streamkeeper ${report.version}`],
  ];
  return [
    headline(problems.length),
    "",
    ...rows.map(([name = "", value]) => `${name.padEnd(16)}${value}`),
    ...section("Done", done),
    ...section("Problems", problems.map(paragraph)),
    ...section("Notes", findings.filter(({ severity }) => severity === "note").map(paragraph)),
    "",
  ].join("\n");
}

function headline(problems: number): string {
  const found = problems === 0 ? "nothing is wrong" : `${counted(problems, "problem")} found`;
  return `Streamkeeper doctor: ${found}`;
}

function describe({ sessions, turns, messages, chunks }: Counts): string {
  const parts = [
    counted(sessions, "session"),
    counted(turns, "turn"),
    counted(messages, "message"),
    counted(chunks, "chunk"),
  ];
  return parts.join(", ");
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ["", title, ...items.map((item) => `- ${item}`)];
}

function paragraph({ check, what, what_to_do }: Finding): string {
  return `${check}: ${what}${what_to_do === undefined ? "" : `\n  ${what_to_do}`}`;
}

/** "1 turn", "2 turns". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

import { rmSync } from "node:fs";
import type { Check, Report } from "../../server/doctor/check/report.ts";
import { runCompanion } from "./companion.ts";
import { type StoredChats, storeChats } from "./stored-chats.ts";

export interface Visit {
  code: number | null;
  output: string;
}

/** Runs the real `doctor`. */
export async function runDoctor(...args: string[]): Promise<Visit> {
  const run = runCompanion(["doctor", ...args]);
  const { code } = await run.ended;
  return { code, output: run.output() };
}

/** Its report on a data directory. */
export async function reportOn(
  dataDir: string,
  ...args: string[]
): Promise<{ code: number | null; report: Report }> {
  const { code, output } = await runDoctor("--data-dir", dataDir, "--json", ...args);
  if (!output.startsWith("{")) throw new Error(`doctor ended with ${code}: ${output}`);
  return { code, report: JSON.parse(output) as Report };
}

/** What is wrong, by the names of the checks. */
export function problemsOf({ findings }: Report): Check[] {
  return findings.flatMap(({ severity, check }) => (severity === "problem" ? [check] : []));
}

/** Lends a data directory with chats; removes it. */
export async function withStoredChats(
  body: (stored: StoredChats) => Promise<void>,
  ...size: Parameters<typeof storeChats>
): Promise<void> {
  const stored = await storeChats(...size);
  try {
    await body(stored);
  } finally {
    rmSync(stored.dataDir, { recursive: true, force: true });
  }
}

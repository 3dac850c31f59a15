import { spawn } from "node:child_process";
import { Problem } from "../problem.ts";
import { companionEnvironment, type LaunchOptions } from "./companion-launch.ts";

export type DoctorTask = { task: "look" } | { task: "repair" } | { task: "salvage"; file: string };

export interface DoctorReport {
  /** Nothing is wrong (any more). */
  ok: boolean;
  /** For people. */
  text: string;
}

/** How long a companion that is being stopped may take until its place is free. */
const WAIT_SECONDS = 30;
const EXIT_PROBLEMS = 1;

/**
 * Looks after what is stored, in a process of its own. Rejects with `Problem` if it could not run.
 */
export async function runDoctor(
  dataDir: string,
  options: LaunchOptions,
  what: DoctorTask,
): Promise<DoctorReport> {
  const args = [options.script, "doctor", "--data-dir", dataDir, ...flagsOf(what)];
  const child = spawn(process.execPath, args, {
    cwd: dataDir,
    windowsHide: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: companionEnvironment(options),
  });
  const said = { text: "", words: "" };
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    said.text += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    said.words += part;
  });
  const code = await new Promise<number | string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (exit, signal) => resolve(exit ?? signal ?? "unknown"));
  });
  if (code === 0 || code === EXIT_PROBLEMS) return { ok: code === 0, text: said.text };
  const words = said.words.trim().replace(/^streamkeeper: /, "");
  throw Problem.ours("doctor_failed", words || `exit code ${code}`);
}

function flagsOf(what: DoctorTask): string[] {
  const wait = ["--wait", String(WAIT_SECONDS)];
  switch (what.task) {
    case "look":
      return [];
    case "repair":
      return ["--repair", ...wait];
    case "salvage":
      return ["--salvage", what.file, ...wait];
  }
}

import type { Runnable } from "mocha";

/** What a run tells of a test, or of a hook, that failed. */
export interface Failure {
  title: string;
  /** Finds it again; of a hook, all the tests that it is for. */
  pattern: string;
  /** Finds all the tests of the outermost block that it stands in. */
  blockPattern: string;
  error: string;
}

/** Some errors quote whole pages, and the end of a long output is what is read. */
const MAX_ERROR = 2_000;

export function failureOf(runnable: Runnable, error: Error | undefined): Failure {
  const told = String(error?.stack ?? error);
  const hook = "type" in runnable && runnable.type === "hook";
  const found = (hook ? runnable.parent?.fullTitle() : runnable.fullTitle()) ?? "";
  const [block = ""] = runnable.titlePath();
  return {
    title: runnable.fullTitle(),
    pattern: hook ? `^${quote(found)}` : `^${quote(found)}$`,
    blockPattern: `^${quote(block)}`,
    error: told.length > MAX_ERROR ? `${told.slice(0, MAX_ERROR)} …` : told,
  };
}

function quote(title: string): string {
  return title.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

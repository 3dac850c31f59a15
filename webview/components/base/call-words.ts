// What is said of a call in one line.
import { splitHidden } from "../../markdown/syntax/hidden-characters.ts";
import type { Strings } from "../../strings/texts.ts";
import { type ToolPart } from "../../turns/model.ts";
import { SWITCH } from "../../turns/turns.ts";

/** The argument that says best what a call is about; the first that is there. */
const TELLING = ["command", "query", "path", "url"];
/** More does not fit into a line. */
const MAX_BRIEF = 200;

export interface Brief {
  line: string;
  full: string;
}

/** Which file, command or words a call is about. */
export function briefOf({ arguments: args, plan }: ToolPart): Brief | undefined {
  const told = TELLING.map((name) => args[name]).find((value) => typeof value === "string");
  if (plan || typeof told !== "string" || told.trim() === "") return undefined;
  const full = visible(told.trim());
  const line = visible(told.trim().replaceAll(/\s+/g, " "));
  return { full, line: line.length > MAX_BRIEF ? `${line.slice(0, MAX_BRIEF)}…` : line };
}

export function titleOf(
  { name, plan, arguments: args }: ToolPart,
  asks: boolean,
  { text, agentName }: { text: Strings; agentName: (type: string) => string },
): string {
  if (plan) return asks ? text.planAsks : text.plan;
  if (name === SWITCH) {
    const next = visible(agentName(String(args["agent_type"])));
    return asks ? text.switchAsks(next) : text.switchTo(next);
  }
  return asks ? text.toolAsks(visible(name)) : text.tool(visible(name));
}

function visible(told: string): string {
  return splitHidden(told, "code")
    .map(({ text }) => text)
    .join("");
}

/** Why these are no arguments yet; undefined if they are. */
export function argumentsFault(draft: string, text: Strings): string | undefined {
  try {
    const value: unknown = JSON.parse(draft);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? undefined : text.argumentsNoObject;
  } catch (thrown) {
    return text.argumentsBroken(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

// What a call's arguments are, as its tool takes them: before anyone judges the call, is
// asked about it or runs it.
import { fitArguments } from "../../domain/fit-arguments.ts";
import { mendObject } from "../../domain/mend-json.ts";
import type { Tool } from "../../domain/tools.ts";
import { cleanText } from "../../providers/clean-text.ts";
import type { FinishReason, ToolCall } from "../../providers/provider.ts";

export interface ReadCall {
  arguments: Record<string, unknown>;
  /** Why it cannot be run, for the model; undefined if it can. */
  fault: string | undefined;
}

const MAX_SHOWN = 200;

/** `ended`: why the answer ended with this call as its last; undefined if others follow it. */
export function readCall(
  call: ToolCall,
  tool: Tool | undefined,
  ended: FinishReason | undefined,
): ReadCall {
  const { raw_arguments: raw } = call;
  const isEmpty = Object.keys(call.arguments).length === 0;
  if (ended === "length" && isEmpty) return { arguments: {}, fault: cutOff(raw ?? "") };
  let args = call.arguments;
  if (raw !== undefined) {
    const mended = mendObject(raw);
    if ("fault" in mended) return { arguments: {}, fault: noObject(raw, mended.fault) };
    args = cleaned(mended.value);
  }
  if (!tool) return { arguments: args, fault: undefined };
  const fitted = fitArguments(tool.parameters, args);
  if (fitted.fault === undefined) return fitted;
  const fault = `${fitted.fault}. Nothing was run; call it again with arguments that fit.`;
  return { arguments: fitted.arguments, fault };
}

function cutOff(raw: string): string {
  return (
    "Your answer reached its length limit inside of this call, so it was cut off and not run" +
    `${shown(raw)}. Make it shorter: do the work in smaller steps.`
  );
}

function noObject(raw: string, fault: string): string {
  return (
    `The arguments are not the JSON object that is expected: ${fault}${shown(raw)}. ` +
    "Nothing was run; call it again with valid JSON."
  );
}

function shown(raw: string): string {
  if (raw.trim() === "") return "";
  const [begin, end] = [raw.slice(0, MAX_SHOWN), raw.slice(MAX_SHOWN)];
  const more = end === "" ? "" : ` … ${JSON.stringify(end.slice(-MAX_SHOWN).toWellFormed())}`;
  return `; ${raw.length} characters came: ${JSON.stringify(begin.toWellFormed())}${more}`;
}

/** An escape can stand for what no store takes. */
function cleaned(value: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(value);
  const clean: unknown = JSON.parse(text, (_name, one: unknown) =>
    typeof one === "string" ? cleanText(one) : one,
  );
  return typeof clean === "object" && clean !== null
    ? Object.fromEntries(Object.entries(clean))
    : {};
}

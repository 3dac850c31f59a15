// Calls that a model has written into its text, in the form that it was trained on, and that its
// server has not taken out: Qwen's, Llama's, GLM's, Kimi's and so on. The words stay what they are.
// A text that only speaks of calls is none: they stand at its very end, nothing comes after them,
// and they name tools that were offered.
import type { ToolDefinition } from "../provider.ts";
import { type CallPiece, plainName } from "./calls.ts";
import { looseJson } from "./loose-json.ts";
import { type Fields, record, text } from "./values.ts";

export interface WrittenCalls {
  /** False: plain words can be no part of a call. */
  isNear(): boolean;
  add(words: string): void;
  /** At the end: undefined unless all that came after the first mark is calls. */
  read(): CallPiece[] | undefined;
}

const MARKS = [
  ...["<tool_call>", "<function=", String.raw`<\|python_tag\|>`, String.raw`\[TOOL_CALLS\]`],
  ...[String.raw`<\|tool_calls?_section_begin\|>`, "<｜tool▁calls▁begin｜>"],
  "<(?:minimax:tool_call|(?:｜DSML｜)?function_calls)>",
];
const BEGINS = new RegExp(MARKS.join("|"));
/** Longer than any mark. */
const END = 40;
const MAX_CHARS = 256 * 1_024;

/** Around calls, and between them. */
const WRAPPINGS = new RegExp(
  [
    String.raw`<\|(?:tool_calls?_section_(?:begin|end)|python_tag|im_end|eom_id|eot_id)\|>`,
    "<｜tool▁calls▁(?:begin|end)｜>|<｜end▁of▁sentence｜>",
    "</?(?:minimax:tool_call|(?:｜DSML｜)?function_calls)>",
  ].join("|"),
  "g",
);

/**
 * One call: its name, and what it is called with. No part of a form may match in several ways what
 * another one may, too: what a hostile server writes would take seconds.
 */
const FORMS: readonly RegExp[] = [
  /^<tool_call>\s*(?<json>\{[^]*?\})\s*(?:<\/tool_call>|$)/,
  // Its beginning is often left out.
  /^(?:<tool_call>\s*)?<function=(?<name>[^>\s]+)>(?<fields>[^]*?)<\/function>(?:\s*<\/tool_call>)?/,
  /^<tool_call>(?<name>[\w-]+)\s*(?<fields>(?:<arg_key>[^]*?)?)<\/tool_call>/,
  /^<(?:｜DSML｜)?invoke name="(?<name>[^"]+)">(?<fields>[^]*?)<\/(?:｜DSML｜)?invoke>/,
  /^<\|tool_call_begin\|>\s*(?<name>[^<\s]+)\s*<\|tool_call_argument_begin\|>(?<args>[^]*?)<\|tool_call_end\|>/,
  /^<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?(?<name>[^<\s]{1,128})(?<args>[^]*?)<｜tool▁call▁end｜>/,
  /^\[TOOL_CALLS\]\s*(?<name>[\w-]+)\[ARGS\](?<args>\{[^]*?\})(?=\s*(?:\[TOOL_CALLS\]|$))/,
  /^\[TOOL_CALLS\]\s*(?<json>\[[^]*\])\s*$/,
  /^(?<json>\{[^]*\})$/,
];

/** What a field ends with, and how it begins. */
const FIELD_ENDS = /\n?<\/(?:(?:｜DSML｜)?parameter|arg_value)>/;
const FIELD =
  /<(?:｜DSML｜)?parameter(?:=|\s+name=")(?<name>[^"<>\s]{1,128})[^<>]{0,128}>\n?(?<value>[^]*)$|<arg_key>(?<key>[^<]+)<\/arg_key>\s*<arg_value>(?<given>[^]*)$/;

export function createWrittenCalls(tools: readonly ToolDefinition[]): WrittenCalls {
  /** What may be the beginning of a mark. */
  let end = "";
  /** From the first mark on. */
  let written: string | undefined;
  return {
    isNear: () => end !== "" || written !== undefined,
    add(words) {
      if (written !== undefined) {
        if (written.length < MAX_CHARS) written += words;
        return;
      }
      const near = end + words;
      const found = tools.length > 0 ? BEGINS.exec(near) : null;
      if (found) written = near.slice(found.index);
      const from = Math.max(near.lastIndexOf("<"), near.lastIndexOf("["));
      end = from < 0 || near.length - from > END ? "" : near.slice(from);
    },
    read() {
      let rest = (written ?? "").replaceAll(WRAPPINGS, "").trim();
      const calls: CallPiece[] = [];
      while (rest !== "") {
        const found = FORMS.map((form) => form.exec(rest)).find((match) => match !== null);
        const called = found && callsIn(found.groups ?? {}, tools);
        if (!called) return undefined;
        calls.push(...called);
        rest = rest.slice(found[0].length).trim();
      }
      return calls.length > 0 ? calls : undefined;
    },
  };
}

type Groups = Readonly<Record<string, string | undefined>>;

/** Undefined where one is of no tool that was offered, or has no arguments in their form. */
function callsIn(
  { json, name = "", fields, args = "" }: Groups,
  tools: readonly ToolDefinition[],
): CallPiece[] | undefined {
  const all = json === undefined ? [{ name, arguments: args }] : looseJson(json).map(record);
  const calls: CallPiece[] = [];
  for (const one of all) {
    const called = plainName(text(one?.["name"]));
    const tool = tools.find((offered) => offered.name === called);
    if (!tool) return undefined;
    const given = one?.["arguments"] ?? one?.["parameters"] ?? {};
    const isWhole = fields === undefined || fields.trimStart().startsWith("{");
    const found = isWhole ? objectOf(fields ?? given) : fieldsOf(fields, tool);
    if (!found) return undefined;
    calls.push({ id: "", name: called, args: JSON.stringify(found) });
  }
  return calls;
}

function objectOf(given: unknown): Fields | undefined {
  if (typeof given !== "string") return record(given);
  const plain = given.replace("<｜tool▁sep｜>", "").replaceAll(/^\s*```(?:json)?|```\s*$/g, "");
  const [value] = plain.trim() === "" ? [{}] : looseJson(plain);
  return record(value);
}

/** Each is a text; what else it is meant to be the tool says. */
function fieldsOf(fields: string, { parameters }: ToolDefinition): Fields {
  const properties = record(parameters["properties"]) ?? {};
  return Object.fromEntries(
    fields.split(FIELD_ENDS).flatMap((field) => {
      const { groups } = FIELD.exec(field) ?? {};
      if (!groups) return [];
      const name = groups["name"] ?? groups["key"]?.trim() ?? "";
      const value = groups["value"] ?? groups["given"] ?? "";
      const isText = record(properties[name])?.["type"] === "string";
      const [found] = isText ? [] : looseJson(value);
      return [[name, found ?? value]];
    }),
  );
}

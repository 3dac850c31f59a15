// Agents that a user writes into the workspace: `.streamkeeper/agents/NAME.md`, the prompt as its
// text, the rest as front matter of `key: value` lines.
import { BUILT_IN_AGENTS, OfferedAgent } from "../../server/protocol/offers.ts";

export const AGENTS_GLOB = ".streamkeeper/agents/*.md";
export const MAX_AGENTS = 32;

const EXPECTED: Record<string, string | undefined> = {
  type: "expected a file name of letters, digits, - and _ that begins with a letter",
  tools: "expected names of tools or kinds, such as [read, write_file]",
  model: "expected provider/name",
};

/** The agent of a file. Throws an `Error` that says what is wrong with it. */
export function parseAgent(fileName: string, text: string): OfferedAgent {
  const type = fileName.replace(/\.md$/i, "").toLowerCase();
  const found = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)([\s\S]*)$/.exec(text);
  const fields = found ? readFields(found[1] ?? "") : new Map<string, string>();
  const known = ["name", "description", "tools", "file_pattern", "model"];
  for (const key of fields.keys()) {
    if (!known.includes(key)) throw new Error(`${key}: not one of ${known.join(", ")}`);
  }
  const tools = fields.get("tools");
  const optional = (key: string) => {
    const value = fields.get(key);
    return value === undefined ? {} : { [key]: value };
  };
  if (BUILT_IN_AGENTS.includes(type)) throw new Error("the name is that of a built-in agent");
  const agent = OfferedAgent.safeParse({
    type,
    name: fields.get("name") ?? type,
    description: fields.get("description") ?? "",
    prompt: (found ? (found[2] ?? "") : text).trim(),
    ...(tools === undefined ? {} : { tools: toList(tools) }),
    ...optional("file_pattern"),
    ...optional("model"),
  });
  if (agent.success) {
    if (agent.data.prompt === "") throw new Error("there is no prompt below the front matter");
    return agent.data;
  }
  const field = String(agent.error.issues[0]?.path[0]);
  throw new Error(`${field}: ${EXPECTED[field] ?? "expected a text that is not too long"}`);
}

function readFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const [, key, value] = /^([A-Za-z_]+)[ \t]*:[ \t]*(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) {
      throw new Error(`${line.trim()}: expected key: value on one line`);
    }
    fields.set(key, unquote(value.trim()));
  }
  return fields;
}

function unquote(value: string): string {
  return /^(["']).*\1$/.test(value) && value.length >= 2 ? value.slice(1, -1) : value;
}

/** `[a, b]` or `a, b`. */
function toList(value: string): string[] {
  return value
    .replace(/^\[(.*)\]$/, "$1")
    .split(",")
    .map((item) => unquote(item.trim()))
    .filter((item) => item !== "");
}

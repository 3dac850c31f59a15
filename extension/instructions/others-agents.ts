// Agents as others write them: `.github/agents/NAME.agent.md` (Copilot),
// `.claude/agents/NAME.md` (Claude Code).
import { BUILT_IN_AGENTS, OfferedAgent, ToolName } from "../../server/protocol/offers.ts";
import { toText } from "./file-content.ts";
import { readFrontMatter } from "./front-matter.ts";

export const OTHERS_GLOB = "{.github/agents/*.agent.md,.claude/agents/**/*.md}";

/** Their tools by what they do: names of ours would not be known there. */
const KINDS: Readonly<Record<string, "read" | "write" | "execute" | null>> = {
  read: "read",
  readfile: "read",
  grep: "read",
  glob: "read",
  ls: "read",
  search: "read",
  codebase: "read",
  usages: "read",
  problems: "read",
  changes: "read",
  notebookread: "read",
  edit: "write",
  edits: "write",
  editfiles: "write",
  write: "write",
  multiedit: "write",
  notebookedit: "write",
  bash: "execute",
  execute: "execute",
  shell: "execute",
  terminal: "execute",
  runcommands: "execute",
  runinterminal: "execute",
  runtests: "execute",
  // What there is nothing of here.
  agent: null,
  task: null,
  todo: null,
  todos: null,
  todowrite: null,
  web: null,
  fetch: null,
  webfetch: null,
  websearch: null,
};

/**
 * The agent of a file. Its `model` is a name of theirs and counts for nothing. Throws an `Error`
 * that says what is wrong.
 */
export function parseOthersAgent(fileName: string, bytes: Uint8Array): OfferedAgent {
  const text = toText(bytes);
  if (text === undefined) throw new Error("it is no text in UTF-8 or UTF-16");
  const plain = fileName.replace(/(?:\.agent)?\.md$/i, "").toLowerCase();
  const type = plain.replaceAll(/[^a-z0-9_-]+/g, "-");
  if (BUILT_IN_AGENTS.includes(type)) throw new Error("the name is that of a built-in agent");
  const { head, body } = readFrontMatter(text);
  const agent = OfferedAgent.safeParse({
    type,
    name: head.name || plain,
    description: head.description.slice(0, 1_000).toWellFormed(),
    prompt: body.trim(),
    ...(head.tools && !head.tools.includes("*") && { tools: toTools(head.tools) }),
  });
  if (!agent.success) {
    throw new Error(`${String(agent.error.issues[0]?.path[0])}: cannot be taken`);
  }
  if (agent.data.prompt === "") throw new Error("there is no prompt below the front matter");
  return agent.data;
}

/**
 * `Bash(git:*)`, `search/codebase`: as far as it is known; an agent gets no more than it was
 * given there.
 */
function toTools(given: readonly string[]): string[] {
  const tools = given.flatMap((written) => {
    const name = written.replace(/\(.*$/s, "").trim();
    const kind = KINDS[(name.split("/")[0] ?? "").toLowerCase()];
    if (kind !== undefined) return kind ?? [];
    return ToolName.safeParse(name).success ? name : [];
  });
  return [...new Set(tools)];
}

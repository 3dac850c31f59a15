// The tools that this extension runs, as a model is told of them. Knows nothing of VS Code.
import type { OfferedTool, ToolRule } from "../../server/protocol/offers.ts";

const PATH = {
  type: "string",
  description:
    "Relative to the workspace folder, with forward slashes; in a workspace of several folders the folder's name comes first",
};

function object(properties: Record<string, unknown>, required: string[]): Record<string, unknown> {
  return { type: "object", properties, required, additionalProperties: false };
}

export const EDITOR_TOOLS = [
  {
    name: "read_file",
    description:
      "Reads a text file of the workspace, also what is not saved yet. Long files are cut; ask for the rest by lines.",
    parameters: object(
      {
        path: PATH,
        start_line: { type: "integer", description: "First line, from 1" },
        end_line: { type: "integer", description: "Last line" },
      },
      ["path"],
    ),
    kind: "read",
  },
  {
    name: "list_files",
    description:
      "Lists a folder of the workspace. Folders end with a slash. What git ignores and the editor hides from its searches is left out of a recursive list; a long one names some folders with their number of files only.",
    parameters: object(
      {
        path: { ...PATH, description: "A folder; . for all of the workspace" },
        recursive: { type: "boolean" },
      },
      [],
    ),
    kind: "read",
  },
  {
    name: "search_in_code",
    description:
      "Searches the text of the workspace's files, as file:line:text. What git ignores and the editor hides from its searches is left out.",
    parameters: object(
      {
        query: { type: "string" },
        is_regex: { type: "boolean" },
        case_sensitive: { type: "boolean" },
        include: {
          type: "string",
          description:
            "Files or folders, for example src/**/*.ts or src; several with commas; ! leaves out",
        },
      },
      ["query"],
    ),
    kind: "read",
  },
  {
    name: "get_problems",
    description: "The errors and warnings that the editor shows, of one file or of all.",
    parameters: object({ path: PATH }, []),
    kind: "read",
  },
  {
    name: "write_file",
    description:
      "Writes a whole file, new or existing; an existing one must have been read before. The user sees the difference first. For changes to a part use apply_diff.",
    parameters: object({ path: PATH, content: { type: "string" } }, ["path", "content"]),
    kind: "write",
  },
  {
    name: "apply_diff",
    description:
      "Changes parts of a file that has been read before. Each old_text must be in it exactly once, with its whitespace. The user sees the difference first.",
    parameters: object(
      {
        path: PATH,
        edits: {
          type: "array",
          minItems: 1,
          items: object({ old_text: { type: "string" }, new_text: { type: "string" } }, [
            "old_text",
            "new_text",
          ]),
        },
      },
      ["path", "edits"],
    ),
    kind: "write",
  },
  {
    name: "create_directory",
    description: "Makes a folder, with those above it.",
    parameters: object({ path: PATH }, ["path"]),
    kind: "write",
  },
  {
    name: "execute_command",
    description:
      "Runs a command in a terminal that the user sees, in the workspace folder, and gives its output and exit code. Each gets a new shell; what it leaves in the background ends with the next command. Nobody answers what it asks, and editors leave files as they are.",
    parameters: object(
      {
        command: { type: "string" },
        folder: { ...PATH, description: "Where it runs, if not in the workspace folder" },
        timeout_seconds: {
          type: "integer",
          description: "Then it is interrupted; 120, at most 1800",
        },
      },
      ["command"],
    ),
    kind: "execute",
  },
] as const satisfies readonly OfferedTool[];

export type EditorToolName = (typeof EDITOR_TOOLS)[number]["name"];

export function isEditorTool(name: string): name is EditorToolName {
  return EDITOR_TOOLS.some((tool) => tool.name === name);
}

/** Reading needs no word; all else asks. */
const DEFAULT_RULES: Readonly<Record<OfferedTool["kind"], ToolRule>> = {
  read: "allow",
  write: "ask",
  execute: "ask",
  other: "ask",
};

const isRule = (value: unknown): value is ToolRule =>
  value === "allow" || value === "ask" || value === "deny";

/**
 * A tool's rule: the user's, by the name that models are told or by its own, else its kind's.
 * What is not understood asks.
 */
export function ruleOf(
  tool: Pick<OfferedTool, "name" | "kind">,
  rules: unknown,
  ownName: string = tool.name,
): ToolRule {
  if (typeof rules !== "object" || rules === null) return DEFAULT_RULES[tool.kind];
  const named = [tool.name, ownName].find((name) => Object.hasOwn(rules, name));
  if (named === undefined) return DEFAULT_RULES[tool.kind];
  const rule: unknown = (rules as Record<string, unknown>)[named];
  return isRule(rule) ? rule : "ask";
}

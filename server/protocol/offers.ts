// What a client brings along with a message: the tools it can run and the
// agents its user has written.
import * as z from "zod/mini";
import { AgentType, ForeignId, ModelId, Text } from "./fields.ts";

/** What a tool does to the world; agents and approvals go by it. */
export const TOOL_KINDS = ["read", "write", "execute", "other"] as const;
export type ToolKind = (typeof TOOL_KINDS)[number];

/** Whether a call runs at once, waits for a person, or is refused. */
const TOOL_RULES = ["allow", "ask", "deny"] as const;
export type ToolRule = (typeof TOOL_RULES)[number];

/** Names of the companion's own tools; a client's tool may not pass for one. */
export const RESERVED_NAMES: readonly string[] = ["switch_agent", "create_plan"];

/** An agent of the user's own of one of these types is not looked at. */
export const BUILT_IN_AGENTS: readonly string[] = [
  "universal",
  "orchestrator",
  "coder",
  "architect",
  "debug",
  "ask",
];

/** Of a tool's arguments, as JSON. */
const MAX_PARAMETERS_CHARS = 50_000;

export const ToolName = z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/));

/** A tool that the sending client can run. No `rule` means ask. */
export const OfferedTool = z.strictObject({
  name: ToolName,
  description: Text.check(z.maxLength(10_000)),
  /** JSON Schema of the arguments: an object. */
  parameters: z.record(z.string(), z.unknown()).check(
    z.refine((schema) => JSON.stringify(schema).length <= MAX_PARAMETERS_CHARS, {
      error: "is too large",
    }),
  ),
  kind: z.enum(TOOL_KINDS),
  rule: z.optional(z.enum(TOOL_RULES)),
});
export type OfferedTool = z.infer<typeof OfferedTool>;

/** A tool of the companion itself. It is offered to a model only where a client asks for it. */
export const CompanionTool = z.strictObject({
  name: z.enum(["fetch_page"]),
  rule: z.optional(z.enum(TOOL_RULES)),
});
export type CompanionTool = z.infer<typeof CompanionTool>;

/**
 * An agent of the user's own. `tools` names tools or kinds of tools; without
 * it the agent may use all.
 */
export const OfferedAgent = z.strictObject({
  type: AgentType,
  name: Text.check(z.trim(), z.minLength(1), z.maxLength(100)),
  description: Text.check(z.maxLength(1_000)),
  prompt: Text.check(z.maxLength(50_000)),
  tools: z.optional(z.array(ToolName).check(z.maxLength(200))),
  /** A glob: the files that its tools of the kind `write` may touch. */
  file_pattern: z.optional(Text.check(z.minLength(1), z.maxLength(300))),
  model: z.optional(ModelId),
});
export type OfferedAgent = z.infer<typeof OfferedAgent>;

const Word = Text.check(z.trim(), z.minLength(1), z.maxLength(255));

/**
 * Where the sending client's tools work; models are told. Names only: no paths,
 * which would tell of the user.
 */
export const Environment = z.strictObject({
  os: z.enum(["Linux", "macOS", "Windows"]),
  /** The program that runs commands: `bash`, `pwsh`. */
  shell: z.optional(Word),
  /** The workspace's folders; relative paths begin in the first, or in the one they name. */
  folders: z.array(Word).check(z.minLength(1), z.maxLength(50)),
});
export type Environment = z.infer<typeof Environment>;

const unique = (names: readonly string[]): boolean => new Set(names).size === names.length;

export const OfferedTools = z.array(OfferedTool).check(
  z.maxLength(128),
  z.refine((tools) => unique(tools.map(({ name }) => name)), { error: "has a name twice" }),
  z.refine((tools) => tools.every(({ name }) => !RESERVED_NAMES.includes(name)), {
    error: `has a reserved name (${RESERVED_NAMES.join(", ")})`,
  }),
);
export const CompanionTools = z.array(CompanionTool).check(z.maxLength(10));
export const OfferedAgents = z.array(OfferedAgent).check(
  z.maxLength(32),
  z.refine((agents) => unique(agents.map(({ type }) => type)), { error: "has a type twice" }),
);

/**
 * A window of an editor, or whatever else runs tools: chosen by the client, the
 * same as long as it lives.
 */
export const ClientId = ForeignId;
export const Workspace = Text.check(z.maxLength(2_000));

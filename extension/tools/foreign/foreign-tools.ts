// Which of the tools that are not ours models are told of, and under which names.
// Knows nothing of VS Code.

import { createHash } from "node:crypto";
import { faultOf } from "../../../server/protocol/fields.ts";
import { OfferedTool, RESERVED_NAMES, ToolName } from "../../../server/protocol/offers.ts";
import { isRecord } from "../../../server/shared/json.ts";
import { isEditorTool } from "../definitions.ts";

/**
 * VS Code's own that mean something in its own chat only: they fail, or ask
 * or show something there.
 */
const FOR_ITS_CHAT =
  /^vscode_\w+_internal$|^vscode_get_\w*confirmation|^(?:inline_chat_exit|manage_todo_list|runSubagent|task_complete|vscode_askQuestions|vscode_reviewPlan)$/;

/** VS Code's own that run commands: `execute_command` does, and a rule that denies it must hold. */
const RUNS_COMMANDS = /^(?:run_in_terminal|send_to_terminal|run_task|create_and_run_task)$/;

/**
 * Characters of all of them as JSON: a model reads it with every message, and the companion
 * takes no message over 1 MiB.
 */
const MAX_CHARS = 200_000;

/** As VS Code lists it. */
export interface ListedTool {
  name: string;
  description: string;
  inputSchema: unknown;
}

export interface ForeignTool {
  tool: OfferedTool;
  /** As VS Code knows it. */
  ownName: string;
}

/** All that can be offered beside our own, at most `room`, each under a name of its own. */
export function foreignTools(
  listed: readonly ListedTool[],
  room: number,
  log: { warn(message: string): void },
): ForeignTool[] {
  const found = new Map<string, ForeignTool>();
  let left = MAX_CHARS;
  for (const { name: ownName, description, inputSchema } of listed) {
    if (FOR_ITS_CHAT.test(ownName) || RUNS_COMMANDS.test(ownName)) continue;
    const name = nameForModels(ownName);
    const tool = OfferedTool.safeParse({
      name,
      description: description.slice(0, 10_000).toWellFormed(),
      parameters: isRecord(inputSchema) ? inputSchema : { type: "object", properties: {} },
      kind: "other",
    });
    const chars = JSON.stringify(tool.data ?? "").length;
    const problem =
      (isEditorTool(name) || RESERVED_NAMES.includes(name) ? "the name is taken" : undefined) ??
      (tool.error && faultOf(tool.error, "tool")) ??
      (found.size >= room || chars > left ? "there are too many" : undefined);
    // One that cannot be offered must not keep the others, and the message, back.
    if (problem !== undefined) log.warn(`${ownName} is not offered to models: ${problem}`);
    else if (tool.data) {
      found.set(name, { tool: tool.data, ownName });
      left -= chars;
    }
  }
  return [...found.values()];
}

/** The tool's own, or one made of it that models take; always the same, and no other tool's. */
export function nameForModels(ownName: string): string {
  if (ToolName.safeParse(ownName).success) return ownName;
  const plain = ownName.replaceAll(/[^\w-]/g, "_").slice(0, 54);
  const hash = createHash("sha256").update(ownName).digest("hex").slice(0, 8);
  return `_${plain}_${hash}`;
}

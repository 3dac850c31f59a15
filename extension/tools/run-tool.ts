// One call of a tool, run in this window. A bundle of its own, loaded with the first call: its
// errors are of its own classes, too, so what others must tell apart is said in results.
import type { ChangedFile, CommandChanges } from "../../server/protocol/changes.ts";
import type { PendingCall } from "../../server/protocol/responses.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { isEditorTool } from "./definitions.ts";
import { changeFile, createDirectory, type FileTools, readFile } from "./files/files.ts";
import { listFiles } from "./files/lists.ts";
import { searchInCode } from "./files/search.ts";
import type { SeenFiles } from "./files/seen-files.ts";
import { invokeForeign } from "./foreign/editor-tools.ts";
import { ToolError, type WorkspaceRoots } from "./paths.ts";
import { getProblems } from "./problems.ts";
import { executeCommand } from "./terminal/terminal.ts";

export { tryChange } from "./files/files.ts";
export { toProposedChange } from "./files/proposed-change.ts";

export interface RunDeps {
  roots(): WorkspaceRoots;
  seen: SeenFiles;
  checkpoints: Checkpoints;
}

/** What the model gets to read, and what has become of files. */
export interface ToolOutcome {
  result: string;
  changed?: ChangedFile;
  changed_by_command?: CommandChanges;
}

/** Resolves with what the model gets to read; rejects with the reason why there is nothing. */
export async function runTool(
  { roots: groundNow, seen, checkpoints }: RunDeps,
  call: PendingCall,
  sessionId: string,
  signal: AbortSignal,
  onOutput: (data: string) => void,
): Promise<ToolOutcome> {
  const { turn_id } = call;
  const roots = groundNow();
  const files: FileTools = {
    roots,
    sessionId,
    seen,
    keepBefore: (path) => checkpoints.keep(sessionId, turn_id, path),
    async keepAfter(written) {
      const kept = await checkpoints.keepAfter(sessionId, turn_id, written);
      if (!kept) throw new ToolError("There is no checkpoint of it.");
      return kept.before === null ? null : Buffer.from(kept.before, "base64");
    },
  };
  const outcome = await run(files, call, signal, onOutput);
  return typeof outcome === "string" ? { result: outcome } : outcome;
}

async function run(
  files: FileTools,
  { tool_name: name, arguments: args, kind }: PendingCall,
  signal: AbortSignal,
  onOutput: (data: string) => void,
): Promise<string | ToolOutcome> {
  const { roots } = files;
  if (!isEditorTool(name)) {
    if (kind === undefined) throw new ToolError(`There is no tool ${name}.`);
    return await invokeForeign(name, args, signal);
  }
  switch (name) {
    case "read_file":
      return await readFile(files, args);
    case "list_files":
      return await listFiles(roots, args, signal);
    case "search_in_code":
      return await searchInCode(roots, args, signal);
    case "get_problems":
      return await getProblems(roots, args);
    case "write_file":
    case "apply_diff":
      return await changeFile(files, name, args);
    case "create_directory":
      return await createDirectory(files, args);
    case "execute_command": {
      const { watchFiles } = await import("./terminal/command-changes.ts");
      const changesSince = await watchFiles(roots);
      const result = await executeCommand(roots, args, signal, onOutput);
      const changed_by_command = await changesSince();
      return changed_by_command ? { result, changed_by_command } : { result };
    }
  }
}

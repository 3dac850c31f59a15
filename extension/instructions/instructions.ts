// What this window tells a model of people's instructions, with a message: a bundle of its own, loaded with the first.
import * as vscode from "vscode";
import type { OfferedInstruction } from "../../server/protocol/instructions.ts";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type { WorkspaceRoots } from "../tools/files/paths.ts";
import { readInstructions } from "./read-instructions.ts";

export interface InstructionDeps {
  roots(): WorkspaceRoots;
  /** A person's own, as set. */
  own: string;
  /** Whether those of the workspace are wanted. */
  isEnabled: boolean;
  canRead: boolean;
  log: { warn(message: string): void };
}

const MAX_FILES = 100;
const MAX_NESTED = 100;
/** A message does not wait longer to hear of files that it is not about. */
const PATIENCE_MS = 300;
const FOUND_LASTS_MS = 10_000;

let nested: { at: number; found: Thenable<string[]>; last: string[] } | undefined;
const warned = new Set<string>();

export async function takeInstructions(
  deps: InstructionDeps,
  context: readonly ContextItem[],
): Promise<OfferedInstruction[]> {
  // Words of a workspace that nobody trusts could order anything.
  const isWanted = vscode.workspace.isTrusted && deps.isEnabled;
  const told = await readInstructions({
    workspace: isWanted ? deps.roots() : undefined,
    files: filesAbout(context),
    nested: isWanted && deps.canRead ? await findNested() : [],
    own: deps.own,
    listName: deps.canRead ? vscode.l10n.t("More, to be read when needed") : undefined,
  });
  for (const { name, notes = [] } of told) {
    for (const { code, detail = "" } of notes) {
      const problem = `Instructions ${name}: ${code} ${detail}`.trim();
      if (!warned.has(problem)) deps.log.warn(problem);
      warned.add(problem);
    }
  }
  return told;
}

/** What goes with the message, and what is open. */
function filesAbout(context: readonly ContextItem[]): string[] {
  const sent = context.flatMap(({ uri }) => (uri === undefined ? [] : [vscode.Uri.parse(uri)]));
  const open = vscode.window.tabGroups.all
    .flatMap(({ tabs }) => tabs)
    .flatMap(({ input }) => uriOf(input) ?? []);
  const paths = [...sent, ...open]
    .filter(({ scheme }) => scheme === "file" || scheme === "vscode-remote")
    .map(({ path }) => vscode.Uri.file(path).fsPath);
  return [...new Set(paths)].slice(0, MAX_FILES);
}

function uriOf(input: unknown): vscode.Uri | undefined {
  if (input instanceof vscode.TabInputText || input instanceof vscode.TabInputNotebook) {
    return input.uri;
  }
  return input instanceof vscode.TabInputTextDiff ? input.modified : undefined;
}

async function findNested(): Promise<string[]> {
  if (!nested || performance.now() - nested.at > FOUND_LASTS_MS) {
    const found = vscode.workspace
      .findFiles("**/{AGENTS,CLAUDE}.md", "**/node_modules/**", MAX_NESTED)
      .then((uris) => uris.map(({ fsPath }) => fsPath).toSorted());
    nested = { at: performance.now(), found, last: nested?.last ?? [] };
  }
  const { found, last } = nested;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => resolve(last), PATIENCE_MS);
  });
  try {
    const paths = await Promise.race([found, late]);
    nested.last = paths;
    return paths;
  } catch {
    return last;
  } finally {
    clearTimeout(timer);
  }
}

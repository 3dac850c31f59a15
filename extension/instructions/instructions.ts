// What this window tells a model of people's instructions, with a message: a bundle of its
// own, loaded with the first.
import * as vscode from "vscode";
import type { OfferedInstruction } from "../../server/protocol/instructions.ts";
import type { ClientMessage, ContextItem } from "../../server/protocol/requests.ts";
import type { Mention } from "../../webview/messages.ts";
import { Problem } from "../problem.ts";
import type { WorkspaceRoots } from "../tools/paths.ts";
import { BUILT_IN, type BuiltIn } from "./built-in-prompts.ts";
import {
  commandIn,
  fillPrompt,
  findPrompts,
  givenInputs,
  inputsOf,
  isSame,
  type Prompt,
} from "./prompts.ts";
import { readInstructions } from "./read-instructions.ts";

export { ownAgents } from "./agents.ts";

export interface InstructionDeps {
  roots(): WorkspaceRoots;
  /** A person's own, as set. */
  own: string;
  /** Whether those of the workspace are wanted. */
  isEnabled: boolean;
  canRead: boolean;
  log: { warn(message: string): void };
}

/** Of built-in prompts. */
const DESCRIPTIONS: Record<string, () => string> = {
  explain: () => vscode.l10n.t("Explain the code"),
  fix: () => vscode.l10n.t("Find what is wrong in the code, and mend it"),
  tests: () => vscode.l10n.t("Write tests for the code"),
  commit: () => vscode.l10n.t("Write a message for the changes that are not committed"),
};

const MAX_FILES = 100;
const MAX_NESTED = 100;
/** A message waits no longer to hear of files that it is not about, the first one longer. */
const FIRST_PATIENCE_MS = 2_000;
const PATIENCE_MS = 150;
const FOUND_LASTS_MS = 10_000;

let nested: { at: number; found: Thenable<string[]>; last: string[] | undefined } | undefined;
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
    nested = { at: performance.now(), found, last: nested?.last };
  }
  const { found, last } = nested;
  let timer: NodeJS.Timeout | undefined;
  const patience = last ? PATIENCE_MS : FIRST_PATIENCE_MS;
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => resolve(last ?? []), patience);
  });
  try {
    const paths = await Promise.race([found, late]);
    nested.last = paths;
    return paths;
  } catch {
    return last ?? [];
  } finally {
    clearTimeout(timer);
  }
}

type UserMessage = Extract<ClientMessage, { type: "user_message" }>;

const MAX_FILLED = 50;
/** By the ids of their requests: one whose answer was lost is sent again, as it was. */
const filledIn = new Map<string, Promise<ClientMessage>>();

export interface PromptDeps {
  roots(): WorkspaceRoots;
  /** A folder of a person's own. */
  own: string;
  log: { warn(message: string): void };
}

/** What `/` lists beside agents. */
export async function listPrompts(deps: PromptDeps): Promise<Mention[]> {
  const prompts = await allPrompts(deps);
  return prompts.map(({ name, description }) => ({
    kind: "prompt",
    name: name.slice(0, 2_000),
    detail: description.slice(0, 300),
  }));
}

/**
 * The message, and with it the prompt that its first word names, filled in: kept as a piece of
 * context, so that it is stored, can be looked at, and what was typed stays as it was. Rejects
 * where a person did not give what it asks for.
 */
export async function withPrompt(
  deps: PromptDeps,
  message: UserMessage,
  requestId: string,
): Promise<ClientMessage> {
  const known = filledIn.get(requestId);
  if (known) return await known;
  const filling = fillIn(deps, message);
  if (requestId === "") return await filling;
  filledIn.set(requestId, filling);
  // Not given what it asks for: it may be, the next time.
  filling.catch(() => filledIn.delete(requestId));
  const [oldest] = filledIn.keys();
  if (filledIn.size > MAX_FILLED && oldest !== undefined) filledIn.delete(oldest);
  return await filling;
}

async function fillIn(deps: PromptDeps, message: UserMessage): Promise<ClientMessage> {
  const command = commandIn(message.content);
  const prompts = command ? await allPrompts(deps) : [];
  const prompt = prompts.find(({ name }) => isSame(name, command?.name ?? ""));
  // All else that begins with a slash is text.
  if (!command || !prompt) return message;
  const label = `/${prompt.name}`;
  // Sent again: what it said then may have changed since.
  const given = (message.context ?? []).filter((one) => one.type !== "text" || one.label !== label);
  const inputs = await askFor(prompt, command.args);
  const own = given.length === 0 ? await contextFor(deps, prompt) : [];
  const filled = fillPrompt(prompt.body, command.args, inputs);
  const content = `The message ${label} stands for this prompt:\n\n${filled}`;
  return { ...message, context: [...given, ...own, { type: "text", label, content }] };
}

async function allPrompts({ roots, own, log }: PromptDeps): Promise<(Prompt & BuiltIn)[]> {
  const workspace = vscode.workspace.isTrusted ? roots() : undefined;
  const { prompts, skipped } = await findPrompts(workspace, own);
  for (const { file, reason } of skipped) {
    const problem = `${file} is no prompt: ${reason}`;
    if (!warned.has(problem)) log.warn(problem);
    warned.add(problem);
  }
  const built = BUILT_IN.filter(({ name }) => !prompts.some((one) => isSame(one.name, name)));
  return [
    ...prompts.map((prompt) => ({ ...prompt, needs: [] })),
    ...built.map((prompt) => ({ ...prompt, description: DESCRIPTIONS[prompt.name]?.() ?? "" })),
  ];
}

async function askFor(prompt: Prompt, args: string): Promise<Map<string, string>> {
  const inputs = inputsOf(prompt.body);
  const given = givenInputs(inputs, args);
  for (const { id, hint } of inputs) {
    if (given.has(id)) continue;
    const value = await vscode.window.showInputBox({
      title: `/${prompt.name}`,
      prompt: id,
      placeHolder: hint,
      ignoreFocusOut: true,
    });
    if (value === undefined) {
      throw Problem.answered(
        "invalid_request",
        vscode.l10n.t("/{0} asks for {1}. Nothing was sent.", prompt.name, id),
        undefined,
      );
    }
    given.set(id, value);
  }
  return given;
}

/** What a built-in prompt is about, where a person has added nothing. */
async function contextFor(deps: PromptDeps, { needs }: BuiltIn): Promise<ContextItem[]> {
  if (needs.length === 0) return [];
  const { quietContext } = await import("../context/mentions.ts");
  return await quietContext(deps.roots(), needs);
}

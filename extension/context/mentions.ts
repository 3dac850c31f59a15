// What can go with a message: found for the page, and read, as the editor has
// it now, when it is chosen.
import { stat } from "node:fs/promises";
import { posix } from "node:path";
import * as vscode from "vscode";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type { FoundKind, Mention, MentionKind } from "../../webview/messages.ts";
import { cut, toStorable } from "../tools/bounds.ts";
import { textOf } from "../tools/files/file-text.ts";
import { workspaceFolders } from "../tools/files/files.ts";
import { isInside, nameOf, resolveInside, type WorkspaceRoots } from "../tools/paths.ts";
import { getProblems } from "../tools/problems.ts";
import { selectionContext } from "./editor-context.ts";
import { rank } from "./rank.ts";
import { terminalText } from "./terminal-text.ts";

export { openFile } from "./open-file.ts";

const MAX_FOUND = 20;
const MAX_FILES = 20_000;
const FILES_LAST_MS = 10_000;
/** In characters: a person chose the file, and wants more of it than a model that looks around. */
const MAX_FILE = 100_000;

let listed: { at: number; files: Thenable<vscode.Uri[]> } | undefined;

const loadProject = async () => await import("./project-context.ts");

/** What of the workspace, its languages or its git fits what was typed. */
export async function findMentions(
  kind: Exclude<FoundKind, "prompt">,
  typed: string,
): Promise<Mention[]> {
  switch (kind) {
    case "symbol":
      return await findSymbols(typed);
    case "commit":
      return await (await loadProject()).findCommits(workspaceFolders(), typed);
    case "folder":
      return (await loadProject()).findFolders(
        workspaceFolders(),
        await listFiles(),
        typed.toLowerCase(),
      );
    default:
      return await findFiles(typed.toLowerCase());
  }
}

async function listFiles(): Promise<vscode.Uri[]> {
  if (!listed || performance.now() - listed.at > FILES_LAST_MS) {
    const excluded = vscode.workspace.getConfiguration("search").get<object>("exclude", {});
    const globs = Object.entries(excluded).flatMap(([glob, on]) => (on === true ? [glob] : []));
    const files = vscode.workspace.findFiles("**", `{${globs.join()}}`, MAX_FILES);
    listed = { at: performance.now(), files };
  }
  return await listed.files;
}

async function findFiles(typed: string): Promise<Mention[]> {
  const folders = workspaceFolders();
  const open = vscode.workspace.textDocuments.map(({ uri }) => String(uri));
  return (await listFiles())
    .map((uri) => {
      const name = nameOf(folders, uri.fsPath);
      const isOpen = typed === "" && open.includes(String(uri));
      return { name, uri: String(uri), rank: isOpen ? -1 : rank(name, typed) };
    })
    .filter((file) => file.rank < Infinity)
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, MAX_FOUND)
    .map(({ name, uri }) => ({ kind: "file", name, uri }));
}

async function findSymbols(typed: string): Promise<Mention[]> {
  const found = await vscode.commands.executeCommand<vscode.SymbolInformation[] | undefined>(
    "vscode.executeWorkspaceSymbolProvider",
    typed,
  );
  const folders = workspaceFolders();
  return (found ?? [])
    .filter(({ location: { uri } }) => folders.some(({ path }) => isInside(path, uri.fsPath)))
    .slice(0, MAX_FOUND)
    .map(({ name, location: { uri, range } }) => ({
      kind: "symbol",
      name,
      uri: String(uri),
      line: range.start.line,
    }));
}

/** Reads what was chosen; what cannot be read is told to the user and left out. */
export async function takeContext(
  roots: WorkspaceRoots,
  mentions: readonly Mention[],
): Promise<ContextItem[]> {
  const taken = await Promise.all(
    mentions.map(async (mention) => {
      try {
        const item = await read(roots, mention);
        return { ...item, label: item.label.slice(0, 500), content: toStorable(item.content) };
      } catch {
        return mention;
      }
    }),
  );
  const refused = taken.filter((one) => "kind" in one);
  // Many pictures are one warning.
  const warnings = Object.values(Object.groupBy(refused, refusalKind));
  for (const mentions of warnings) {
    if (mentions) void vscode.window.showWarningMessage(refusal(mentions));
  }
  return taken.filter((one) => "type" in one);
}

/**
 * Of these what there is, for a prompt that is about them; without a
 * selection the file that is seen.
 */
export async function quietContext(
  roots: WorkspaceRoots,
  kinds: readonly MentionKind[],
): Promise<ContextItem[]> {
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  const uri = (activeTextEditor ?? visibleTextEditors[0])?.document.uri;
  const items = await Promise.all(
    kinds.map(async (kind) => {
      const shown: Mention[] =
        kind === "selection" && uri ? [{ kind: "file", uri: String(uri) }] : [];
      for (const mention of [{ kind }, ...shown]) {
        const item = await read(roots, mention).catch(() => undefined);
        if (item) return [{ ...item, content: toStorable(item.content) }];
      }
      return [];
    }),
  );
  return items.flat();
}

const MAX_NAMED = 3;

const refusalKind = ({ kind }: Mention): string =>
  kind === "symbol" || kind === "folder" ? "file" : kind;

function refusal(mentions: readonly Mention[]): string {
  const names = mentions.slice(0, MAX_NAMED).map(({ kind, name, uri }) => {
    return name ?? (uri === undefined ? kind : posix.basename(vscode.Uri.parse(uri).path));
  });
  const more = mentions.length - names.length;
  switch (mentions[0]?.kind) {
    case "selection":
      return vscode.l10n.t("Select some text first.");
    case "terminal":
      return vscode.l10n.t("There is no terminal with text in it.");
    case "git":
      return vscode.l10n.t(
        "Git tells of no changes here: it needs a trusted folder in a repository.",
      );
    case "commit":
      return vscode.l10n.t(
        "Git tells of no such commit here: it needs a trusted folder in a repository.",
      );
    default:
      return vscode.l10n.t(
        "{0} was not added: only folders of the workspace and its text files, up to 5 MB, can be.",
        names.join(", ") + (more > 0 ? ` +${more}` : ""),
      );
  }
}

async function read(roots: WorkspaceRoots, mention: Mention): Promise<ContextItem> {
  const { kind } = mention;
  if (kind === "prompt") throw new TypeError(kind);
  const whole = async (text: string | Promise<string | undefined>): Promise<ContextItem> => ({
    type: kind,
    label: `@${kind}`,
    content: cut(needed((await text) || undefined)),
  });
  switch (kind) {
    case "selection":
      return needed(selectionContext());
    case "problems":
      return await whole(getProblems(roots, {}));
    case "terminal":
      return await whole(terminalText());
    case "git":
      return await whole((await loadProject()).gitChanges(roots));
    case "commit":
      return await (await loadProject()).readCommit(roots, mention.name);
    default:
      return await readPlace(roots, mention);
  }
}

/** A file, a part of it, or a folder, whichever is there. */
async function readPlace(
  roots: WorkspaceRoots,
  { uri, line, name }: Omit<Mention, "kind">,
): Promise<ContextItem> {
  // In a remote window the page is told addresses of the remote machine, which is where this runs.
  const { path, scheme } = vscode.Uri.parse(needed(uri));
  if (scheme === "untitled") return untitled(needed(uri));
  if (scheme !== "file" && scheme !== "vscode-remote") throw new TypeError(scheme);
  const file = vscode.Uri.file(await resolveInside(roots, vscode.Uri.file(path).fsPath));
  const found = await stat(file.fsPath).catch(() => undefined);
  if (found?.isDirectory()) {
    return await (await loadProject()).readFolder(roots, file.fsPath);
  }
  const text = cellsOf(file) ?? needed(await textOf(file.fsPath));
  const label = nameOf(roots.folders, file.fsPath);
  const place = String(file).slice(0, 2000);
  if (line === undefined) {
    return { type: "file", uri: place, label, content: cut(text, MAX_FILE) };
  }
  const [first, last] = await linesOf(file, line);
  const content = text
    .split("\n")
    .slice(first, last + 1)
    .join("\n");
  const lines = `${label}:${first + 1}-${last + 1}`;
  return {
    type: "symbol",
    uri: place,
    label: `${name ?? "symbol"} (${lines})`,
    content: cut(content),
  };
}

/** What has no file yet is a person's own, wherever it may be saved. */
function untitled(uri: string): ContextItem {
  const document = needed(vscode.workspace.textDocuments.find((one) => String(one.uri) === uri));
  const label = posix.basename(document.uri.path);
  return {
    type: "file",
    label,
    uri: uri.slice(0, 2000),
    content: cut(document.getText(), MAX_FILE),
  };
}

/**
 * Of a notebook that is open, what is written in it, saved or not; its file is
 * more of markup and pictures.
 */
function cellsOf(file: vscode.Uri): string | undefined {
  const notebook = vscode.workspace.notebookDocuments.find(({ uri }) => uri.fsPath === file.fsPath);
  return notebook
    ?.getCells()
    .map(({ document }) => `# %% [${document.languageId}]\n${document.getText()}\n`)
    .join("\n");
}

/**
 * All of the symbol whose name stands in `line`; of one that its language does
 * not know better, that line.
 */
async function linesOf(file: vscode.Uri, line: number): Promise<[first: number, last: number]> {
  let symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>(
    "vscode.executeDocumentSymbolProvider",
    file,
  );
  for (let found: vscode.Range | undefined; ; ) {
    const inner = symbols?.find(({ range }) => range?.contains(new vscode.Position(line, 0)));
    if (!inner) return [found?.start.line ?? line, found?.end.line ?? line];
    found = inner.range;
    if (inner.selectionRange.start.line === line) return [found.start.line, found.end.line];
    symbols = inner.children;
  }
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError("there is nothing");
  return value;
}

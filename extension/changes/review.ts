// What a turn has changed, in VS Code's own diff: on the left what the file was before the turn,
// with what was kept since; on the right the file. What is to be decided is always read anew.
import { basename } from "node:path";
import * as vscode from "vscode";
import { KEPT } from "../ids.ts";
import { toText } from "../tools/files/file-text.ts";
import { withoutStrays } from "../tools/files/utf8.ts";
import { type Hunk, type Place, placesOf, withHunks } from "./hunks.ts";
import {
  type ChangesApp,
  hunksDecided,
  openHunks,
  type TurnFile,
  type TurnRef,
  turnFiles,
} from "./turn-files.ts";
import { readNow } from "./undo-changes.ts";

interface FileRef extends TurnRef {
  name: string;
  /** As it was before the turn, whatever was kept since. */
  isRaw: boolean;
}

/** Whether an editor shows what is to be decided; its commands are offered then. */
const REVIEWING = "streamkeeper.reviewing";

export interface Review {
  /** Shows one file of a turn. */
  show(file: TurnFile): Promise<void>;
  /** Shows files as they were before turns, against what they are now. */
  compare(files: readonly TurnFile[], title: string): Promise<void>;
  read(uri: vscode.Uri, onChange: () => void): Promise<Uint8Array>;
  /** What the editor in front shows of a turn. */
  fileInFront(): Promise<TurnFile | undefined>;
  /** Of what is to be decided, what the cursor is at. */
  hunksAtCursor(file: TurnFile): Promise<Hunk[]>;
  /** Something was decided, or a file was changed. */
  renew(): void;
}

export function createReview(app: ChangesApp, subscriptions: vscode.Disposable[]): Review {
  /** Files that were looked at in an editor of their own, by path. */
  const looked = new Map<string, FileRef>();
  const readers = new Map<string, () => void>();
  const lenses = new vscode.EventEmitter<void>();

  const find = async (ref: FileRef): Promise<TurnFile | undefined> => {
    const { files } = await turnFiles(app, ref);
    return files.find(({ name }) => name === ref.name);
  };
  const refInFront = (): FileRef | undefined => {
    const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
    if (input instanceof vscode.TabInputTextDiff) return refOf(input.original);
    const path = vscode.window.activeTextEditor?.document.uri.fsPath;
    return path === undefined ? undefined : looked.get(path);
  };
  const tellFront = (): void => {
    const isReviewing = refInFront() !== undefined;
    void vscode.commands.executeCommand("setContext", REVIEWING, isReviewing);
  };
  subscriptions.push(
    lenses,
    vscode.window.tabGroups.onDidChangeTabs(tellFront),
    vscode.window.tabGroups.onDidChangeTabGroups(tellFront),
    vscode.window.onDidChangeActiveTextEditor(tellFront),
    vscode.languages.registerCodeLensProvider(
      { scheme: "file" },
      {
        onDidChangeCodeLenses: lenses.event,
        async provideCodeLenses({ uri, isDirty }) {
          const ref = looked.get(uri.fsPath);
          const file = ref && !isDirty ? await find(ref) : undefined;
          return file ? lensesOf(await openPlaces(file)) : [];
        },
      },
    ),
  );
  tellFront();

  return {
    async show(file) {
      looked.set(file.path, { ...file, isRaw: false });
      const title = vscode.l10n.t("{0} (what the turn changed)", basename(file.path));
      const [left, right] = [keptUri(file, false), await rightSide(file)];
      await vscode.commands.executeCommand("vscode.diff", left, right, title, { preview: true });
      lenses.fire();
      tellFront();
    },
    async compare(files, title) {
      const sides = await Promise.all(
        files.map(async (file) => [
          vscode.Uri.file(file.path),
          keptUri(file, true),
          await rightSide(file),
        ]),
      );
      await vscode.commands.executeCommand("vscode.changes", title, sides);
    },
    async read(uri, onChange) {
      if (uri.query === "") return new Uint8Array();
      const ref = refOf(uri);
      const file = ref && (await find(ref));
      if (!ref || !file) throw vscode.FileSystemError.FileNotFound(uri);
      readers.set(uri.toString(), onChange);
      const { before, after } = file.texts;
      const kept = ref.isRaw ? [] : hunksDecided(file, "keep");
      // With a mark, so that it is read as UTF-8 whatever `files.encoding` says.
      return Buffer.from(`\ufeff${withoutStrays(withHunks(before, after, kept))}`, "utf8");
    },
    async fileInFront() {
      const ref = refInFront();
      return ref && (await find(ref));
    },
    async hunksAtCursor(file) {
      const { activeTextEditor: editor } = vscode.window;
      if (editor?.document.uri.fsPath !== file.path) return [];
      const places = await openPlaces(file);
      return places
        .filter(({ at }) => at && editor.selections.some((one) => touches(one, at)))
        .map(({ hunk }) => hunk);
    },
    renew() {
      for (const onChange of readers.values()) onChange();
      lenses.fire();
    },
  };
}

function keptUri({ path, sessionId, turnId, name }: TurnFile, isRaw: boolean): vscode.Uri {
  const query = new URLSearchParams({ sessionId, turnId, name, ...(isRaw && { raw: "1" }) });
  // The path says the language.
  return vscode.Uri.from({
    scheme: KEPT,
    path: vscode.Uri.file(path).path,
    query: query.toString(),
  });
}

function refOf(uri: vscode.Uri): FileRef | undefined {
  if (uri.scheme !== KEPT) return undefined;
  const query = new URLSearchParams(uri.query);
  const of = (key: string): string => query.get(key) ?? "";
  const isRaw = query.has("raw");
  return { sessionId: of("sessionId"), turnId: of("turnId"), name: of("name"), isRaw };
}

/** A file that is not there any more is an empty one. */
async function rightSide(file: TurnFile): Promise<vscode.Uri> {
  const isThere = (await readNow(file.path)) !== null;
  const uri = vscode.Uri.file(file.path);
  return isThere ? uri : uri.with({ scheme: KEPT, query: "" });
}

async function openPlaces(file: TurnFile): Promise<Place[]> {
  const now = await readNow(file.path);
  if (now === null) return [];
  const { text } = await toText(file.path, now);
  return placesOf(file.texts.before, file.texts.after, text, openHunks(file));
}

function touches({ start, end }: vscode.Range, at: { from: number; to: number }): boolean {
  // Where lines were taken out, the lines around are it.
  const [from, to] = at.from === at.to ? [at.from - 1, at.to] : [at.from, at.to - 1];
  return start.line <= to && end.line >= from;
}

function lensesOf(places: readonly Place[]): vscode.CodeLens[] {
  return places.flatMap(({ at, hunk }) => {
    if (!at) return [];
    const line = Math.max(0, at.from);
    const range = new vscode.Range(line, 0, line, 0);
    const lens = (title: string, command: string): vscode.CodeLens =>
      new vscode.CodeLens(range, { title, command, arguments: [hunk.id] });
    return [
      lens(`$(check) ${vscode.l10n.t("Keep")}`, "streamkeeper.keepChange"),
      lens(`$(discard) ${vscode.l10n.t("Undo")}`, "streamkeeper.undoChange"),
    ];
  });
}

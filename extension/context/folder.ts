// A folder as context: what is in it, by name, and as much of its files as there is room for.
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type { Mention } from "../../webview/messages.ts";
import { textOf } from "../tools/files/file-text.ts";
import { treeLines } from "../tools/files/file-tree.ts";
import { filesBelow, linksBeside } from "../tools/files/files-below.ts";
import { unreadNote } from "../tools/files/ripgrep.ts";
import {
  type Folder,
  isInside,
  nameOf,
  resolveInside,
  ToolError,
  type WorkspaceRoots,
} from "../tools/paths.ts";
import { type LeftOut, leftOutByName, MAX_LINES, MAX_ONE, MAX_TOGETHER } from "./left-out.ts";
import { rank } from "./rank.ts";

const MAX_FOUND = 20;
const LOOK_MS = 20_000;
const GIT = /(?:^|\/)\.git(?:\/|$)/;

/** Folders of these files, and the workspace's own. */
export function findFolders(
  folders: readonly Folder[],
  files: readonly vscode.Uri[],
  typed: string,
): Mention[] {
  const found = new Map(folders.map(({ name, path }) => [path, name]));
  for (const { fsPath } of files) {
    for (let path = dirname(fsPath); !found.has(path); path = dirname(path)) {
      if (!folders.some((one) => isInside(one.path, path))) break;
      found.set(path, nameOf(folders, path));
    }
  }
  return [...found]
    .map(([path, name]) => ({ path, name, rank: rank(name, typed) }))
    .filter((folder) => folder.rank < Infinity)
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, MAX_FOUND)
    .map(({ path, name }) => ({ kind: "folder", name, uri: String(vscode.Uri.file(path)) }));
}

/** Of a folder inside of the workspace. Rejects with a `ToolError` where it cannot be read. */
export async function readFolder(roots: WorkspaceRoots, folder: string): Promise<ContextItem> {
  const found = await filesBelow(folder, AbortSignal.timeout(LOOK_MS));
  const shut = (name: string): boolean =>
    GIT.test(name) || roots.closed.some((one) => isInside(one, join(folder, name)));
  const files = found.files.filter((name) => !shut(name)).toSorted(fromTheTop);
  const links = (await linksBeside(roots, folder, files)).filter((name) => !shut(name));
  const { texts, leftOut } = await readAll(roots, folder, files);
  const { lines, isCut } = treeLines([...files, ...links], MAX_LINES);
  const shown = lines.map((line) => {
    const why = leftOut.get(line) ?? (links.includes(line) ? "a link" : undefined);
    return why === undefined ? line : `${line} [${why}]`;
  });
  const called = calledAs(roots, folder);
  const told = [
    `The folder ${called}: ${count(files.length)}, ${texts.length} of them below as they are now${leftOut.size > 0 ? `, ${leftOut.size} only named, with the reason` : ""}.`,
    "What git or the editor's settings leave out of searches is not here.",
    ...(isCut ? ["Not all names fit: of some folders only the number of files is told."] : []),
    ...(found.isPartial ? ["The list is not complete: it took too long."] : []),
  ];
  const parts = texts.map(({ name, text }) => `===== ${name} =====\n${text}`);
  const head = `${told.join("\n")}${unreadNote(found.unread)}\n\n${shown.join("\n")}`;
  return {
    type: "folder",
    label: leftOut.size === 0 ? `${called}/` : partLabel(called, texts.length, files.length),
    content: [head, ...parts].join("\n\n"),
    uri: String(vscode.Uri.file(folder)).slice(0, 2000),
  };
}

function partLabel(called: string, read: number, all: number): string {
  return vscode.l10n.t("{0}/ ({1} of {2} files)", called, read, all);
}

const count = (files: number): string => `${files} ${files === 1 ? "file" : "files"}`;

function calledAs({ folders }: WorkspaceRoots, folder: string): string {
  const name = nameOf(folders, folder);
  return name === "." ? (folders[0]?.name ?? name) : name;
}

/** The upper ones first: what a folder is about stands there. */
function fromTheTop(one: string, other: string): number {
  return one.split("/").length - other.split("/").length || (one < other ? -1 : 1);
}

interface Read {
  texts: { name: string; text: string }[];
  leftOut: ReadonlyMap<string, LeftOut>;
}

async function readAll(
  roots: WorkspaceRoots,
  folder: string,
  files: readonly string[],
): Promise<Read> {
  const texts: Read["texts"] = [];
  const leftOut = new Map<string, LeftOut>();
  let room = MAX_TOGETHER;
  for (const name of files) {
    const path = join(folder, name);
    const read =
      leftOutByName(nameOf(roots.folders, path)) ?? (await readOne(roots, path, Math.max(room, 0)));
    if (typeof read === "string") leftOut.set(name, read);
    else {
      texts.push({ name, text: read.text });
      room -= read.text.length + name.length;
    }
  }
  return { texts, leftOut };
}

async function readOne(
  roots: WorkspaceRoots,
  path: string,
  room: number,
): Promise<{ text: string } | LeftOut> {
  if (room === 0) return "no room left";
  try {
    const { size } = await stat(await resolveInside(roots, path));
    // Four bytes are one character at least.
    if (size > MAX_ONE * 4) return "too large";
    const text = (await textOf(path)) ?? "";
    if (text.length > MAX_ONE) return "too large";
    return text.length > room ? "no room left" : { text };
  } catch (thrown) {
    if (!(thrown instanceof ToolError)) return "could not be read";
    return /binary|valid utf/.test(thrown.message) ? "no text" : "could not be read";
  }
}

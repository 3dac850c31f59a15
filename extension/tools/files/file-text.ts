// The text of a file and its bytes, in the encoding in which the editor has it or would open
// it. No byte changes that the text does not change: what cannot be read is kept, and what
// cannot be written is refused.
import * as vscode from "vscode";
import { ToolError } from "../paths.ts";
import { shownText } from "./edits.ts";
import {
  betweenStrays,
  decodeAscii,
  decodeUtf8,
  encodePieces,
  encodeUtf8,
  hasStrays,
} from "./utf8.ts";

const MAX_FILE_BYTES = 5_000_000;
/** VS Code looks no further for what is binary or UTF-16 without a mark. */
const LOOKED_AT = 512;
const MAX_TRIES = 400;

const BOMS: Readonly<Record<string, readonly number[]>> = {
  utf8: [0xef, 0xbb, 0xbf],
  utf16le: [0xff, 0xfe],
  utf16be: [0xfe, 0xff],
};

/** How a text becomes bytes. */
export interface Encoding {
  /** As VS Code calls it; `utf8bom` is `utf8` with a mark. */
  name: string;
  mark: Uint8Array;
}

export interface FileText {
  encoding: Encoding;
  /** Without the mark; bytes that are no text in it are half characters (`utf8.ts`). */
  text: string;
}

/** As the editor has it, saved or not; undefined if there is no such file. */
export async function textOf(path: string): Promise<string | undefined> {
  const open = openDocument(path);
  if (open?.isDirty) return shownText(open.getText());
  const file = await readText(path);
  return file && shownText(file.text);
}

/** What is on the disk; undefined if nothing is. */
export async function readText(path: string): Promise<FileText | undefined> {
  const uri = vscode.Uri.file(path);
  let stat: vscode.FileStat;
  try {
    stat = await vscode.workspace.fs.stat(uri);
  } catch {
    return undefined;
  }
  if (stat.type & vscode.FileType.Directory) throw new ToolError("The path is a folder.");
  if (stat.size > MAX_FILE_BYTES) {
    throw new ToolError(`The file is too large to read (${stat.size} bytes). Search in it.`);
  }
  return await toText(path, await vscode.workspace.fs.readFile(uri));
}

/** What these bytes are, or were, as the file at `path`. */
export async function toText(path: string, bytes: Uint8Array): Promise<FileText> {
  const encoding = await encodingOf(vscode.Uri.file(path), bytes);
  const rest = bytes.subarray(encoding.mark.length);
  if (!isWide(encoding) && rest.subarray(0, 8_000).includes(0)) {
    throw new ToolError("The file is binary.");
  }
  return { encoding, text: await decode(encoding, rest) };
}

/** Of a file that is not there yet: as VS Code would make it. */
export function encodingOfNew(path: string): Encoding {
  const name = configured(vscode.Uri.file(path)).get<string>("encoding", "utf8");
  return name === "utf8" ? { name, mark: new Uint8Array() } : marked(name);
}

/**
 * Rejects with a `ToolError` that says what cannot be written. `before` is the text that is there.
 */
export async function toBytes(
  { name, mark }: Encoding,
  text: string,
  before: string,
): Promise<Uint8Array> {
  return Buffer.concat([mark, await encode(name, text, before)]);
}

export function openDocument(path: string): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find(
    ({ uri, isClosed }) => uri.scheme === "file" && uri.fsPath === path && !isClosed,
  );
}

async function encodingOf(uri: vscode.Uri, bytes: Uint8Array): Promise<Encoding> {
  const open = openDocument(uri.fsPath);
  if (open) return withMark(open.encoding, bytes);
  const named = Object.keys(BOMS).find((name) => beginsWith(bytes, BOMS[name] ?? []));
  const name = named ?? wideName(bytes) ?? (await configuredName(uri, bytes));
  return withMark(name, bytes);
}

const configured = (uri: vscode.Uri): vscode.WorkspaceConfiguration =>
  vscode.workspace.getConfiguration("files", uri);

/**
 * Only where VS Code decides by the language or by guessing is the file
 * opened to see what it decides.
 */
async function configuredName(uri: vscode.Uri, bytes: Uint8Array): Promise<string> {
  const files = configured(uri);
  const isGuessed = files.get("autoGuessEncoding") === true;
  const byLanguage = [files.inspect("encoding"), files.inspect("autoGuessEncoding")];
  const isByLanguage = byLanguage.some((one) => (one?.languageIds ?? []).length > 0);
  const isAscii = bytes.every((byte) => byte < 0x80);
  if (isByLanguage || (isGuessed && !isAscii)) {
    try {
      return (await vscode.workspace.openTextDocument(uri)).encoding;
    } catch {
      // It opens as no text; then the setting decides.
    }
  }
  return files.get<string>("encoding", "utf8");
}

/** UTF-16 without a mark: every other byte of text that is mostly ASCII is 0. */
function wideName(bytes: Uint8Array): string | undefined {
  const head = bytes.subarray(0, LOOKED_AT);
  const zeros = [0, 0];
  for (const [index, byte] of head.entries()) if (byte === 0) zeros[index % 2] = 1;
  if (zeros[0] === zeros[1] || bytes.length % 2 === 1) return undefined;
  return zeros[1] === 1 ? "utf16le" : "utf16be";
}

function withMark(name: string, bytes: Uint8Array): Encoding {
  const { name: plain, mark } = marked(name);
  return { name: plain, mark: beginsWith(bytes, mark) ? mark : new Uint8Array() };
}

function marked(name: string): Encoding {
  const plain = name === "utf8bom" ? "utf8" : name;
  return { name: plain, mark: Uint8Array.from(BOMS[plain] ?? []) };
}

function beginsWith(bytes: Uint8Array, start: ArrayLike<number>): boolean {
  return Array.from(start).every((byte, index) => bytes[index] === byte);
}

const isWide = ({ name }: Encoding): boolean => name === "utf16le" || name === "utf16be";

async function decode(encoding: Encoding, bytes: Uint8Array): Promise<string> {
  if (encoding.name === "utf8") return decodeUtf8(bytes);
  if (!isWide(encoding)) return await decodeByEditor(encoding.name, bytes);
  const text = inOrder(encoding.name, bytes).toString("utf16le");
  if (bytes.length % 2 === 1 || !text.isWellFormed()) {
    throw new ToolError(`The file is not valid ${encoding.name}.`);
  }
  return text;
}

async function encode(name: string, text: string, before: string): Promise<Uint8Array> {
  if (name === "utf16le" || name === "utf16be") {
    return inOrder(name, Buffer.from(text, "utf16le"));
  }
  if (name !== "utf8") return await encodeByEditor(name, text, before);
  const foreign = nonAscii(text).filter((char) => !before.includes(char));
  if (foreign.length > 0 && hasStrays(before) && nonAscii(before).length === 0) {
    throw new ToolError(
      `The file is not UTF-8 and its encoding is not known, so that ${listed(foreign)} cannot be put into it. ` +
        "Nothing was written. Use ASCII only, or ask the user to open the file in its encoding.",
    );
  }
  return encodeUtf8(text);
}

function inOrder(name: string, bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  return name === "utf16be" && copy.length % 2 === 0 ? copy.swap16() : copy;
}

/** Line by line, where the whole does not come back as it was: only lines that do are text. */
async function decodeByEditor(name: string, bytes: Uint8Array): Promise<string> {
  const tries = { left: MAX_TRIES };
  const decodeLines = async (lines: readonly Uint8Array[]): Promise<string> => {
    const all = Buffer.concat(lines);
    tries.left -= 1;
    const text = tries.left < 0 ? undefined : await readAndBack(name, all);
    if (text !== undefined) return text;
    if (lines.length < 2 || tries.left < 0) return decodeAscii(all);
    const half = lines.length >> 1;
    return (await decodeLines(lines.slice(0, half))) + (await decodeLines(lines.slice(half)));
  };
  return await decodeLines(byteLines(bytes));
}

async function readAndBack(name: string, bytes: Uint8Array): Promise<string | undefined> {
  if (bytes.length === 0) return "";
  try {
    const text = await vscode.workspace.decode(bytes, { encoding: name });
    const back = await vscode.workspace.encode(text, { encoding: name });
    return text.isWellFormed() && Buffer.compare(back, bytes) === 0 ? text : undefined;
  } catch {
    return undefined;
  }
}

function byteLines(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0x0a, from);
    const to = end < 0 ? bytes.length : end + 1;
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return lines;
}

async function encodeByEditor(name: string, text: string, before: string): Promise<Uint8Array> {
  // Stray bytes stand between pieces; of these only those with more than ASCII need the editor.
  const pieces = new Map<string, Uint8Array>();
  for (const piece of betweenStrays(text)) {
    if (isAscii(piece) || pieces.has(piece)) continue;
    const bytes = await vscode.workspace.encode(piece, { encoding: name });
    const back = await vscode.workspace.decode(bytes, { encoding: name });
    if (back !== piece) throw await unwritable(name, piece, before);
    pieces.set(piece, bytes);
  }
  return encodePieces(text, (piece) => pieces.get(piece) ?? Buffer.from(piece, "latin1"));
}

async function unwritable(name: string, text: string, before: string): Promise<ToolError> {
  const foreign: string[] = [];
  for (const char of nonAscii(text).filter((one) => !before.includes(one))) {
    const bytes = await vscode.workspace.encode(char, { encoding: name });
    if ((await vscode.workspace.decode(bytes, { encoding: name })) !== char) foreign.push(char);
    if (foreign.length === 10) break;
  }
  const what = foreign.length === 0 ? "The text" : listed(foreign);
  return new ToolError(
    `${what} cannot be written in ${name}, the encoding of the file. Nothing was written. ` +
      "Use what it has, or ask the user to save the file as UTF-8 first.",
  );
}

const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text);

function nonAscii(text: string): string[] {
  return [...new Set(text.match(/[^\0-\x7f\u{dc00}-\u{dfff}]/gu) ?? [])];
}

function listed(chars: readonly string[]): string {
  return chars
    .slice(0, 10)
    .map((char) => JSON.stringify(char))
    .join(", ");
}

// The left side of what a turn has changed, as files that can only be read. Registered at the
// start, since VS Code may ask for one of an editor that it brings back; read with the first use.
import * as vscode from "vscode";

/** Calls `onChange` when it would be read otherwise from then on. */
export type ReadKept = (uri: vscode.Uri, onChange: () => void) => Promise<Uint8Array>;

export class KeptFiles implements vscode.FileSystemProvider {
  readonly #read: ReadKept;
  readonly #changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.#changed.event;

  constructor(read: ReadKept) {
    this.#read = read;
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { length: size } = await this.readFile(uri);
    return { type: vscode.FileType.File, ctime: 0, mtime: Date.now(), size };
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    const type = vscode.FileChangeType.Changed;
    return await this.#read(uri, () => this.#changed.fire([{ type, uri }]));
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }
  readDirectory(): [string, vscode.FileType][] {
    return [];
  }
  writeFile(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  createDirectory(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  delete(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
  rename(uri: vscode.Uri): void {
    throw vscode.FileSystemError.NoPermissions(uri);
  }
}

// The left side of what a turn has changed, as files that can only be read. Registered at the
// start, since VS Code may ask for one of an editor that it brings back; read with the first use.
import type * as vscode from "vscode";
import { LoneFiles } from "./lone-files.ts";

/** Calls `onChange` when it would be read otherwise from then on. */
export type ReadKept = (uri: vscode.Uri, onChange: () => void) => Promise<Uint8Array>;

export class KeptFiles extends LoneFiles implements vscode.FileSystemProvider {
  readonly #read: ReadKept;

  constructor(read: ReadKept) {
    super();
    this.#read = read;
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return await this.#read(uri, () => this.tellChanged(uri));
  }
}

// A change of a file that waits for a decision, as a real diff: on the left the file, on the right
// what would become of it. The right side can be edited; what is approved is what is there then.
// A bundle of its own, loaded with the first such change.
import { basename } from "node:path";
import * as vscode from "vscode";
import type { ClientMessage } from "../../server/protocol/requests.ts";
import type { PendingCall } from "../../server/protocol/responses.ts";
import type { ProposedChange } from "../../webview/messages.ts";
import { LoneFiles } from "../changes/lone-files.ts";
import { shownText } from "./files/edits.ts";
import type { Change } from "./files/files.ts";
import type { SeenFiles } from "./files/seen-files.ts";
import type { WorkspaceRoots } from "./paths.ts";
import { EMPTY, isChange, PROPOSED } from "./proposed.ts";

export interface ProposalDeps {
  roots(): WorkspaceRoots;
  seen: SeenFiles;
  clientId: string;
  decide(sessionId: string, message: ClientMessage): Promise<unknown>;
  /** A proposal is there, or is another than it was. */
  onProposed(sessionId: string, callId: string): void;
  onFailed(thrown: unknown): void;
  log: { warn(message: string): void };
}

interface Proposal {
  sessionId: string;
  call: PendingCall;
  change: Change;
  /** All that has stood in its diff without anybody's doing. */
  ours: string[];
  uri: vscode.Uri;
}

const TYPING_MS = 300;

export class Proposals {
  readonly #deps: ProposalDeps;
  readonly #files = new ProposedFiles();
  /**
   * By session and call; those that could not be shown are there, too, so that they are tried once.
   */
  readonly #open = new Map<string, Proposal | undefined>();
  readonly #registered: vscode.Disposable;
  #last: Promise<void> = Promise.resolve();
  #typing: NodeJS.Timeout | undefined;

  constructor(deps: ProposalDeps) {
    this.#deps = deps;
    this.#registered = vscode.Disposable.from(
      vscode.workspace.registerFileSystemProvider(PROPOSED, this.#files, { isCaseSensitive: true }),
      vscode.workspace.registerTextDocumentContentProvider(EMPTY, {
        provideTextDocumentContent: () => "",
      }),
      // Never dirty, so that closing it asks nothing and a reload of the
      // window brings nothing back.
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document.uri.scheme !== PROPOSED) return;
        if (document.isDirty) void document.save();
        this.#onTyped(document.uri);
      }),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.#files.remove(uri)),
    );
    // Left over from before a reload; what still waits is shown anew.
    void closeTabs((uri) => uri.scheme === PROPOSED);
  }

  dispose(): void {
    clearTimeout(this.#typing);
    this.#registered.dispose();
  }

  /**
   * Shows what is new among the calls that wait in a session, and closes what waits
   * no longer. Never rejects.
   */
  async update(sessionId: string, calls: readonly PendingCall[], isAlone = false): Promise<void> {
    // One after another: what is decided while its diff is being opened must be closed after that.
    this.#last = this.#last
      .then(() => this.#update(sessionId, calls, isAlone))
      .catch((thrown: unknown) => this.#deps.onFailed(thrown));
    await this.#last;
  }

  async #update(sessionId: string, calls: readonly PendingCall[], isAlone: boolean): Promise<void> {
    const waiting = new Set(calls.map(({ call_id }) => keyOf(sessionId, call_id)));
    for (const [key, proposal] of this.#open) {
      if (!key.startsWith(`${sessionId} `) || waiting.has(key)) continue;
      this.#open.delete(key);
      if (proposal) await this.#close(proposal);
    }
    for (const call of calls) {
      const open = this.#open.get(keyOf(sessionId, call.call_id));
      if (open) await this.#renew(open);
      if (isChange(call) && call.client_id === this.#deps.clientId) {
        const refusal = await this.show(sessionId, call, false);
        if (refusal === undefined) continue;
        // What another call is still to do may be what this one needs: it is
        // looked at again after that.
        if (isAlone) await this.#refuse(sessionId, call, refusal);
        else this.#open.delete(keyOf(sessionId, call.call_id));
      }
    }
  }

  /**
   * The diff of a call; with `again` also if it has been shown and closed before. Why there
   * is none, if there is none.
   */
  async show(sessionId: string, call: PendingCall, again: boolean): Promise<string | undefined> {
    const { call_id } = call;
    const key = keyOf(sessionId, call_id);
    if (!isChange(call) || (this.#open.has(key) && !again)) return undefined;
    let proposal = this.#open.get(key);
    let refusal: string | undefined;
    let why: string | undefined;
    try {
      if (!proposal) {
        const proposed = await this.#propose(sessionId, call);
        if ("refusal" in proposed) ({ refusal } = proposed);
        else proposal = proposed;
      }
      why = refusal;
    } catch (thrown) {
      why = String(thrown);
    }
    if (why !== undefined) {
      this.#deps.log.warn(`The change of ${call_id} cannot be shown: ${why}`);
    }
    this.#open.set(key, proposal);
    if (proposal) this.#deps.onProposed(sessionId, call_id);
    if (proposal) await this.#diff(proposal);
    return refusal;
  }

  /**
   * What is written if it is approved as it stands now, also by a person's hand; null if
   * there is no such proposal.
   */
  async changeOf(sessionId: string, callId: string): Promise<ProposedChange | null> {
    const proposal = this.#open.get(keyOf(sessionId, callId));
    if (!proposal) return null;
    const { toProposedChange } = await import("./run-tool.ts");
    const planned = await this.#plan(proposal, this.#editsOf(proposal));
    return "change" in planned ? toProposedChange(planned.change) : null;
  }

  /** Nobody need be asked about what cannot be done; the model gets the reason. */
  async #refuse(sessionId: string, { call_id }: PendingCall, error: string): Promise<void> {
    await this.#deps.decide(sessionId, { type: "tool_result", call_id, error });
  }

  /** The person's word on the proposal in `uri`, from its editor. */
  async decide(uri: vscode.Uri, decision: "approve" | "reject"): Promise<void> {
    const found = [...this.#open.values()].find((one) => one?.uri.toString() === uri.toString());
    if (!found) return;
    const { sessionId, call } = found;
    const message = { type: "tool_decision", call_id: call.call_id, decision } as const;
    // From here on the list of what waits closes it.
    await this.#deps.decide(sessionId, this.withEdits(sessionId, message));
    await this.update(
      sessionId,
      this.#callsOf(sessionId).filter(({ call_id }) => call_id !== call.call_id),
    );
  }

  /**
   * Whoever approves a change, wherever, approves what stands in its diff: also what
   * a person has made of it.
   */
  withEdits(sessionId: string, message: ClientMessage): ClientMessage {
    if (message.type !== "tool_decision" || message.decision !== "approve") return message;
    const proposal = this.#open.get(keyOf(sessionId, message.call_id));
    const modified_arguments = proposal && this.#editsOf(proposal);
    return modified_arguments ? { ...message, decision: "edit", modified_arguments } : message;
  }

  /** The call as a person has made it in its diff; undefined while nobody has. */
  #editsOf({ uri, ours, call }: Proposal): Record<string, unknown> | undefined {
    const document = vscode.workspace.textDocuments.find(
      (one) => one.uri.toString() === uri.toString(),
    );
    const content = document?.getText();
    if (content === undefined || ours.some((text) => isSameText(content, text))) return undefined;
    return { path: call.arguments["path"], content };
  }

  #onTyped(uri: vscode.Uri): void {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => {
      for (const one of this.#open.values()) {
        if (one?.uri.toString() === uri.toString())
          this.#deps.onProposed(one.sessionId, one.call.call_id);
      }
    }, TYPING_MS);
  }

  /** The file may be another by now: a call before this one has changed it. */
  async #renew(proposal: Proposal): Promise<void> {
    const planned = await this.#plan(proposal);
    if ("refusal" in planned || planned.change.after === proposal.change.after) return;
    proposal.change = planned.change;
    proposal.ours.push(planned.change.after);
    if (!this.#editsOf(proposal)) this.#files.put(proposal.uri, planned.change.after);
    this.#deps.onProposed(proposal.sessionId, proposal.call.call_id);
  }

  #callsOf(sessionId: string): PendingCall[] {
    return [...this.#open.values()].flatMap((one) =>
      one?.sessionId === sessionId ? [one.call] : [],
    );
  }

  async #plan(
    { sessionId, call }: Pick<Proposal, "sessionId" | "call">,
    args = call.arguments,
  ): Promise<{ change: Change } | { refusal: string }> {
    const { roots, seen } = this.#deps;
    const { tryChange } = await import("./run-tool.ts");
    const name = call.tool_name === "apply_diff" ? "apply_diff" : "write_file";
    return await tryChange(name, { roots: roots(), sessionId, seen }, args);
  }

  async #propose(sessionId: string, call: PendingCall): Promise<Proposal | { refusal: string }> {
    const planned = await this.#plan({ sessionId, call });
    if ("refusal" in planned) return planned;
    const { change } = planned;
    const uri = vscode.Uri.from({
      scheme: PROPOSED,
      // The path says the language; the query keeps proposals apart.
      path: vscode.Uri.file(change.path).path,
      query: `${sessionId}&${call.call_id}`,
    });
    this.#files.put(uri, change.after);
    return { sessionId, call, change, ours: [change.after], uri };
  }

  async #diff({ change, uri }: Proposal): Promise<void> {
    const left =
      change.before === undefined ? uri.with({ scheme: EMPTY }) : vscode.Uri.file(change.path);
    const name = basename(change.path);
    const title = vscode.l10n.t("{0} (proposed by the chat)", name);
    const options = { preview: true, preserveFocus: true };
    await vscode.commands.executeCommand("vscode.diff", left, uri, title, options);
  }

  async #close({ uri }: Proposal): Promise<void> {
    await closeTabs((modified) => modified.toString() === uri.toString());
  }
}

async function closeTabs(isOurs: (modified: vscode.Uri) => boolean): Promise<void> {
  const tabs = vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter(({ input }) => input instanceof vscode.TabInputTextDiff && isOurs(input.modified));
  await vscode.window.tabGroups.close(tabs, true);
}

/** VS Code gives a text one kind of line ends. */
const isSameText = (one: string, other: string): boolean => shownText(one) === shownText(other);

function keyOf(sessionId: string, callId: string): string {
  return `${sessionId} ${callId}`;
}

/** Proposed texts in memory: they are derived from the call and worth nothing without it. */
class ProposedFiles extends LoneFiles implements vscode.FileSystemProvider {
  readonly #texts = new Map<string, Uint8Array>();

  put(uri: vscode.Uri, text: string): void {
    // With a mark, so that it is read as UTF-8 whatever `files.encoding` says.
    this.#texts.set(uri.toString(), Buffer.from(`\ufeff${text}`, "utf8"));
    this.tellChanged(uri);
  }

  remove(uri: vscode.Uri): void {
    this.#texts.delete(uri.toString());
  }

  readFile(uri: vscode.Uri): Uint8Array {
    const text = this.#texts.get(uri.toString());
    if (!text) throw vscode.FileSystemError.FileNotFound(uri);
    return text;
  }

  override writeFile(uri: vscode.Uri, content: Uint8Array): void {
    this.#texts.set(uri.toString(), content);
  }
}

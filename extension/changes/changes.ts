// What turns have changed in files: looked at, kept, undone. Loaded with its first use.
import * as vscode from "vscode";
import type { CommandAbout } from "../../webview/messages.ts";
import type { ChatView } from "../chat/chat-view.ts";
import type { Chats } from "../chat/chats.ts";
import { showByCommand } from "./by-command.ts";
import type { Hunk } from "./hunks.ts";
import { createReview, type Review } from "./review.ts";
import {
  type ChangesApp,
  changingTurns,
  openHunks,
  storeDecision,
  type TurnFile,
  type TurnRef,
  turnFiles,
} from "./turn-files.ts";
import { type Outcome, putBack, undoChanges } from "./undo-changes.ts";
import { answerProposed, proposedText } from "./use-code.ts";

export { useCode } from "./use-code.ts";

interface App extends ChangesApp {
  context: vscode.ExtensionContext;
  chats: Chats;
}

type Decision = "keep" | "undo";

let made: Review | undefined;
/** One after another: two that are decided at once may be in one file. */
let last: Promise<unknown> = Promise.resolve();

function reviewOf(app: App): Review {
  made ??= createReview(app, app.context.subscriptions);
  return made;
}

export async function readKept(
  app: App,
  uri: vscode.Uri,
  onChange: () => void,
): Promise<Uint8Array> {
  const text = proposedText(uri);
  // With a mark, so that it is read as UTF-8 whatever `files.encoding` says.
  if (text !== undefined) return Buffer.from(`\ufeff${text}`, "utf8");
  return await reviewOf(app).read(uri, onChange);
}

/** From the page: one file of a turn, or all of them. */
export async function changesFor(
  app: App,
  command: "show_changes" | "decide_changes",
  chat: ChatView,
  { turn_id: turnId, path, decision }: CommandAbout,
): Promise<void> {
  const sessionId = chat.state.session_id;
  if (sessionId === null || turnId === undefined) return;
  const files = await filesOf(app, { sessionId, turnId }, path);
  if (files.length === 0) {
    if (command === "show_changes" && path !== undefined) await showByCommand(app, path);
    return;
  }
  if (command === "decide_changes") {
    const choices = files.map((file) => ({ file, hunks: openHunks(file) }));
    if (decision) await decide(app, choices, decision);
    return;
  }
  const [only] = files;
  if (path !== undefined && only) return await reviewOf(app).show(only);
  await reviewOf(app).compare(files, vscode.l10n.t("What the turn changed"));
}

export const COMMANDS: Readonly<Record<string, (app: App, ...args: unknown[]) => Promise<void>>> = {
  "streamkeeper.keepChange": (app, id) => decideHere(app, id, "keep"),
  "streamkeeper.undoChange": (app, id) => decideHere(app, id, "undo"),
  "streamkeeper.keepFile": (app) => decideFile(app, "keep"),
  "streamkeeper.undoFile": (app) => decideFile(app, "undo"),
  "streamkeeper.compareCheckpoint": compareCheckpoint,
};

/** The change with this id, or those at the cursor. */
async function decideHere(app: App, id: unknown, decision: Decision): Promise<void> {
  const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
  const isDiff = input instanceof vscode.TabInputTextDiff;
  if (isDiff && (await answerProposed(input.modified, decision))) return;
  const review = reviewOf(app);
  const file = await review.fileInFront();
  if (!file) return tellNone();
  const hunks =
    typeof id === "string"
      ? openHunks(file).filter((hunk) => hunk.id === id)
      : await review.hunksAtCursor(file);
  if (hunks.length === 0) return tellNone();
  await decide(app, [{ file, hunks }], decision);
}

async function decideFile(app: App, decision: Decision): Promise<void> {
  const file = await reviewOf(app).fileInFront();
  if (!file) return tellNone();
  await decide(app, [{ file, hunks: openHunks(file) }], decision);
}

function tellNone(): void {
  void vscode.window.showInformationMessage(
    vscode.l10n.t("The cursor is at no change that is to be decided."),
  );
}

interface Choice {
  file: TurnFile;
  hunks: readonly Hunk[];
}

async function decide(app: App, choices: readonly Choice[], decision: Decision): Promise<void> {
  const step = last.then(() => decideNow(app, choices, decision));
  last = step.catch(() => undefined);
  await step;
}

async function decideNow(app: App, choices: readonly Choice[], decision: Decision): Promise<void> {
  const [first] = choices;
  if (!first || (await isBusy(app, first.file))) return;
  if (decision === "keep") {
    for (const { file, hunks } of choices) await storeDecision(app, file, "keep", hunks);
    return reviewOf(app).renew();
  }
  const outcomes: Outcome[] = [];
  const failed: { name: string; reason: string }[] = [];
  for (const { file, hunks } of choices) {
    try {
      outcomes.push(await undoChanges(app, file, hunks));
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      app.log.warn(`The changes of ${file.name} were not undone: ${reason}`);
      failed.push({ name: file.name, reason });
    }
  }
  reviewOf(app).renew();
  void tell(app, outcomes, failed);
}

/** What an answer works with is not taken from under it. */
async function isBusy({ client }: App, { sessionId }: TurnFile): Promise<boolean> {
  const { turn } = await client.call("get_session", { session_id: sessionId });
  if (turn?.status !== "running" && turn?.status !== "waiting") return false;
  void vscode.window.showWarningMessage(
    vscode.l10n.t("An answer is still being made. When it has ended, changes can be decided."),
  );
  return true;
}

async function tell(
  app: App,
  outcomes: readonly Outcome[],
  failed: readonly { name: string; reason: string }[],
): Promise<void> {
  for (const { name, reason } of failed) {
    void vscode.window.showErrorMessage(
      vscode.l10n.t(
        "The changes in {0} were not undone, and the file is as it was: {1}",
        name,
        reason,
      ),
    );
  }
  const left = outcomes.filter(({ left, undone }) => left.length > 0 && undone.length > 0);
  const none = outcomes.filter(({ left, undone }) => left.length > 0 && undone.length === 0);
  const [stuck] = [...left, ...none];
  if (stuck) void tellLeft(app, stuck, left.length + none.length);
  const undone = outcomes.filter((one) => one.undone.length > 0);
  if (undone.length === 0) return;
  const back = vscode.l10n.t("Put them back");
  const count = undone.reduce((sum, one) => sum + one.undone.length, 0);
  const said = vscode.l10n.t("Changes undone: {0}. Files: {1}.", count, undone.length);
  if ((await vscode.window.showInformationMessage(said, back)) !== back) return;
  for (const outcome of undone.toReversed()) {
    if (await putBack(app, outcome)) continue;
    void vscode.window.showWarningMessage(
      vscode.l10n.t("{0} has changed since, and was left as it is.", outcome.file.name),
    );
  }
  reviewOf(app).renew();
}

/** Which they are is best seen in the diff. */
async function tellLeft(app: App, { file, left }: Outcome, files: number): Promise<void> {
  const show = vscode.l10n.t("Show");
  const said = vscode.l10n.t(
    "Changes left as they are in {1}: {0}. Their lines were changed after the turn. Files: {2}.",
    left.length,
    file.name,
    files,
  );
  if ((await vscode.window.showWarningMessage(said, show)) === show) await reviewOf(app).show(file);
}

/** Says which files cannot be shown. */
async function filesOf(app: App, ref: TurnRef, path?: string): Promise<TurnFile[]> {
  const { files, lost } = await turnFiles(app, ref);
  const isWanted = (name: string): boolean => path === undefined || name === path;
  const missing = lost.filter(isWanted);
  if (missing.length > 0) {
    void vscode.window.showWarningMessage(
      vscode.l10n.t(
        "Of {0} there is no copy on this machine from before the turn, so it cannot be compared or undone here.",
        missing.join(", "),
      ),
    );
  }
  return files.filter(({ name }) => isWanted(name));
}

async function compareCheckpoint(app: App): Promise<void> {
  const sessionId = app.chats.active()?.state.session_id;
  const { messages } = sessionId
    ? await app.client.call("list_messages", { session_id: sessionId })
    : { messages: [] };
  const turns = changingTurns(messages);
  if (!sessionId || turns.length === 0) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t("No answer of this chat has changed a file."),
    );
    return;
  }
  const items = turns.map(({ said, turnId }) => ({ label: said, turnId }));
  const title = vscode.l10n.t("Compare the files with what they were before which message?");
  const chosen = await vscode.window.showQuickPick(items, { title });
  if (!chosen) return;
  // Of each file the oldest copy from then on.
  const since = turns.slice(0, turns.findIndex(({ turnId }) => turnId === chosen.turnId) + 1);
  const oldest = new Map<string, TurnFile>();
  for (const { turnId } of since) {
    for (const file of await filesOf(app, { sessionId, turnId })) oldest.set(file.path, file);
  }
  if (oldest.size === 0) return;
  await reviewOf(app).compare([...oldest.values()], chosen.label);
}

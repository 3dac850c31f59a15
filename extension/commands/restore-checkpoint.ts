// Files and chat, together, as they were before a message.
import * as vscode from "vscode";
import * as z from "zod/mini";
import { ContextItem } from "../../server/protocol/requests.ts";
import type { Message } from "../../server/protocol/responses.ts";
import type { App } from "../app.ts";
import type { ChatView } from "../chat/chat-view.ts";
import type { Checkpoint } from "../tools/checkpoints.ts";
import { firstKept } from "../tools/first-kept.ts";
import { resolveInside } from "../tools/paths.ts";

/** Of the names of checkpoints that undo a restore; no turn has such an id. */
const UNDO = "restore-";

interface TurnItem extends vscode.QuickPickItem {
  turnId: string;
  /** As it was sent. */
  message: Message;
  /** Of this turn and all after it. */
  checkpoints: Checkpoint[];
}

/** From the palette for the chat in front, or from a turn of a chat: then nobody is asked which. */
export async function restoreCheckpoint(
  { chats, client, tools, log }: App,
  argument: unknown,
): Promise<void> {
  const from = isTurn(argument) ? argument : undefined;
  const chat = from?.chat ?? chats.active();
  const sessionId = chat?.state.session_id;
  if (!sessionId) {
    void vscode.window.showInformationMessage(vscode.l10n.t("Open a chat first."));
    return;
  }
  const [{ messages }, checkpoints] = await Promise.all([
    client.call("list_messages", { session_id: sessionId }),
    tools.checkpoints.list(sessionId),
  ]);
  const title = vscode.l10n.t("Restore files and chat to before which message?");
  const items = toItems(messages, checkpoints);
  const chosen = from
    ? items.find(({ turnId }) => turnId === from.turnId)
    : await vscode.window.showQuickPick(items, { title });
  if (!chosen) return;
  const files = firstKept(chosen.checkpoints);
  const paths = files.map(({ path }) => path);
  // All that can refuse comes before the first change.
  for (const path of paths) await resolveInside(tools.roots(), path, "write");
  if (!(await confirm(paths))) return;
  const undo = `${UNDO}${Date.now()}`;
  for (const path of paths) await tools.checkpoints.keep(sessionId, undo, path);
  await client.rewind(sessionId, chosen.turnId);
  giveBack(chat, sessionId, chosen.message);
  await tools.settled(sessionId);

  const failed = await tools.checkpoints.restore(files);
  for (const { path, reason } of failed) log.error(`${path} was not restored: ${reason}`);
  const isWhole = failed.length === 0;
  const undone = chosen.checkpoints.map(({ turn_id }) => turn_id);
  if (isWhole) await tools.checkpoints.forget(sessionId, undone);
  if (paths.length === 0) return;
  const putBack = vscode.l10n.t("Undo for the files");
  const answer = isWhole
    ? await vscode.window.showInformationMessage(
        vscode.l10n.t("Chat and files ({0}) are as they were.", paths.length),
        putBack,
      )
    : await vscode.window.showErrorMessage(
        vscode.l10n.t(
          "{0} of {1} files could not be restored; the log says why. Their copies are kept.",
          failed.length,
          paths.length,
        ),
        putBack,
      );
  if (answer !== putBack) return;
  const kept = (await tools.checkpoints.list(sessionId)).filter(({ turn_id }) => turn_id === undo);
  await tools.checkpoints.restore(firstKept(kept));
}

/** The message goes back to where it was written, to be put differently. */
function giveBack(chat: ChatView, sessionId: string, { content, metadata }: Message): void {
  // The chat may show another session by now.
  if (chat.state.session_id !== sessionId) return;
  const sent = z.array(ContextItem).safeParse(metadata.context);
  const context = sent.success ? sent.data : [];
  chat.notify({ type: "compose", text: content, context, if_empty: true });
}

function isTurn(argument: unknown): argument is { chat: ChatView; turnId: string } {
  return typeof argument === "object" && argument !== null && "turnId" in argument;
}

/** The messages of a person, newest first, each with what has to be undone to be before it. */
function toItems(messages: readonly Message[], checkpoints: readonly Checkpoint[]): TurnItem[] {
  const asked = messages.filter(({ role, metadata }) => role === "user" && !metadata.subtask_id);
  const changes = checkpoints.filter(({ turn_id }) => !turn_id.startsWith(UNDO));
  return asked
    .map((message, index): TurnItem => {
      // Turns that were replaced are no messages any more, but what they changed is there.
      const kept = new Set(asked.slice(0, index).map(({ turn_id }) => turn_id));
      const times = messages
        .filter(({ turn_id }) => kept.has(turn_id))
        .map(({ created_at }) => Date.parse(created_at));
      const since = Math.max(0, ...times);
      const undone = changes.filter(
        ({ turn_id, created_at }) => !kept.has(turn_id) && created_at >= since,
      );
      const files = firstKept(undone);
      return {
        label: message.content.split("\n", 1)[0]?.slice(0, 100) ?? "",
        description:
          files.length === 0
            ? vscode.l10n.t("the chat only")
            : vscode.l10n.t("chat and files ({0})", files.length),
        turnId: message.turn_id,
        message,
        checkpoints: undone,
      };
    })
    .toReversed();
}

async function confirm(paths: readonly string[]): Promise<boolean> {
  const unsaved = vscode.workspace.textDocuments.filter(
    ({ uri, isDirty }) => isDirty && paths.includes(uri.fsPath),
  );
  if (unsaved.length > 0) {
    void vscode.window.showWarningMessage(
      vscode.l10n.t(
        "{0} has changes that are not saved. Nothing was restored; save or revert it first.",
        vscode.workspace.asRelativePath(unsaved[0]?.uri ?? ""),
      ),
    );
    return false;
  }
  const restore = vscode.l10n.t("Restore");
  const shown = paths.map((path) => vscode.workspace.asRelativePath(path)).slice(0, 20);
  const more = paths.length > shown.length ? `\n… ${paths.length - shown.length}` : "";
  const detail =
    paths.length === 0
      ? vscode.l10n.t("The messages leave the chat; no file is touched.")
      : vscode.l10n.t(
          "These files become what they were, also where you have changed them since:\n{0}",
          shown.join("\n") + more,
        );
  const answer = await vscode.window.showWarningMessage(
    vscode.l10n.t("Restore files and chat?"),
    { modal: true, detail },
    restore,
  );
  return answer === restore;
}

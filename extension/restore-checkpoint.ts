// Files and chat, together, as they were before a message.
import * as vscode from "vscode";
import type { Message } from "../server/protocol/responses.ts";
import type { App } from "./app.ts";
import type { Checkpoint } from "./tools/checkpoints.ts";
import { workspaceFolders } from "./tools/files.ts";

interface TurnItem extends vscode.QuickPickItem {
  turnId: string;
  /** Of this turn and all after it. */
  checkpoints: Checkpoint[];
}

export async function restoreCheckpoint({ chats, client, tools, log }: App): Promise<void> {
  const sessionId = chats.active()?.state.session_id;
  if (!sessionId) {
    void vscode.window.showInformationMessage(vscode.l10n.t("Open a chat first."));
    return;
  }
  const [{ messages }, checkpoints] = await Promise.all([
    client.call("list_messages", { session_id: sessionId }),
    tools.checkpoints.list(sessionId),
  ]);
  const title = vscode.l10n.t("Restore files and chat to before which message?");
  const chosen = await vscode.window.showQuickPick(toItems(messages, checkpoints), { title });
  if (!chosen) return;
  const paths = [
    ...new Set(chosen.checkpoints.flatMap(({ files }) => files.map((file) => file.path))),
  ];
  if (!(await confirm(paths))) return;

  // The chat first: it refuses while an answer is running, and then nothing has been touched.
  await client.rewind(sessionId, chosen.turnId);
  const undo = `restore-${Date.now()}`;
  for (const path of paths) await tools.checkpoints.keep(sessionId, undo, path);
  const folders = workspaceFolders();
  const restored = await tools.checkpoints.restore(chosen.checkpoints, folders);
  await tools.checkpoints.forget(
    sessionId,
    chosen.checkpoints.map(({ turn_id }) => turn_id),
  );
  log.info(`${restored.length} files are as they were before ${chosen.turnId}`);
  if (restored.length === 0) return;
  const putBack = vscode.l10n.t("Undo for the files");
  const answer = await vscode.window.showInformationMessage(
    vscode.l10n.t("{0} files and the chat are as they were.", restored.length),
    putBack,
  );
  if (answer !== putBack) return;
  const before = (await tools.checkpoints.list(sessionId)).filter(
    ({ turn_id }) => turn_id === undo,
  );
  await tools.checkpoints.restore(before, folders);
}

/** The messages of a person, newest first, each with what has to be undone to be before it. */
function toItems(messages: readonly Message[], checkpoints: readonly Checkpoint[]): TurnItem[] {
  const asked = messages.filter(({ role, metadata }) => role === "user" && !metadata["subtask_id"]);
  return asked
    .map((message, index): TurnItem => {
      const later = new Set(asked.slice(index).map(({ turn_id }) => turn_id));
      const undone = checkpoints.filter(({ turn_id }) => later.has(turn_id));
      const files = new Set(undone.flatMap((one) => one.files.map(({ path }) => path)));
      return {
        label: message.content.split("\n", 1)[0]?.slice(0, 100) ?? "",
        description:
          files.size === 0
            ? vscode.l10n.t("the chat only")
            : vscode.l10n.t("the chat and {0} files", files.size),
        turnId: message.turn_id,
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

// One table: command id -> handler. Titles, icons and enablement are in package.json.
import * as vscode from "vscode";
import * as z from "zod/mini";
import { Id } from "../../server/protocol/fields.ts";
import type { App } from "../app.ts";
import { ChatView } from "../chat/chat-view.ts";
import { chosenFiles } from "../context/chosen-files.ts";
import { selectionContext } from "../context/editor-context.ts";
import { tellProblem } from "../tell-problem.ts";
import { copyMetricsUrl, openDataDirectory, openInBrowser } from "./companion-commands.ts";
import { doctorCommand } from "./doctor-commands.ts";
import { chooseModel, removeApiKey, setApiKey, setDatabaseUrl } from "./model-commands.ts";

export type Command = (app: App, ...args: unknown[]) => Promise<unknown>;

const TurnLink = z.object({ session_id: Id, turn_id: z.optional(Id) });

const loadTransfer = async () => await import("./transfer-chats.ts");

export const COMMANDS: Readonly<Record<string, Command>> = {
  "streamkeeper.newChat": async ({ chats }) => {
    const chat = await target(chats.active(), () => chats.focusView());
    chat.send({ type: "do", action: "new_chat" });
  },
  "streamkeeper.focusChat": async ({ chats }) => {
    (await chats.focusView()).send({ type: "do", action: "focus_composer" });
  },
  "streamkeeper.searchChats": async ({ chats }) => {
    (await chats.focusView()).send({ type: "do", action: "show_sessions" });
  },
  "streamkeeper.openInEditor": async ({ chats }, from) => {
    const { session_id, title } = (from instanceof ChatView ? from : chats.active())?.state ?? {};
    const chat = chats.openPanel(title || "Streamkeeper");
    if (session_id) chat.send({ type: "open_session", session_id });
  },
  /** Of links in the log. */
  "streamkeeper.openTurn": async ({ chats }, link) => {
    const { session_id, turn_id } = TurnLink.parse(link);
    await chats.openSession(session_id, turn_id);
  },
  "streamkeeper.askAboutSelection": async ({ chats }) => {
    const selection = selectionContext();
    if (!selection) {
      void vscode.window.showInformationMessage(vscode.l10n.t("Select some text first."));
      return;
    }
    (await chats.focusView()).send({ type: "compose", text: "", context: [selection] });
  },
  "streamkeeper.addFile": addChosen,
  "streamkeeper.addFolder": addChosen,
  "streamkeeper.stop": async ({ chats, client }) => {
    const active = chats.active();
    const chat = active?.state.streaming
      ? active
      : chats.all().find(({ state }) => state.streaming);
    const session_id = chat?.state.session_id;
    if (session_id) await client.call("cancel_turn", { session_id });
  },
  "streamkeeper.approveChange": ({ tools }, uri) => tools.decide(uri, "approve"),
  "streamkeeper.rejectChange": ({ tools }, uri) => tools.decide(uri, "reject"),
  "streamkeeper.showChange": ({ chats, tools }) =>
    tools.showChange(chats.active()?.state.session_id),
  "streamkeeper.restoreCheckpoint": async (app, from) =>
    await (await import("./restore-checkpoint.ts")).restoreCheckpoint(app, from),
  "streamkeeper.exportChat": async (app) => (await loadTransfer()).exportChat(app),
  "streamkeeper.exportAllChats": async (app) => (await loadTransfer()).exportAllChats(app),
  "streamkeeper.importChats": async (app) => (await loadTransfer()).importChats(app),
  "streamkeeper.chooseModel": chooseModel,
  "streamkeeper.setApiKey": setApiKey,
  "streamkeeper.removeApiKey": removeApiKey,
  "streamkeeper.setDatabaseUrl": setDatabaseUrl,
  "streamkeeper.showLog": async ({ log }) => log.show(),
  "streamkeeper.restartServer": async ({ companion }) => {
    const title = vscode.l10n.t("Restarting the companion server");
    const location = vscode.ProgressLocation.Window;
    await vscode.window.withProgress({ location, title }, () => companion.restart());
  },
  "streamkeeper.stopServer": ({ companion }) => companion.stopRunning(),
  "streamkeeper.showMetrics": async ({ metrics }) => (await metrics.load()).open(),
  "streamkeeper.copyMetricsUrl": copyMetricsUrl,
  "streamkeeper.openInBrowser": openInBrowser,
  "streamkeeper.openDataDirectory": openDataDirectory,
  "streamkeeper.runDoctor": doctorCommand,
  // Where the extension runs elsewhere, most of its settings are that machine's,
  // and on a page of their own.
  "streamkeeper.openSettings": async () =>
    vscode.commands.executeCommand(
      vscode.env.remoteName === undefined
        ? "workbench.action.openSettings"
        : "workbench.action.openRemoteSettings",
      { query: "@ext:streamkeeper.streamkeeper" },
    ),
  "streamkeeper.openWalkthrough": async () =>
    vscode.commands.executeCommand(
      "workbench.action.openWalkthrough",
      "streamkeeper.streamkeeper#streamkeeper.start",
    ),
};

/** Files and folders may be chosen together. */
async function addChosen({ chats, tools }: App, uri: unknown, selected: unknown): Promise<void> {
  const files = chosenFiles(uri, selected);
  if (files.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t("The editor shows no file."));
    return;
  }
  const { takeContext } = await import("../context/mentions.ts");
  const context = await takeContext(tools.roots(), files.slice(0, 50));
  if (context.length === 0) return;
  (await chats.focusView()).send({ type: "compose", text: "", context });
}

/** Runs a command of the manifest and tells the user why it failed, if it does. */
export async function runCommand(
  load: () => Promise<App>,
  log: vscode.LogOutputChannel,
  id: string,
  args: unknown[],
): Promise<unknown> {
  try {
    const command = COMMANDS[id] ?? (await import("../changes/changes.ts")).COMMANDS[id];
    if (!command) throw new Error(`No such command: ${id}`);
    return await command(await load(), ...args);
  } catch (thrown) {
    log.error(thrown instanceof Error ? thrown : String(thrown));
    tellProblem(thrown);
    return undefined;
  }
}

async function target(
  chat: ChatView | undefined,
  otherwise: () => Promise<ChatView>,
): Promise<ChatView> {
  if (chat?.surface.kind !== "panel") return otherwise();
  chat.surface.show();
  return chat;
}

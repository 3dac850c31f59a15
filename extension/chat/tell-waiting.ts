// Says that a chat waits for a person, or that it has ended where nobody saw it: a
// badge and a notification.
import * as vscode from "vscode";
import * as z from "zod/mini";
import { Id } from "../../server/protocol/fields.ts";
import { UNFINISHED } from "../ids.ts";
import { SECTION, type Settings } from "../settings.ts";
import { tellProblem } from "../tell-problem.ts";
import type { Chats } from "./chats.ts";
import { createTellingWindow } from "./telling-window.ts";
import { type News, WaitingChats } from "./waiting-chats.ts";

export interface TellWaitingDeps {
  chats: Chats;
  settings: Settings;
  /** Of the workspace. */
  state: vscode.Memento;
  /** Where windows agree on who tells of a chat. */
  folder: string;
  titleOf(sessionId: string): Promise<string>;
  /** Finds out what a session waits for. */
  look(sessionId: string): void;
  log: { warn(message: string): void };
}

export interface ToldWaiting {
  waiting: WaitingChats;
  /** Those that have not ended: the next window on these folders begins with them. */
  remember(sessionIds: readonly string[]): void;
  dispose(): void;
}

const MAX_TITLE = 60;

export function tellWaiting(deps: TellWaitingDeps): ToldWaiting {
  const { chats, settings, state, log } = deps;
  let count = 0;
  const showCount = (): void =>
    chats.setBadge(settings.badgeEnabled() ? badgeOf(count) : undefined);
  const waiting = new WaitingChats({
    ...createTellingWindow(deps.folder),
    isSeen: (sessionId) => isSeen(chats, sessionId),
    onCount(chatsThatWait) {
      count = chatsThatWait;
      showCount();
    },
    tell: (news) => void tell(deps, news).catch((thrown) => tellProblem(thrown)),
    log,
  });
  const onSettings = vscode.workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration(`${SECTION}.badge`)) showCount();
  });
  const unfinished = z.array(Id).safeParse(state.get(UNFINISHED));
  for (const sessionId of unfinished.data ?? []) {
    waiting.remembered(sessionId);
    deps.look(sessionId);
  }
  return {
    waiting,
    remember(sessionIds) {
      const own = sessionIds.filter((sessionId) => waiting.isOwn(sessionId));
      void state.update(UNFINISHED, own.length > 0 ? own : undefined);
    },
    dispose() {
      onSettings.dispose();
      waiting.dispose();
    },
  };
}

function badgeOf(count: number): vscode.ViewBadge | undefined {
  if (count === 0) return undefined;
  const tooltip =
    count === 1
      ? vscode.l10n.t("A chat waits for your decision")
      : vscode.l10n.t("{0} chats wait for your decision", count);
  return { value: count, tooltip };
}

function isSeen(chats: Chats, sessionId: string): boolean | undefined {
  if (!vscode.window.state.focused) return false;
  const visible = chats.all().filter(({ surface }) => surface.isVisible());
  if (visible.some(({ state }) => state.session_id === sessionId)) return true;
  return visible.some(({ isReady }) => !isReady) ? undefined : false;
}

async function tell({ chats, settings, titleOf }: TellWaitingDeps, news: News): Promise<void> {
  const when = settings.notifications();
  if (when === "never" || (when === "waiting" && news.what !== "waiting")) return;
  const show = vscode.l10n.t("Show");
  if (news.what === "waiting" && news.chats.length > 1) {
    const text = vscode.l10n.t("{0} chats wait for your decision.", news.chats.length);
    if ((await vscode.window.showInformationMessage(text, show)) !== show) return;
    (await chats.focusView()).send({ type: "do", action: "show_sessions" });
    return;
  }
  const [first] = news.what === "waiting" ? news.chats : [];
  const sessionId = news.what === "waiting" ? first?.sessionId : news.sessionId;
  if (sessionId === undefined) return;
  const title = shortened(await titleOf(sessionId).catch(() => "Streamkeeper"));
  const text = textOf(news.what, title);
  const chosen =
    news.what === "error"
      ? await vscode.window.showWarningMessage(text, show)
      : await vscode.window.showInformationMessage(text, show);
  if (chosen === show) await chats.openSession(sessionId, first?.turnId);
}

function textOf(what: News["what"], title: string): string {
  switch (what) {
    case "waiting":
      return vscode.l10n.t("“{0}” waits for your decision.", title);
    case "done":
      return vscode.l10n.t("The answer in “{0}” is there.", title);
    case "error":
      return vscode.l10n.t("The answer in “{0}” has failed.", title);
  }
}

/**
 * One short line. VS Code makes links of `[text](command:…)`, also of what
 * was pasted into a question.
 */
function shortened(title: string): string {
  const line = title.replaceAll(/[\s[\]()]+/g, " ").trim();
  return line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE).toWellFormed()}…` : line;
}

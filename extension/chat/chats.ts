import * as vscode from "vscode";
import type { ToWebview } from "../../webview/messages.ts";
import { PANEL_ID, VIEW_ID } from "../ids.ts";
import { ChatView, type ChatViewDeps, type Surface, webviewRoot } from "./chat-view.ts";

/** All chats of this window: the one view of the side bar and any number of panels. */
export interface Chats {
  addView(view: vscode.WebviewView): ChatView;
  addPanel(panel: vscode.WebviewPanel): ChatView;
  openPanel(title: string): ChatView;
  /** The view in the side bar, shown and with the focus. */
  focusView(): Promise<ChatView>;
  /** Shows a session, and in it a turn: in the chat that has it already, else in the view. */
  openSession(sessionId: string, turnId?: string): Promise<void>;
  /** Where a command goes: the panel with the focus, else the view, else any panel. */
  active(): ChatView | undefined;
  all(): readonly ChatView[];
  notify(message: ToWebview): void;
  /** To those that show the session. */
  showProposal(sessionId: string, callId: string): void;
  /** On the view's icon, now and when there is a view. */
  setBadge(badge: vscode.ViewBadge | undefined): void;
  dispose(): void;
}

export function createChats(deps: Omit<ChatViewDeps, "onChange">): Chats {
  const chats: ChatView[] = [];
  let waiting: ((chat: ChatView) => void)[] = [];
  let badge: vscode.ViewBadge | undefined;

  const onChange = (): void => {
    const streaming = chats.some((chat) => chat.state.streaming);
    const focused = chats.some(({ surface }) => surface.kind === "panel" && surface.isActive());
    void vscode.commands.executeCommand("setContext", "streamkeeper.streaming", streaming);
    void vscode.commands.executeCommand("setContext", "streamkeeper.chatFocused", focused);
  };
  const add = (surface: Surface, onDispose: vscode.Event<void>): ChatView => {
    const chat = new ChatView({ ...deps, onChange }, surface);
    chats.push(chat);
    onDispose(() => {
      chats.splice(chats.indexOf(chat), 1);
      chat.dispose();
      onChange();
    });
    return chat;
  };
  const view = (): ChatView | undefined => chats.find(({ surface }) => surface.kind === "view");

  return {
    addView(webviewView) {
      const chat = add(viewSurface(webviewView), webviewView.onDidDispose);
      webviewView.onDidChangeVisibility(() => chat.onVisibility());
      chat.surface.setBadge(badge);
      for (const resolve of waiting) resolve(chat);
      waiting = [];
      return chat;
    },
    addPanel(panel) {
      panel.iconPath = vscode.Uri.joinPath(deps.extensionUri, "extension/media/panel.svg");
      const chat = add(panelSurface(panel), panel.onDidDispose);
      panel.onDidChangeViewState(() => {
        chat.onVisibility();
        onChange();
      });
      onChange();
      return chat;
    },
    openPanel(title) {
      const panel = vscode.window.createWebviewPanel(PANEL_ID, title, vscode.ViewColumn.Active, {
        enableScripts: true,
        localResourceRoots: [webviewRoot(deps.extensionUri)],
      });
      return this.addPanel(panel);
    },
    async focusView() {
      const resolved = new Promise<ChatView>((resolve) => {
        const there = view();
        if (there) resolve(there);
        else waiting.push(resolve);
      });
      await vscode.commands.executeCommand(`${VIEW_ID}.focus`);
      return resolved;
    },
    async openSession(session_id, turn_id) {
      const there = chats.filter(({ state }) => state.session_id === session_id);
      const chat = there.find(({ surface }) => surface.isVisible()) ?? there[0];
      if (chat?.surface.kind === "panel") chat.surface.show();
      const target = chat?.surface.kind === "panel" ? chat : await this.focusView();
      target.send({ type: "open_session", session_id, turn_id });
    },
    active: () =>
      chats.find(({ surface }) => surface.kind === "panel" && surface.isActive()) ??
      view() ??
      chats.at(-1),
    all: () => chats,
    notify(message) {
      for (const chat of chats) chat.notify(message);
    },
    showProposal(sessionId, callId) {
      for (const chat of chats) {
        if (chat.state.session_id === sessionId) chat.showProposal(callId);
      }
    },
    setBadge(shown) {
      badge = shown;
      view()?.surface.setBadge(badge);
    },
    dispose() {
      for (const chat of chats) chat.dispose();
    },
  };
}

function viewSurface(view: vscode.WebviewView): Surface {
  return {
    kind: "view",
    webview: view.webview,
    isVisible: () => view.visible,
    isActive: () => view.visible,
    show: () => view.show(),
    setTitle: (title) => {
      view.description = title;
    },
    setBadge: (badge) => {
      view.badge = badge;
    },
  };
}

function panelSurface(panel: vscode.WebviewPanel): Surface {
  return {
    kind: "panel",
    webview: panel.webview,
    isVisible: () => panel.visible,
    isActive: () => panel.active,
    show: () => panel.reveal(),
    setTitle: (title) => {
      panel.title = title || "Streamkeeper";
    },
    setBadge: () => undefined,
  };
}

import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type {
  CodeUse,
  CommandAbout,
  ConnectionState,
  FoundKind,
  FromWebview,
  HostCommand,
  Mention,
  ToWebview,
} from "../../webview/messages.ts";
import type { CompanionClient } from "../companion/companion-client.ts";
import type { FilePlace } from "../context/open-file.ts";
import { explain } from "../explain.ts";
import type { ToolBox } from "../tools/tool-box.ts";
import { type ChatRelay, createChatRelay, type HostMessage } from "./chat-relay.ts";
import { renderPage } from "./page-html.ts";

export type ViewState = Omit<Extract<FromWebview, { type: "view_state" }>, "type">;

/** What a chat may do in the editor. */
export interface ChatActions {
  useCode(use: CodeUse): Promise<void>;
  copy(text: string): Promise<void>;
  openLink(url: string): Promise<void>;
  openFile(place: FilePlace): Promise<void>;
  run(command: HostCommand, chat: ChatView, about: CommandAbout): Promise<void>;
  findMentions(kind: FoundKind, typed: string): Promise<Mention[]>;
  takeContext(mentions: readonly Mention[]): Promise<ContextItem[]>;
}

export interface ChatViewDeps {
  extensionUri: vscode.Uri;
  client: CompanionClient;
  preferredModel(): string | undefined;
  tools: Pick<
    ToolBox,
    | "offer"
    | "offerFor"
    | "withPrompt"
    | "onSent"
    | "onQueued"
    | "onOpened"
    | "withEdits"
    | "changeOf"
  >;
  connection(): ConnectionState;
  /** The page is there: the companion is needed from now on. */
  onReady(): void;
  onChange(): void;
  actions: ChatActions;
  log: { warn(message: string): void; error(message: string): void };
}

/** The view of the side bar or a panel of the editor, whichever holds the page. */
export interface Surface {
  kind: "view" | "panel";
  webview: vscode.Webview;
  isVisible(): boolean;
  isActive(): boolean;
  show(): void;
  setTitle(title: string): void;
  setBadge(badge: vscode.ViewBadge | undefined): void;
}

/** The folder of the web app, and the only one its page may read. */
export function webviewRoot(extensionUri: vscode.Uri): vscode.Uri {
  return vscode.Uri.joinPath(extensionUri, "dist", "webview");
}

export function pageOf(
  webview: vscode.Webview,
  extensionUri: vscode.Uri,
  name: "app" | "metrics",
): string {
  const urlOf = (file: string): string =>
    webview.asWebviewUri(vscode.Uri.joinPath(webviewRoot(extensionUri), file)).toString();
  return renderPage({
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString("base64url"),
    script: urlOf(`${name}.js`),
    style: urlOf(`${name}.css`),
    language: vscode.env.language,
  });
}

/**
 * One chat on one surface. The page lives only while it is visible and starts anew each time; what
 * it was showing is in the companion, where it was is in the page's own saved state.
 */
export class ChatView {
  readonly surface: Surface;
  readonly #deps: ChatViewDeps;
  readonly #relay: ChatRelay;
  #isReady = false;
  #queue: ToWebview[] = [];
  #state: ViewState = { session_id: null, title: "", streaming: false };
  #watch = new AbortController();

  constructor(deps: ChatViewDeps, surface: Surface) {
    this.#deps = deps;
    this.surface = surface;
    this.#relay = createChatRelay({
      client: deps.client,
      post: (message) => void surface.webview.postMessage(message),
      preferredModel: () => deps.preferredModel(),
      offer: () => deps.tools.offer(),
      offerFor: (message) => deps.tools.offerFor(message),
      withPrompt: (message, id) => deps.tools.withPrompt(message, id),
      withEdits: (sessionId, message) => deps.tools.withEdits(sessionId, message),
      onSent: (sessionId, after) => deps.tools.onSent(sessionId, after),
      onQueued: (sessionId) => deps.tools.onQueued(sessionId),
      onOpened: (sessionId) => deps.tools.onOpened(sessionId),
      explain: (thrown) => {
        deps.log.warn(String(thrown));
        return explain(thrown);
      },
      onHostMessage: (message) => this.#onHostMessage(message),
      log: deps.log,
    });
    const { webview } = surface;
    webview.options = { enableScripts: true, localResourceRoots: [webviewRoot(deps.extensionUri)] };
    webview.onDidReceiveMessage((raw: unknown) => this.#relay.receive(raw));
    webview.html = pageOf(webview, deps.extensionUri, "app");
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get state(): ViewState {
    return this.#state;
  }

  /** Reaches the page, once it is there. */
  send(message: ToWebview): void {
    if (this.#isReady) void this.surface.webview.postMessage(message);
    else this.#queue.push(message);
  }

  /** Tells the page, if it is there; a page to come asks by itself. */
  notify(message: ToWebview): void {
    if (this.#isReady) this.send(message);
  }

  /** What a call of the session that is open here will write. */
  showProposal(call_id: string): void {
    const { session_id } = this.#state;
    if (session_id === null || !this.#isReady) return;
    this.#deps.tools
      .changeOf(session_id, call_id)
      .then((change) => this.notify({ type: "proposal", call_id, change }))
      .catch((thrown: unknown) => this.#deps.log.warn(String(thrown)));
  }

  onVisibility(): void {
    if (this.surface.isVisible()) return;
    this.#isReady = false;
    this.#relay.reset();
    if (this.#state.streaming) void this.#awaitTurnEnd();
  }

  dispose(): void {
    this.#isReady = false;
    this.#watch.abort();
    this.#relay.reset();
  }

  #onHostMessage(message: HostMessage): void {
    const { actions } = this.#deps;
    switch (message.type) {
      case "ready":
        return this.#onReady();
      case "view_state": {
        const { type: _, ...state } = message;
        return this.#setState(state);
      }
      case "use_code":
        return this.#act(actions.useCode(message.use));
      case "copy":
        return this.#act(actions.copy(message.text));
      case "open_link":
        return this.#act(actions.openLink(message.url));
      case "open_file":
        return this.#act(actions.openFile(message));
      case "host_command":
        return this.#act(actions.run(message.command, this, message));
      case "ask_proposal":
        return this.showProposal(message.call_id);
      case "find_mentions": {
        const { id, kind, typed } = message;
        const finding = actions.findMentions(kind, typed);
        return this.#act(finding.then((found) => this.notify({ type: "mentions", id, found })));
      }
      case "add_context":
        return this.#act(
          actions
            .takeContext(message.mentions)
            .then((context) => this.notify({ type: "compose", text: "", context })),
        );
      default:
        message satisfies never;
    }
  }

  #onReady(): void {
    this.#watch.abort();
    this.#relay.reset();
    this.#isReady = true;
    this.#deps.onReady();
    this.send({ type: "connection", connection: this.#deps.connection() });
    for (const message of this.#queue.splice(0)) this.send(message);
  }

  #setState(state: ViewState): void {
    this.#state = state;
    this.surface.setTitle(state.title);
    this.#deps.onChange();
  }

  #act(work: Promise<void>): void {
    work.catch((thrown: unknown) => {
      this.#deps.log.error(String(thrown));
      void vscode.window.showErrorMessage(explain(thrown).message);
    });
  }

  /** While nobody looks, the page cannot tell that its answer has ended. */
  async #awaitTurnEnd(): Promise<void> {
    const { session_id } = this.#state;
    const stop = new AbortController();
    this.#watch.abort();
    this.#watch = stop;
    try {
      if (session_id === null) return;
      const session = await this.#deps.client.call("get_session", { session_id });
      if (session.turn?.status === "running" || session.turn?.status === "waiting") {
        const { client } = this.#deps;
        const stream = client.stream(session_id, session.last_seq, stop.signal, { starts: false });
        for await (const chunks of stream) if (chunks.some((chunk) => chunk.is_final)) break;
      }
      if (!stop.signal.aborted) this.#setState({ ...this.#state, streaming: false });
    } catch (thrown) {
      this.#deps.log.warn(`The end of a hidden answer is not known: ${String(thrown)}`);
    }
  }
}

// A bundle of its own, loaded with the first look at the figures; what others have loaded by then,
// such as what parses, it is given.
import * as vscode from "vscode";
import type { TransactionList } from "../../server/protocol/transactions.ts";
import type { FromMetrics, MetricsCommand, ToMetrics } from "../../webview/metrics/messages.ts";
import type { Companion } from "../companion/companion.ts";
import type { CompanionClient } from "../companion/companion-client.ts";
import type { CompanionState } from "../companion/companion-process.ts";
import { METRICS_ID } from "../ids.ts";
import { toReport, toScrapeConfig } from "./metrics-report.ts";
import type { StatusBar } from "./status-bar.ts";

const LISTED = 50;
const LISTED_SLOW = 10;
const ANSWER_MS = 3_000;

export interface MetricsViewDeps {
  extensionUri: vscode.Uri;
  client: Pick<CompanionClient, "transactions">;
  statusBar: StatusBar;
  companionState(): CompanionState;
  slowSeconds(): number;
  dataDir: string;
  openSession(sessionId: string, turnId?: string): Promise<void>;
  /** The folder of its page. */
  webviewRoot: vscode.Uri;
  pageOf(webview: vscode.Webview): string;
  /** What the page says; undefined if it is not understood. */
  parse(raw: unknown): FromMetrics | undefined;
  /** The companion's state, or why something failed, as a sentence. */
  describe(state: CompanionState): string;
  explain(thrown: unknown): string;
  log: { warn(message: string): void };
}

const COMMAND_OF: Record<Exclude<MetricsCommand, "copy_scrape_config">, string> = {
  copy_metrics_url: "streamkeeper.copyMetricsUrl",
  show_log: "streamkeeper.showLog",
  restart_server: "streamkeeper.restartServer",
};

/**
 * The figures behind the status bar, in a page of the editor. It is told all it
 * shows: no token, no network.
 */
export class MetricsView {
  readonly #deps: MetricsViewDeps;
  #panel: vscode.WebviewPanel | undefined;
  #isReady = false;
  #asking = false;
  #listed: TransactionList | undefined;
  #slow: TransactionList | undefined;
  readonly #listener: vscode.Disposable;

  constructor(deps: MetricsViewDeps) {
    this.#deps = deps;
    this.#listener = deps.statusBar.onDidChange(() => void this.#refresh());
  }

  /** Somebody looks: the figures are read, whatever has the focus. */
  get isVisible(): boolean {
    return this.#panel?.visible === true;
  }

  open(): void {
    if (this.#panel) return this.#panel.reveal();
    const title = vscode.l10n.t("Streamkeeper metrics");
    this.#hold(vscode.window.createWebviewPanel(METRICS_ID, title, vscode.ViewColumn.Active, {}));
  }

  /** After a reload of the window. */
  restore(panel: vscode.WebviewPanel): void {
    if (this.#panel) panel.dispose();
    else this.#hold(panel);
  }

  dispose(): void {
    this.#listener.dispose();
    this.#panel?.dispose();
  }

  #hold(panel: vscode.WebviewPanel): void {
    this.#panel = panel;
    panel.webview.options = {
      enableScripts: true,
      localResourceRoots: [this.#deps.webviewRoot],
    };
    panel.iconPath = vscode.Uri.joinPath(this.#deps.extensionUri, "extension/media/panel.svg");
    panel.webview.onDidReceiveMessage((raw: unknown) => this.#receive(raw));
    panel.onDidChangeViewState(() => {
      // A hidden page is gone, and begins anew.
      if (!panel.visible) this.#isReady = false;
      this.#deps.statusBar.update();
    });
    panel.onDidDispose(() => {
      this.#panel = undefined;
      this.#isReady = false;
      this.#deps.statusBar.update();
    });
    panel.webview.html = this.#deps.pageOf(panel.webview);
    this.#deps.statusBar.update();
  }

  #receive(raw: unknown): void {
    const message = this.#deps.parse(raw);
    if (!message) {
      this.#deps.log.warn("A message of the metrics page was not understood and is ignored");
      return;
    }
    switch (message.type) {
      case "ready":
        this.#isReady = true;
        this.#post();
        void this.#refresh();
        return;
      case "open_session":
        return this.#act(this.#deps.openSession(message.session_id, message.turn_id));
      case "command":
        return this.#act(this.#run(message.command));
    }
  }

  async #run(command: MetricsCommand): Promise<void> {
    if (command === "copy_scrape_config") {
      await vscode.env.clipboard.writeText(toScrapeConfig(this.#deps.dataDir));
      void vscode.window.showInformationMessage(
        vscode.l10n.t("The scrape configuration for Prometheus is in the clipboard."),
      );
      return;
    }
    await vscode.commands.executeCommand(COMMAND_OF[command]);
  }

  #act(work: Promise<void>): void {
    work.catch((thrown: unknown) => {
      this.#deps.log.warn(`Metrics page: ${String(thrown)}`);
      void vscode.window.showErrorMessage(this.#deps.explain(thrown));
    });
  }

  async #refresh(): Promise<void> {
    if (!this.#isReady) return;
    const { companionState, log } = this.#deps;
    const current = companionState();
    if (current.state === "ready" && !this.#asking) {
      this.#asking = true;
      try {
        await this.#ask(current.companion);
      } catch (thrown) {
        log.warn(`No transactions: ${String(thrown)}`);
      } finally {
        this.#asking = false;
      }
    }
    this.#post();
  }

  async #ask(companion: Companion): Promise<void> {
    const { client } = this.#deps;
    const signal = AbortSignal.timeout(ANSWER_MS);
    const [listed, slow] = await Promise.all([
      client.transactions(companion, { limit: LISTED }, signal),
      client.transactions(companion, { limit: LISTED_SLOW, slow: true }, signal),
    ]);
    this.#listed = listed;
    this.#slow = slow;
  }

  #post(): void {
    if (!this.#panel || !this.#isReady) return;
    const { statusBar, companionState, describe, slowSeconds, dataDir } = this.#deps;
    const current = companionState();
    const { figures, points, ready, storage } = statusBar.details;
    const report = toReport({
      companion: current.state,
      message: storage ? `${storage.message} ${storage.hint}` : describe(current),
      failing: storage !== undefined,
      monotonicNow: performance.now(),
      wallNow: Date.now(),
      ready,
      slowSeconds: slowSeconds(),
      figures,
      points,
      listed: this.#listed,
      slow: this.#slow?.transactions ?? [],
      url: current.state === "ready" ? current.companion.url : undefined,
      dataDir,
    });
    void this.#panel.webview.postMessage({ type: "report", report } satisfies ToMetrics);
  }
}

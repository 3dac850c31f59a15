import * as vscode from "vscode";
import type { Ready } from "../../server/protocol/responses.ts";
import type { Companion } from "../companion/companion.ts";
import type { CompanionClient } from "../companion/companion-client.ts";
import type { CompanionState } from "../companion/companion-process.ts";
import { explain } from "../explain.ts";
import type { Settings } from "../settings.ts";
import {
  type Figures,
  formatSeconds,
  keepLastMinute,
  parseReading,
  type Reading,
  toFigures,
} from "./latency.ts";
import { addReading, EMPTY_HISTORY, type Point, pointsOf } from "./latency-history.ts";
import { SPOKEN, type StatusInput, type StatusText, toStatusText } from "./status-text.ts";
import {
  explainSecondWait,
  explainStorage,
  explainWait,
  type StorageWords,
} from "./storage-words.ts";

const POLL_MS = 2_000;
const COMMANDS = {
  details: "streamkeeper.showMetrics",
  log: "streamkeeper.showLog",
  restart: "streamkeeper.restartServer",
};

export interface StatusBarDeps {
  client: CompanionClient;
  settings: Settings;
  companionState(): CompanionState;
  /** The figures are shown elsewhere, too. */
  isWatched(): boolean;
  log: { warn(message: string): void };
}

/** What the details show, as of the last poll. */
export interface StatusDetails {
  figures: Figures;
  /** Of the last fifteen minutes. */
  points: Point[];
  reading: Reading | undefined;
  ready: Ready | undefined;
  /** Why nothing can be stored at the moment. */
  storage: StorageWords | undefined;
}

/**
 * The live commit latency, from the same /metrics that Prometheus scrapes. Polls only
 * while someone can see it.
 */
export class StatusBar {
  readonly #deps: StatusBarDeps;
  readonly #item: vscode.StatusBarItem;
  readonly #disposables: vscode.Disposable[];
  #timer: NodeJS.Timeout | undefined;
  #polling = false;
  #readings: Reading[] = [];
  #history = EMPTY_HISTORY;
  #lastP95: number | undefined;
  #unanswered = false;
  #companion: Companion | undefined;
  #ready: Ready | undefined;
  #shown = "";
  #closed = new AbortController();
  readonly #changed = new vscode.EventEmitter<void>();
  /** There are new figures, or the companion is in another state. */
  readonly onDidChange = this.#changed.event;

  constructor(deps: StatusBarDeps) {
    this.#deps = deps;
    this.#item = vscode.window.createStatusBarItem(
      "streamkeeper.latency",
      vscode.StatusBarAlignment.Right,
      90,
    );
    this.#item.name = vscode.l10n.t("Streamkeeper commit latency");
    this.#item.command = COMMANDS.details;
    this.#disposables = [
      this.#item,
      this.#changed,
      vscode.window.onDidChangeWindowState(() => this.update()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("streamkeeper.statusBar")) this.update();
      }),
    ];
  }

  /** The text as shown now, for tests and for the details. */
  get text(): string {
    return this.#item.text;
  }

  /** The colour behind it, for tests. */
  get color(): string | undefined {
    const { backgroundColor } = this.#item;
    return backgroundColor instanceof vscode.ThemeColor ? backgroundColor.id : undefined;
  }

  get details(): StatusDetails {
    const reading = this.#readings.at(-1);
    return {
      figures: toFigures(this.#readings),
      points: pointsOf(this.#history, performance.now()),
      reading,
      ready: this.#ready,
      storage: reading && wordsOf(reading),
    };
  }

  /** Shows the state of now, and polls or stops polling as it asks for. */
  update(): void {
    if (this.#closed.signal.aborted) return;
    const current = this.#deps.companionState();
    const companion = current.state === "ready" ? current.companion : undefined;
    if (companion !== this.#companion) {
      this.#companion = companion;
      this.#ready = undefined;
      this.#unanswered = false;
    }
    const enabled = this.#deps.settings.statusBarEnabled();
    const seen = (enabled && vscode.window.state.focused) || this.#deps.isWatched();
    const wanted = seen && companion !== undefined;
    if (wanted && this.#timer === undefined) {
      this.#timer = setInterval(() => void this.poll(), POLL_MS);
      void this.poll();
    }
    if (!wanted) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    if (enabled) this.#render(current);
    else this.#item.hide();
    this.#changed.fire();
  }

  /** One reading of the metrics, unless one is on its way. */
  async poll(): Promise<void> {
    const companion = this.#companion;
    if (!companion || this.#polling) return;
    this.#polling = true;
    try {
      const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(POLL_MS * 1.5)]);
      const text = await this.#deps.client.metrics(companion, signal);
      const reading = parseReading(text, performance.now());
      this.#readings = keepLastMinute(this.#readings, reading);
      this.#history = addReading(this.#history, reading);
      this.#unanswered = false;
      const ready = this.#ready ?? (await this.#deps.client.ready(companion, signal));
      if (companion === this.#companion) this.#ready = ready;
    } catch (thrown) {
      if (this.#closed.signal.aborted) return;
      this.#unanswered = true;
      this.#deps.log.warn(`No metrics: ${String(thrown)}`);
    } finally {
      this.#polling = false;
    }
    this.update();
  }

  dispose(): void {
    this.#closed.abort();
    clearInterval(this.#timer);
    for (const disposable of this.#disposables) disposable.dispose();
  }

  #render(current: CompanionState): void {
    const { figures } = this.details;
    this.#lastP95 = figures.p95 ?? this.#lastP95;
    const status = toStatusText(this.#toInput(current, figures));
    const tooltip = this.#tooltip(current, figures);
    // VS Code redraws and announces an item at every assignment.
    const shown = JSON.stringify([status, tooltip.value]);
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.#item.text = status.text;
      this.#item.backgroundColor = toColor(status);
      const label = vscode.l10n.t(SPOKEN[status.spoken.key], status.spoken.value);
      this.#item.accessibilityInformation = { label, role: "button" };
      this.#item.tooltip = tooltip;
    }
    this.#item.show();
  }

  #toInput(current: CompanionState, figures: Figures): StatusInput {
    switch (current.state) {
      case "ready":
        return {
          state: "ready",
          figures,
          lastP95: this.#lastP95,
          slowSeconds: this.#deps.settings.slowThresholdMs() / 1000,
          unanswered: this.#unanswered,
          storage: this.details.storage,
        };
      case "failed":
        return { state: "failed", message: explain(current.problem).message };
      default:
        return { state: current.state };
    }
  }

  #tooltip(current: CompanionState, figures: Figures): vscode.MarkdownString {
    const tooltip = new vscode.MarkdownString(undefined, true);
    tooltip.isTrusted = { enabledCommands: Object.values(COMMANDS) };
    if (current.state === "ready") {
      const { storage } = this.details;
      if (storage) {
        tooltip.appendMarkdown("$(error) ");
        tooltip.appendText(`${storage.message} ${storage.hint}`);
        tooltip.appendMarkdown("\n\n");
      }
      tooltip.appendMarkdown(`**${vscode.l10n.t("Commit latency, last minute")}**\n\n`);
      tooltip.appendMarkdown(toTable(toRows(figures, this.#ready)));
    } else if (current.state === "failed") {
      tooltip.appendText(explain(current.problem).message);
    } else {
      tooltip.appendText(describeState(current.state));
    }
    tooltip.appendMarkdown(
      `\n\n${[
        toLink(vscode.l10n.t("Details"), COMMANDS.details),
        toLink(vscode.l10n.t("Log"), COMMANDS.log),
        toLink(vscode.l10n.t("Restart server"), COMMANDS.restart),
      ].join(" · ")}`,
    );
    return tooltip;
  }
}

function toLink(text: string, command: string): string {
  return `[${text}](command:${command})`;
}

function toTime(seconds: number | undefined): string {
  return seconds === undefined ? "–" : formatSeconds(seconds);
}

/** Name and value of every figure, in the reader's language. */
function toRows(figures: Figures, ready: Ready | undefined): [string, string][] {
  const rows: [string, string][] = [
    ["p50", toTime(figures.p50)],
    ["p95", toTime(figures.p95)],
    ["p99", toTime(figures.p99)],
    [vscode.l10n.t("Waiting, p95"), toTime(figures.phases.wait)],
    [vscode.l10n.t("Statements, p95"), toTime(figures.phases.body)],
    [vscode.l10n.t("COMMIT, p95"), toTime(figures.phases.commit)],
    [vscode.l10n.t("Commits"), String(figures.commits)],
    [vscode.l10n.t("Failed commits"), String(figures.errors)],
    [vscode.l10n.t("Rollbacks"), String(figures.rollbacks)],
    [vscode.l10n.t("Slow"), String(figures.slow)],
  ];
  if (ready) {
    const engine = ready.engine === "sqlite" ? "SQLite" : "PostgreSQL";
    const machines = ready.engine === "sqlite" ? null : machinesOf(ready);
    const facts = [engine, ready.durability, machines].filter(Boolean);
    rows.push([vscode.l10n.t("Engine"), facts.join(", ")]);
  }
  return rows;
}

/** Where what is shown lies, if the database says. */
function machinesOf({ level }: Ready): string | null {
  if (level === "two_machines") return vscode.l10n.t("on two machines");
  return level === "one_machine" ? vscode.l10n.t("on one machine") : null;
}

export function describeState(state: CompanionState["state"]): string {
  switch (state) {
    case "stopped":
      return vscode.l10n.t("The companion server is not running. It starts with the next use.");
    case "starting":
      return vscode.l10n.t("The companion server is starting.");
    case "replacing":
      return vscode.l10n.t(
        "The companion server of an older version finishes its answers; then the new one starts.",
      );
    case "ready":
      return vscode.l10n.t("The companion server is running.");
    case "away":
      return vscode.l10n.t("The companion server has gone away and is being started again.");
    case "failed":
      return vscode.l10n.t("The companion server could not be started.");
  }
}

function toTable(rows: [string, string][]): string {
  const lines = rows.map(([name, value]) => `| ${name} | ${value} |`);
  return ["| | |", "|:--|--:|", ...lines].join("\n");
}

function toColor(status: StatusText): vscode.ThemeColor | undefined {
  if (status.severity === "none") return undefined;
  return new vscode.ThemeColor(`statusBarItem.${status.severity}Background`);
}

/** What is the matter with storing; undefined: nothing. */
function wordsOf({ storage, waiting, waitingForSecond }: Reading): StorageWords | undefined {
  if (waitingForSecond > 0) return explainSecondWait(waitingForSecond);
  if (waiting > 0) return explainWait(waiting);
  return storage === undefined ? undefined : explainStorage(storage);
}

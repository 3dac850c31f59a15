// The composition root of the extension: everything that runs after the first use.
import { join } from "node:path";
import * as vscode from "vscode";
import { ModelId } from "../server/protocol/fields.ts";
import { DRAIN_SECONDS } from "../server/protocol/requests.ts";
import { watchWake } from "../server/shared/clock-watch.ts";
import type { CommandAbout, ConnectionState, HostCommand } from "../webview/messages.ts";
import type { ChatView } from "./chat/chat-view.ts";
import { type Chats, createChats } from "./chat/chats.ts";
import { tellWaiting } from "./chat/tell-waiting.ts";
import { DoctorReports, tellSetAside } from "./commands/doctor-commands.ts";
import { handOverKeys } from "./commands/keys.ts";
import { CompanionClient } from "./companion/companion-client.ts";
import type { LaunchOptions } from "./companion/companion-launch.ts";
import { CompanionProcess, type CompanionState } from "./companion/companion-process.ts";
import { openLink } from "./context/editor-context.ts";
import { explain, loadSaid, loadStarts } from "./explain.ts";
import { createMetricsLoader, type MetricsLoader } from "./latency/load-metrics-view.ts";
import { describeState, StatusBar } from "./latency/status-bar.ts";
import { linkTurns, showCompanionLog } from "./log.ts";
import { isProblem, Problem } from "./problem.ts";
import { providerOf } from "./providers.ts";
import { createSecrets, type Secrets } from "./secrets.ts";
import { createSettings, SECTION, SERVER_SETTINGS, type Settings } from "./settings.ts";
import { tellProblem } from "./tell-problem.ts";
import { createToolBox, type ToolBox } from "./tools/tool-box.ts";

export interface App {
  context: vscode.ExtensionContext;
  log: vscode.LogOutputChannel;
  settings: Settings;
  secrets: Secrets;
  companion: CompanionProcess;
  client: CompanionClient;
  chats: Chats;
  tools: ToolBox;
  statusBar: StatusBar;
  metrics: MetricsLoader;
  dataDir: string;
  /** As the settings are now; rejects with `Problem`. */
  launchOptions(): Promise<LaunchOptions>;
  reports: DoctorReports;
}

type InOwnBundle = "save_attachment" | "show_changes" | "decide_changes";

const COMMAND_OF: Record<Exclude<HostCommand, InOwnBundle>, string> = {
  choose_model: "streamkeeper.chooseModel",
  set_key: "streamkeeper.setApiKey",
  show_log: "streamkeeper.showLog",
  show_metrics: "streamkeeper.showMetrics",
  show_change: "streamkeeper.showChange",
  restore_checkpoint: "streamkeeper.restoreCheckpoint",
  restart_server: "streamkeeper.restartServer",
  open_in_editor: "streamkeeper.openInEditor",
};

/** A command of the page's. */
async function runFor(
  app: App,
  command: HostCommand,
  chat: ChatView,
  about: CommandAbout,
): Promise<void> {
  const { turn_id: turnId, model } = about;
  if (command === "save_attachment") {
    return await (await import("./commands/transfer-chats.ts")).saveAttachment(app, about);
  }
  if (command === "show_changes" || command === "decide_changes") {
    return await (await import("./changes/changes.ts")).changesFor(app, command, chat, about);
  }
  await vscode.commands.executeCommand(
    COMMAND_OF[command],
    command === "set_key" ? providerOf(model)?.id : turnId ? { chat, turnId } : chat,
  );
}

/** What goes along with a message, and places in files, are seldom asked for. */
const loadContext = async () => await import("./context/mentions.ts");

export async function createApp(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): Promise<App> {
  await loadSaid(vscode.env.language).catch((thrown: unknown) => log.warn(String(thrown)));
  const settings = createSettings(context);
  const secrets = createSecrets(context.secrets);
  const dataDir = settings.dataDirectory();
  const launchOptions = async () => {
    await loadStarts(vscode.env.language).catch((thrown: unknown) => log.warn(String(thrown)));
    return await toLaunchOptions(context, settings, secrets);
  };
  const companionProcess = new CompanionProcess({
    dataDir,
    version: String(context.extension.packageJSON.version),
    drainSeconds: DRAIN_SECONDS,
    launchOptions,
    prepare: (companion) => handOverKeys({ settings, secrets, log }, companion),
    onState: (state) => onState(state),
    log,
  });
  const client = new CompanionClient({ source: companionProcess, log });
  const tools = createToolBox({
    context,
    client,
    settings,
    dataDir,
    onSent: (sessionId) => told.waiting.sent(sessionId),
    onAsked: (sessionId, calls) => told.waiting.asked(sessionId, calls),
    onEnded: (sessionId, how) => told.waiting.ended(sessionId, how),
    onProposed: (sessionId, callId) => chats.showProposal(sessionId, callId),
    onFollowed: (sessionIds) => told.remember(sessionIds),
    log,
  });
  const chats = createChats({
    extensionUri: context.extensionUri,
    client,
    preferredModel: () => preferredModel(settings),
    tools,
    connection: () => toConnection(companionProcess.state),
    onReady: () => void companionProcess.ensure().catch((thrown) => log.error(String(thrown))),
    actions: {
      useCode: async (use) => (await import("./changes/changes.ts")).useCode(tools.roots(), use),
      openLink,
      openFile: async (place) => (await loadContext()).openFile(tools.roots(), place),
      copy: async (text) => vscode.env.clipboard.writeText(text),
      run: (command, chat, about) => runFor(app, command, chat, about),
      findMentions: async (kind, typed) =>
        kind === "prompt" ? tools.prompts() : (await loadContext()).findMentions(kind, typed),
      takeContext: async (mentions) => (await loadContext()).takeContext(tools.roots(), mentions),
    },
    log,
  });
  const companionState = (): CompanionState => companionProcess.state;
  const isWatched = (): boolean => metrics.isVisible();
  const statusBar = new StatusBar({ client, settings, companionState, isWatched, log });
  const metrics = createMetricsLoader(() => ({
    extensionUri: context.extensionUri,
    client,
    statusBar,
    companionState,
    slowSeconds: () => settings.slowThresholdMs() / 1000,
    dataDir,
    openSession: (sessionId, turnId) => chats.openSession(sessionId, turnId),
    log,
  }));
  const onState = (state: CompanionState): void => {
    if (state.state === "failed") {
      log.error(state.problem.message);
      // Nobody asked for these; whoever asked for something else is told there.
      if (isProblem(state.problem, "companion_gave_up", "companion_newer"))
        tellProblem(state.problem);
    }
    void vscode.commands.executeCommand("setContext", "streamkeeper.serverState", state.state);
    chats.notify({ type: "connection", connection: toConnection(state) });
    statusBar.update();
    if (state.state === "ready") void tellSetAside(app).catch((thrown) => tellProblem(thrown));
  };
  const reports = new DoctorReports();
  const tail = await showCompanionLog(log, dataDir);

  const app: App = {
    context,
    log,
    settings,
    secrets,
    companion: companionProcess,
    client,
    chats,
    tools,
    statusBar,
    metrics,
    dataDir,
    launchOptions,
    reports,
  };
  // Last: it may ask the companion at once.
  const told = tellWaiting({
    chats,
    settings,
    state: context.workspaceState,
    folder: join(context.globalStorageUri.fsPath, "told"),
    titleOf: async (session_id) => (await client.call("get_session", { session_id })).title,
    look: (sessionId) => tools.onOpened(sessionId),
    log,
  });
  context.subscriptions.push(
    statusBar,
    metrics,
    told,
    tools,
    chats,
    reports,
    linkTurns(),
    { dispose: () => tail.close() },
    { dispose: () => companionProcess.close() },
    { dispose: watchWake(() => companionProcess.wake()) },
    vscode.workspace.onDidChangeConfiguration((event) => void onSettings(app, event)),
  );
  return app;
}

/** A model that is not one is left out, and the companion's own default is used. */
function preferredModel(settings: Settings): string | undefined {
  const model = ModelId.safeParse(settings.model());
  return model.success ? model.data : undefined;
}

function toConnection(state: CompanionState): ConnectionState {
  switch (state.state) {
    case "ready":
      return { state: "ready" };
    case "failed": {
      const { message, hint } = explain(state.problem);
      return { state: "away", message: [message, hint].filter(Boolean).join(" ") };
    }
    case "away":
      return {
        state: "away",
        message: vscode.l10n.t(
          "The companion server is being started again. What you saw is saved.",
        ),
      };
    case "replacing":
      return { state: "starting", message: describeState("replacing") };
    default:
      return { state: "starting" };
  }
}

async function toLaunchOptions(
  context: vscode.ExtensionContext,
  settings: Settings,
  secrets: Secrets,
): Promise<LaunchOptions> {
  const postgres = settings.databaseEngine() === "postgres";
  const databaseUrl = postgres ? await secrets.databaseUrl() : undefined;
  // Never the SQLite file instead: chats would seem to be lost.
  if (postgres && databaseUrl === undefined) {
    throw Problem.ours("database_url_missing", "No PostgreSQL URL is stored");
  }
  return {
    script: context.asAbsolutePath("dist/server/main.js"),
    idleExitSeconds: settings.idleExitSeconds(),
    durability: settings.durability(),
    backups: settings.backups(),
    keepDeletedDays: settings.keepDeletedDays(),
    model: preferredModel(settings),
    stallTimeoutSeconds: settings.stallTimeoutSeconds(),
    resumeAnswers: settings.resumeAnswers(),
    continueAnswers: settings.continueAnswers(),
    titles: settings.titles(),
    patienceSeconds: settings.patienceSeconds(),
    contextWindows: settings.contextWindows(),
    privateHosts: settings.privateHosts(),
    databaseUrl,
  };
}

async function onSettings(app: App, event: vscode.ConfigurationChangeEvent): Promise<void> {
  const touches = (name: string): boolean => event.affectsConfiguration(`${SECTION}.${name}`);
  if (touches("dataDirectory")) {
    const reload = vscode.l10n.t("Reload window");
    const chosen = await vscode.window.showInformationMessage(
      vscode.l10n.t("The data directory changes when the window is reloaded."),
      reload,
    );
    if (chosen === reload) await vscode.commands.executeCommand("workbench.action.reloadWindow");
    return;
  }
  if (touches("model")) app.chats.notify({ type: "do", action: "reload_models" });
  if (app.companion.state.state !== "ready") return;
  if (touches("providers")) {
    await handOverKeys(app, app.companion.state.companion);
    app.chats.notify({ type: "do", action: "reload_models" });
  }
  if (SERVER_SETTINGS.some(touches)) await offerRestart(app);
}

async function offerRestart(app: App): Promise<void> {
  const restart = vscode.l10n.t("Restart server");
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t(
      "The companion server uses the new setting after a restart. Running answers are kept as far as they are.",
    ),
    restart,
  );
  if (chosen === restart) await app.companion.restart();
}

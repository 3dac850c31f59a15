import * as vscode from "vscode";
import type { App } from "./app.ts";
import { KeptFiles } from "./changes/kept-files.ts";
import { KEPT, METRICS_ID, PANEL_ID, UNFINISHED, VIEW_ID } from "./ids.ts";
import { createLog } from "./log.ts";
import { createSettings } from "./settings.ts";

/** What tests inside the host may look at; nobody else gets anything from us. */
export interface TestHooks {
  readonly app: () => Promise<App>;
  readonly isLoaded: () => boolean;
}

/**
 * Registers what VS Code may ask for, and does nothing else: no file is read and no process is
 * looked for before the first use, unless the user asks for it by `server.autoStart`.
 */
export function activate(context: vscode.ExtensionContext): TestHooks | undefined {
  const log = createLog();
  context.subscriptions.push(log);
  let loaded: Promise<App> | undefined;
  const load = (): Promise<App> => {
    loaded ??= import("./first-use.ts")
      .then(({ createApp }) => createApp(context, log))
      .catch((thrown: unknown) => {
        loaded = undefined;
        log.error(thrown instanceof Error ? thrown : String(thrown));
        throw thrown;
      });
    return loaded;
  };

  for (const id of commandsOf(context)) {
    const run = async (...args: unknown[]): Promise<unknown> => {
      const { runCommand } = await import("./first-use.ts");
      return runCommand(load, log, id, args);
    };
    context.subscriptions.push(vscode.commands.registerCommand(id, run));
  }
  const kept = new KeptFiles(async (uri, onChange) => {
    const app = await load();
    return await (await import("./changes/changes.ts")).readKept(app, uri, onChange);
  });
  context.subscriptions.push(
    vscode.workspace.registerFileSystemProvider(KEPT, kept, {
      isCaseSensitive: true,
      isReadonly: true,
    }),
    vscode.window.registerWebviewViewProvider(VIEW_ID, {
      resolveWebviewView: (view) => load().then((app) => void app.chats.addView(view), say),
    }),
    vscode.window.registerWebviewPanelSerializer(PANEL_ID, {
      deserializeWebviewPanel: (panel) => load().then((app) => void app.chats.addPanel(panel), say),
    }),
    vscode.window.registerWebviewPanelSerializer(METRICS_ID, {
      deserializeWebviewPanel: async (panel) => {
        await load()
          .then(async (app) => (await app.metrics.load()).restore(panel))
          .catch(say);
      },
    }),
  );
  void vscode.commands.executeCommand("setContext", "streamkeeper.serverState", "stopped");
  if (createSettings(context).autoStart())
    void load()
      .then((app) => app.companion.ensure())
      .catch(say);
  // A chat that was not finished may wait for somebody by now.
  else if (context.workspaceState.get<unknown[]>(UNFINISHED, []).length > 0) load().catch(say);

  if (context.extensionMode !== vscode.ExtensionMode.Test) return undefined;
  return { app: load, isLoaded: () => loaded !== undefined };
}

/** The manifest is the one list of commands; a test compares it with what `commands.ts` can do. */
function commandsOf(context: vscode.ExtensionContext): string[] {
  const commands: { command: string }[] = context.extension.packageJSON.contributes.commands;
  return commands.map(({ command }) => command);
}

function say(thrown: unknown): void {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  void vscode.window.showErrorMessage(vscode.l10n.t("Streamkeeper could not start: {0}", reason));
}

import * as vscode from "vscode";
import { explain } from "./explain.ts";
import { Problem } from "./problem.ts";

/** Told in this very moment: a command that ran into the same must not say it again. */
const TOLD_MS = 2_000;
const toldAt = new WeakMap<object, number>();

/** Tells the user what went wrong, with what can be done about it. */
export function tellProblem(thrown: unknown): void {
  if (thrown instanceof Problem) {
    const before = toldAt.get(thrown);
    if (before !== undefined && performance.now() - before < TOLD_MS) return;
    toldAt.set(thrown, performance.now());
  }
  const { message, hint } = explain(thrown);
  const actions = actionsFor(thrown);
  const text = [message, hint].filter(Boolean).join(" ");
  void vscode.window.showErrorMessage(text, ...actions.keys()).then((chosen) => {
    const command = actions.get(chosen ?? "");
    if (command !== undefined) void vscode.commands.executeCommand(command);
  });
}

/** Title -> command. */
function actionsFor(thrown: unknown): Map<string, string> {
  const code = thrown instanceof Problem ? thrown.code : "";
  const showLog: [string, string] = [vscode.l10n.t("Show log"), "streamkeeper.showLog"];
  switch (code) {
    case "companion_newer":
      return new Map([[vscode.l10n.t("Reload window"), "workbench.action.reloadWindow"]]);
    case "companion_gave_up":
    case "companion_exited":
    case "companion_slow":
      return new Map([showLog, [vscode.l10n.t("Try again"), "streamkeeper.restartServer"]]);
    case "database_url_missing":
      return new Map([[vscode.l10n.t("Set PostgreSQL URL"), "streamkeeper.setDatabaseUrl"]]);
    default:
      return new Map([showLog]);
  }
}

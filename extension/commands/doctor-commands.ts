import * as vscode from "vscode";
import type { CompanionClient } from "../companion/companion-client.ts";
import type { LaunchOptions } from "../companion/companion-launch.ts";
import type { CompanionProcess } from "../companion/companion-process.ts";
import { type DoctorReport, type DoctorTask, runDoctor } from "../companion/doctor.ts";

const SCHEME = "streamkeeper-report";
/** Under this key: the set-aside file that the user has been told of last. */
const TOLD_KEY = "setAsideTold";

/** What it needs of the app. */
interface DoctorApp {
  context: vscode.ExtensionContext;
  companion: CompanionProcess;
  client: CompanionClient;
  dataDir: string;
  launchOptions(): Promise<LaunchOptions>;
  reports: DoctorReports;
}

/**
 * Reports as documents that nobody is asked to save. Each has an address of its own, since VS
 * Code reads one only once.
 */
export class DoctorReports implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  #shown = 0;
  #text = "";

  provideTextDocumentContent(): string {
    return this.#text;
  }

  async show({ text }: DoctorReport): Promise<void> {
    this.#text = text;
    const query = String(++this.#shown);
    const uri = vscode.Uri.from({ scheme: SCHEME, path: "Streamkeeper doctor.txt", query });
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
  }

  dispose(): void {
    this.#registration.dispose();
  }
}

/** The command: a look, which changes nothing, and on request the repair. */
export async function doctorCommand(app: DoctorApp): Promise<void> {
  const options = await app.launchOptions();
  const report = await withProgress(vscode.l10n.t("Looking at the stored chats"), () =>
    runDoctor(app.dataDir, options, { task: "look" }),
  );
  await app.reports.show(report);
  if (report.ok) {
    void vscode.window.showInformationMessage(
      vscode.l10n.t("Nothing is wrong with the stored chats."),
    );
    return;
  }
  const repair = vscode.l10n.t("Repair");
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t(
      "Something is wrong with the stored chats. A repair stops the companion server for a moment; running answers are kept as far as they are.",
    ),
    repair,
  );
  if (chosen === repair) await runDoctorTask(app, { task: "repair" });
}

/** Tells once of a database that could not be read, and offers to bring back what can be. */
export async function tellSetAside(app: DoctorApp): Promise<void> {
  // Nobody asked: a companion that has just died is told of elsewhere, and the
  // next one is asked again.
  const ready = await app.client.call("get_ready", {}).catch(() => undefined);
  const set_aside = ready?.set_aside;
  const { globalState } = app.context;
  if (!set_aside || globalState.get(TOLD_KEY) === set_aside.path) return;
  await globalState.update(TOLD_KEY, set_aside.path);
  const { path, backup_at } = set_aside;
  const bringBack = vscode.l10n.t("Bring back what can be read");
  const happened = vscode.l10n.t(
    "The database could not be read. It is kept as {0}, and a new one was begun.",
    path,
  );
  const backup =
    backup_at === null
      ? vscode.l10n.t("There is no backup.")
      : vscode.l10n.t("The last backup is of {0}.", new Date(backup_at).toLocaleString());
  const chosen = await vscode.window.showWarningMessage(`${happened} ${backup}`, bringBack);
  if (chosen === bringBack) await runDoctorTask(app, { task: "salvage", file: path });
}

/** Lets the doctor work in the place of the companion, then starts that again. */
async function runDoctorTask(app: DoctorApp, what: DoctorTask): Promise<void> {
  const { companion, dataDir, reports } = app;
  const options = await app.launchOptions();
  const report = await withProgress(vscode.l10n.t("Mending the stored chats"), async () => {
    // It waits for the companion's place before that is free, so no other window's
    // companion comes in between.
    const mending = runDoctor(dataDir, options, what);
    const [mended] = await Promise.allSettled([mending, companion.stopRunning()]);
    await companion.ensure();
    if (mended.status === "rejected") throw mended.reason;
    return mended.value;
  });
  await reports.show(report);
}

async function withProgress<T>(title: string, task: () => Promise<T>): Promise<T> {
  const location = vscode.ProgressLocation.Notification;
  return vscode.window.withProgress({ location, title }, task);
}

// Chats out into files, and in from them. Loaded with its first use.
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as vscode from "vscode";
import * as z from "zod/mini";
import { AttachmentHash } from "../../server/protocol/attachments.ts";
import { Id } from "../../server/protocol/fields.ts";
import { ImportReport } from "../../server/protocol/responses.ts";
import { toFileName } from "../../server/shared/file-names.ts";
import { parseJson } from "../../server/shared/json.ts";
import type { Chats } from "../chat/chats.ts";
import type { CompanionProcess } from "../companion/companion-process.ts";
import { Problem } from "../problem.ts";

/** Of the extension, what this needs. */
interface App {
  log: vscode.LogOutputChannel;
  companion: CompanionProcess;
  chats: Chats;
}

type Format = "jsonl" | "markdown" | "html";

export async function exportChat(app: App): Promise<void> {
  const { session_id, title } = app.chats.active()?.state ?? {};
  if (!session_id) {
    void vscode.window.showInformationMessage(vscode.l10n.t("Open a chat first."));
    return;
  }
  const target = await vscode.window.showSaveDialog({
    title: vscode.l10n.t("Export chat"),
    defaultUri: inHome(`${toFileName(title ?? "")}.jsonl`),
    filters: {
      [vscode.l10n.t("Whole chat, can be imported")]: ["jsonl"],
      Markdown: ["md"],
      HTML: ["html"],
    },
  });
  if (!target) return;
  const path = `/v1/sessions/${encodeURIComponent(session_id)}/export?format=${formatOf(target)}`;
  await save(app, path, target);
}

export async function exportAllChats(app: App): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  const target = await vscode.window.showSaveDialog({
    title: vscode.l10n.t("Export all chats"),
    defaultUri: inHome(`streamkeeper-${day}.jsonl`),
    filters: { [vscode.l10n.t("Whole chats, can be imported")]: ["jsonl"] },
  });
  if (target) await save(app, "/v1/export", target);
}

const Attached = z.object({ session_id: Id, hash: AttachmentHash, name: z.string() });

/** A picture or a file that went with a message. */
export async function saveAttachment(app: App, which: unknown): Promise<void> {
  const { name, session_id, hash } = Attached.parse(which);
  // The ending tells what it is, and the name may be long.
  const [, stem = name, ending = ""] = /^(.*?)(\.\w{1,5})?$/s.exec(name) ?? [];
  const target = await vscode.window.showSaveDialog({
    title: vscode.l10n.t("Save what was attached"),
    defaultUri: inHome(toFileName(stem) + ending),
  });
  const path = `/v1/sessions/${encodeURIComponent(session_id)}/attachments/${hash}`;
  if (target) await save(app, path, target);
}

export async function importChats(app: App): Promise<void> {
  const files = await vscode.window.showOpenDialog({
    title: vscode.l10n.t("Import chats"),
    openLabel: vscode.l10n.t("Import"),
    canSelectMany: true,
    filters: { [vscode.l10n.t("Exported chats")]: ["jsonl"] },
  });
  for (const file of files ?? []) await importFile(app, file, false);
}

/** Under another name until all of it is there: a part of a file is never taken for the whole. */
async function save(app: App, path: string, target: vscode.Uri): Promise<void> {
  const title = vscode.l10n.t("Exporting to {0}", nameOf(target));
  const isSaved = await withCancel(title, async (signal) => {
    const companion = await app.companion.ensure();
    const response = await companion.send({ method: "GET", path }, signal);
    if (target.scheme !== "file") {
      const parts: Buffer[] = [];
      for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
      await vscode.workspace.fs.writeFile(target, Buffer.concat(parts));
      return;
    }
    const unfinished = `${target.fsPath}.part`;
    try {
      await pipeline(response, createWriteStream(unfinished), { signal });
      await rename(unfinished, target.fsPath);
    } finally {
      await rm(unfinished, { force: true });
    }
  });
  if (!isSaved) return;
  const open = vscode.l10n.t("Open");
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t("Exported to {0}.", nameOf(target)),
    open,
  );
  if (chosen === open) await vscode.commands.executeCommand("vscode.open", target);
}

async function importFile(app: App, file: vscode.Uri, asCopies: boolean): Promise<void> {
  let report: ImportReport | undefined;
  const title = vscode.l10n.t("Importing {0}", nameOf(file));
  const isDone = await withCancel(title, async (signal) => {
    const companion = await app.companion.ensure();
    const bytes =
      file.scheme === "file"
        ? createReadStream(file.fsPath)
        : Readable.from([Buffer.from(await vscode.workspace.fs.readFile(file))]);
    const answer = await companion.text(
      {
        method: "POST",
        path: `/v1/import?copies=${String(asCopies)}`,
        bytes,
        headers: { "content-type": "application/jsonl" },
      },
      signal,
    );
    const parsed = ImportReport.safeParse(parseJson(answer));
    if (!parsed.success)
      throw Problem.ours("companion_malformed", "It answered in an unknown form");
    report = parsed.data;
  });
  if (isDone && report) await tell(app, file, report);
}

async function tell(app: App, file: vscode.Uri, report: ImportReport): Promise<void> {
  const { counts, complete, problems, session_id } = report;
  const taken = counts.imported + counts.incomplete;
  const parts = [
    vscode.l10n.t("Imported chats: {0}; here already: {1}.", taken, counts.present),
    ...(counts.incomplete > 0
      ? [
          vscode.l10n.t(
            "Not whole in the file, imported as far as they go: {0}.",
            counts.incomplete,
          ),
        ]
      : []),
    ...(counts.differs > 0
      ? [vscode.l10n.t("Here in another state, left as they are: {0}.", counts.differs)]
      : []),
    ...(counts.refused > 0 ? [vscode.l10n.t("Could not be read: {0}.", counts.refused)] : []),
    ...(complete || counts.incomplete + counts.refused > 0
      ? []
      : [vscode.l10n.t("The file is not whole.")]),
  ];
  for (const { title, message } of problems) {
    app.log.warn(`Import of ${nameOf(file)}: ${title ?? "a chat"}: ${message}`);
  }
  const actions = new Map<string, () => Promise<unknown>>();
  if (session_id !== null && taken > 0) {
    actions.set(vscode.l10n.t("Open chat"), () => app.chats.openSession(session_id));
  }
  if (counts.differs > 0) {
    actions.set(vscode.l10n.t("Import as copies"), () => importFile(app, file, true));
  }
  if (problems.length > 0) {
    actions.set(vscode.l10n.t("Show log"), async () => app.log.show());
  }
  const show = complete ? vscode.window.showInformationMessage : vscode.window.showWarningMessage;
  const chosen = await show(parts.join(" "), ...actions.keys());
  await actions.get(chosen ?? "")?.();
}

/** False if the person has cancelled it. */
async function withCancel(
  title: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const stop = new AbortController();
  const location = vscode.ProgressLocation.Notification;
  return await vscode.window.withProgress(
    { location, title, cancellable: true },
    async (_progress, cancelled) => {
      cancelled.onCancellationRequested(() => stop.abort());
      try {
        await work(stop.signal);
        return true;
      } catch (thrown) {
        if (stop.signal.aborted) return false;
        throw thrown;
      }
    },
  );
}

function formatOf({ path }: vscode.Uri): Format {
  if (/\.(?:md|markdown)$/i.test(path)) return "markdown";
  return /\.html?$/i.test(path) ? "html" : "jsonl";
}

function nameOf({ path }: vscode.Uri): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function inHome(name: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  return folder ? vscode.Uri.joinPath(folder, name) : vscode.Uri.file(name);
}

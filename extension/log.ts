import * as vscode from "vscode";
import {
  followLog,
  type LogEntry,
  type LogPlace,
  type LogTail,
  logPath,
  placeOf,
  sizeOf,
} from "./companion/companion-log.ts";

const FROM_COMPANION = "[companion] ";

export function createLog(): vscode.LogOutputChannel {
  return vscode.window.createOutputChannel("Streamkeeper", { log: true });
}

/** Shows in `log` what the companion of `dataDir` writes from now on. */
export async function showCompanionLog(
  log: vscode.LogOutputChannel,
  dataDir: string,
): Promise<LogTail> {
  const path = logPath(dataDir);
  return followLog(path, await sizeOf(path), ({ level, text }: LogEntry) =>
    log[level](`${FROM_COMPANION}${text}`),
  );
}

/**
 * Lines of the companion that belong to a turn lead to it; its own lines only,
 * not those of other logs.
 */
export function linkTurns(): vscode.Disposable {
  return vscode.languages.registerDocumentLinkProvider(
    { scheme: "output", language: "log" },
    {
      provideDocumentLinks(document) {
        const links: vscode.DocumentLink[] = [];
        for (const [number, line] of document.getText().split(/\r?\n/).entries()) {
          const place = line.includes(FROM_COMPANION) ? placeOf(line) : undefined;
          if (place) links.push(toLink(number, place));
        }
        return links;
      },
    },
  );
}

function toLink(line: number, { from, to, ...place }: LogPlace): vscode.DocumentLink {
  const query = encodeURIComponent(JSON.stringify([place]));
  const link = new vscode.DocumentLink(
    new vscode.Range(line, from, line, to),
    vscode.Uri.parse(`command:streamkeeper.openTurn?${query}`),
  );
  link.tooltip = vscode.l10n.t("Show in the chat");
  return link;
}

import * as vscode from "vscode";
import { followLog, type LogEntry, type LogTail, logPath, sizeOf } from "./companion-log.ts";

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
    log[level](`[companion] ${text}`),
  );
}

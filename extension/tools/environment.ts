// What a model is told of where the tools work. Knows nothing of VS Code.
import type { Environment } from "../../server/protocol/offers.ts";

/** The protocol's limits. */
const MAX_FOLDERS = 50;
const MAX_CHARS = 255;

/**
 * Whatever a workspace calls its folders, a message can be sent: what the protocol would refuse is
 * made to fit. Undefined if nothing is left to be told of.
 */
export function toEnvironment(
  platform: NodeJS.Platform,
  shell: string,
  folderNames: readonly string[],
): Environment | undefined {
  const folders = folderNames
    .map(toWord)
    .filter((name) => name !== "")
    .slice(0, MAX_FOLDERS);
  if (folders.length === 0) return undefined;
  const os = platform === "darwin" ? "macOS" : platform === "win32" ? "Windows" : "Linux";
  const runner = toWord(shell);
  return { os, shell: runner || undefined, folders };
}

function toWord(text: string): string {
  return text.replaceAll("\0", "").trim().slice(0, MAX_CHARS).toWellFormed().trim();
}

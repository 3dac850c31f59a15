import type { Environment } from "../protocol/offers.ts";

/**
 * An agent's prompt, and where its tools work. Names of folders are quoted as JSON: whoever named a
 * folder gives the model no orders.
 */
export function withEnvironment(prompt: string, environment: Environment | undefined): string {
  if (!environment) return prompt;
  const { os, shell, folders } = environment;
  const runs = shell === undefined ? "" : ` Commands run in ${JSON.stringify(shell)}.`;
  return `${prompt}\n\nYour tools work on a machine with ${os}.${runs} ${whereabouts(folders)}`;
}

function whereabouts(folders: readonly string[]): string {
  const [first] = folders;
  const names = folders.map((name) => JSON.stringify(name)).join(", ");
  if (folders.length === 1) {
    return `The workspace folder is named ${names}; paths are relative to it, without its name.`;
  }
  return `The workspace folders are named ${names}; a path begins with the name of its folder. Commands run in ${JSON.stringify(first)} unless you name another folder.`;
}

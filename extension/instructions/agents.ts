// Agents that people have written into the workspace, in our way or in others'.
import { basename } from "node:path";
import * as vscode from "vscode";
import type { OfferedAgent } from "../../server/protocol/offers.ts";
import { OTHERS_GLOB, parseOthersAgent } from "./others-agents.ts";
import { AGENTS_GLOB, MAX_AGENTS, parseAgent } from "./own-agents.ts";

const MAX_AGENT_BYTES = 60_000;

/**
 * Agents of a workspace that is not trusted are not even read: their prompts could order
 * anything.
 */
export async function ownAgents(log: { warn(message: string): void }): Promise<OfferedAgent[]> {
  if (!vscode.workspace.isTrusted) return [];
  const agents = new Map<string, OfferedAgent>();
  await readAgents(AGENTS_GLOB, (name, bytes) => parseAgent(name, new TextDecoder().decode(bytes)));
  await readAgents(OTHERS_GLOB, parseOthersAgent);
  return [...agents.values()].slice(0, MAX_AGENTS);

  /** Of one name the first counts. */
  async function readAgents(
    glob: string,
    parse: (fileName: string, bytes: Uint8Array) => OfferedAgent,
  ): Promise<void> {
    const files = await vscode.workspace.findFiles(glob, null, MAX_AGENTS);
    for (const uri of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
      try {
        const bytes = await vscode.workspace.fs.readFile(uri);
        if (bytes.length > MAX_AGENT_BYTES) throw new Error("the file is too large");
        const agent = parse(basename(uri.path), bytes);
        if (!agents.has(agent.type)) agents.set(agent.type, agent);
      } catch (thrown) {
        const reason = thrown instanceof Error ? thrown.message : String(thrown);
        log.warn(`${vscode.workspace.asRelativePath(uri)} is no agent: ${reason}`);
      }
    }
  }
}

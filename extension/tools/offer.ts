// What this window brings along with a message: its tools, the workspace's agents, and who it is.
import { basename } from "node:path";
import * as vscode from "vscode";
import type { OfferedTool } from "../../server/protocol/offers.ts";
import type { MessageRequest } from "../../server/protocol/requests.ts";
import { EDITOR_TOOLS, ruleOf } from "./definitions.ts";
import { toEnvironment } from "./environment.ts";
import { workspaceFolders } from "./files/files.ts";
import { foreignTools } from "./foreign/foreign-tools.ts";

const FETCH_PAGE = "fetch_page" as const;
/** The protocol's limit. */
const MAX_TOOLS = 128;

export type Offering = Pick<
  MessageRequest,
  | "tools"
  | "companion_tools"
  | "agents"
  | "environment"
  | "instructions"
  | "client_id"
  | "workspace"
  | "workspace_trusted"
>;

export interface OfferDeps {
  clientId: string;
  toolsEnabled(): boolean;
  /** The user's rules by tool, not yet looked at. */
  toolRules(): unknown;
  log: { warn(message: string): void };
}

export async function makeOffer(deps: OfferDeps): Promise<Offering> {
  const workspace = workspaceName();
  if (!deps.toolsEnabled()) return {};
  const rules = deps.toolRules();
  const companion_tools = [
    { name: FETCH_PAGE, rule: ruleOf({ name: FETCH_PAGE, kind: "other" }, rules) },
  ];
  // Pages of the web need no folder.
  if (workspace === undefined) return { companion_tools };
  const names = workspaceFolders().map(({ name }) => name);
  const environment = toEnvironment(process.platform, basename(vscode.env.shell), names);
  const tools = [
    ...EDITOR_TOOLS.map((tool): OfferedTool => ({ ...tool, rule: ruleOf(tool, rules) })),
    ...foreignTools(vscode.lm.tools, MAX_TOOLS - EDITOR_TOOLS.length, deps.log).map(
      ({ tool, ownName }): OfferedTool => ({ ...tool, rule: ruleOf(tool, rules, ownName) }),
    ),
  ];
  return {
    tools,
    companion_tools,
    agents: await (await import("../instructions/instructions.ts")).ownAgents(deps.log),
    environment,
    client_id: deps.clientId,
    workspace,
    workspace_trusted: vscode.workspace.isTrusted,
  };
}

/** The same for every window on the same folders; undefined without a folder on this machine. */
export function workspaceName(): string | undefined {
  const folders = workspaceFolders();
  if (folders.length === 0) return undefined;
  const name = vscode.workspace.workspaceFile?.toString() ?? folders.map(({ path }) => path).join();
  return name.slice(0, 2_000);
}

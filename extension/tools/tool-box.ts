// The tools of this window, put together: what is offered, who runs it, how
// changes are shown and kept.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import * as vscode from "vscode";
import type { ClientMessage } from "../../server/protocol/requests.ts";
import type { PendingCall } from "../../server/protocol/responses.ts";
import type { Mention, ProposedChange } from "../../webview/messages.ts";
import type { CompanionClient } from "../companion/companion-client.ts";
import { Problem } from "../problem.ts";
import type { Settings } from "../settings.ts";
import { Checkpoints } from "./checkpoints.ts";
import { workspaceFolders } from "./files/files.ts";
import { SeenFiles } from "./files/seen-files.ts";
import { createMcpStart } from "./foreign/start-mcp.ts";
import { makeOffer, type Offering, workspaceName } from "./offer.ts";
import type { WorkspaceRoots } from "./paths.ts";
import type { Proposals } from "./proposals.ts";
import { isChange, PROPOSED } from "./proposed.ts";
import { type EndKind, ToolRunner } from "./tool-runner.ts";

export interface ToolBoxDeps {
  context: vscode.ExtensionContext;
  client: CompanionClient;
  settings: Settings;
  dataDir: string;
  onSent(sessionId: string): void;
  /** What waits in a session of this window for a person, each time that changes. */
  onAsked(sessionId: string, calls: readonly PendingCall[]): void;
  onEnded(sessionId: string, how: EndKind): void;
  onProposed(sessionId: string, callId: string): void;
  onFollowed(sessionIds: readonly string[]): void;
  log: { warn(message: string): void };
}

export interface ToolBox {
  checkpoints: Checkpoints;
  /** Where they work. */
  roots(): WorkspaceRoots;
  offer(): Promise<Offering>;
  /** The same, once what it takes has been started. */
  offerFor(message: ClientMessage): Promise<Offering>;
  /** What a message can begin with beside agents. */
  prompts(): Promise<Mention[]>;
  /** With the prompt that it names; sent again it is the same, or it would be another message. */
  withPrompt(message: ClientMessage, requestId: string | undefined): Promise<ClientMessage>;
  onSent(sessionId: string, after: number): void;
  /** A message of this window waits in the session: its turn comes later. */
  onQueued(sessionId: string): void;
  onOpened(sessionId: string): void;
  /** Resolves when no call of the session runs in this window any more. */
  settled(sessionId: string): Promise<void>;
  /** A decision from the chat, with what a person has made of the diff that it is about. */
  withEdits(sessionId: string, message: ClientMessage): ClientMessage;
  /** What a call that waits will write; null where this window does not know. */
  changeOf(sessionId: string, callId: string): Promise<ProposedChange | null>;
  /** A person's word on the change in this editor; without one, on that in the active editor. */
  decide(uri: unknown, decision: "approve" | "reject"): Promise<void>;
  /** Shows the changes that wait in a session, once more. */
  showChange(sessionId: string | null | undefined): Promise<void>;
  dispose(): void;
}

const loadInstructions = async () => await import("../instructions/instructions.ts");

export function createToolBox(deps: ToolBoxDeps): ToolBox {
  const { context, client, settings, dataDir, log } = deps;
  // Of this window and this start: who was here before has gone, and so have its calls.
  const clientId = randomUUID();
  const seen = new SeenFiles(context.workspaceState);
  const checkpoints = new Checkpoints(join(context.globalStorageUri.fsPath, "checkpoints"));
  const workspace = (): string | undefined =>
    settings.toolsEnabled() ? workspaceName() : undefined;
  const roots = (): WorkspaceRoots => ({
    folders: workspaceFolders(),
    closed: [dataDir, context.globalStorageUri.fsPath],
  });
  let proposals: Proposals | undefined;
  const onFailed = (thrown: unknown): void =>
    log.warn(`A change cannot be shown: ${String(thrown)}`);
  const loadProposals = async (): Promise<Proposals> => {
    const loaded = await import("./proposals.ts");
    proposals ??= new loaded.Proposals({
      roots,
      seen,
      clientId,
      decide: (session_id, message) =>
        client.call("send_message", { session_id, client_id: clientId, message }),
      onProposed: (sessionId, callId) => deps.onProposed(sessionId, callId),
      onFailed,
      log,
    });
    return proposals;
  };
  const showProposals = async (...shown: Parameters<Proposals["update"]>): Promise<void> => {
    if (proposals || shown[1].some(isChange)) await (await loadProposals()).update(...shown);
  };
  // It closes what a reload has left over.
  if (hasProposedTabs()) loadProposals().catch(onFailed);
  const runner = new ToolRunner({
    client,
    clientId,
    workspace,
    async run(call, sessionId, signal, onOutput) {
      const { runTool } = await import("./run-tool.ts");
      return await runTool({ roots, seen, checkpoints }, call, sessionId, signal, onOutput);
    },
    onAsked(sessionId, calls, isAlone) {
      deps.onAsked(sessionId, calls);
      showProposals(sessionId, calls, isAlone).catch(onFailed);
    },
    onEnded: (sessionId, how) => deps.onEnded(sessionId, how),
    onFollowed: (sessionIds) => deps.onFollowed(sessionIds),
    log,
  });
  const startMcp = createMcpStart(log);
  const offer = (): Promise<Offering> =>
    makeOffer({
      clientId,
      toolsEnabled: () => settings.toolsEnabled(),
      toolRules: () => settings.toolRules(),
      log,
    });
  return {
    checkpoints,
    roots,
    offer,
    async offerFor(message) {
      if (message.type !== "user_message") return await offer();
      if (workspace() !== undefined) await startMcp();
      const own = settings.ownInstructions();
      const canRead = workspace() !== undefined;
      const isEnabled = settings.instructionsEnabled() && workspaceFolders().length > 0;
      if (own === "" && !isEnabled) return await offer();
      const { takeInstructions } = await loadInstructions();
      const [offering, instructions] = await Promise.all([
        offer(),
        takeInstructions({ roots, own, isEnabled, canRead, log }, message.context ?? []),
      ]);
      return { ...offering, ...(instructions.length > 0 && { instructions }) };
    },
    async prompts() {
      const { listPrompts } = await loadInstructions();
      return await listPrompts({ roots, own: settings.ownPrompts(), log });
    },
    async withPrompt(message, requestId = "") {
      if (message.type !== "user_message" || !/^\s*\//.test(message.content)) return message;
      const { withPrompt } = await loadInstructions();
      return await withPrompt({ roots, own: settings.ownPrompts(), log }, message, requestId);
    },
    onSent(sessionId, after) {
      deps.onSent(sessionId);
      runner.follow(sessionId, after);
    },
    onQueued: (sessionId) => runner.expect(sessionId),
    onOpened: (sessionId) => void runner.look(sessionId),
    withEdits: (sessionId, message) => proposals?.withEdits(sessionId, message) ?? message,
    changeOf: async (sessionId, callId) => (await proposals?.changeOf(sessionId, callId)) ?? null,
    settled: (sessionId) => runner.settled(sessionId),
    async decide(uri, decision) {
      const { activeTextEditor } = vscode.window;
      const target = uri instanceof vscode.Uri ? uri : activeTextEditor?.document.uri;
      if (target?.scheme === PROPOSED) await proposals?.decide(target, decision);
    },
    async showChange(sessionId) {
      const { pending } = sessionId
        ? await client.call("list_pending", { session_id: sessionId })
        : { pending: [] };
      const changes = pending.filter(({ kind, waits_for }) => {
        return kind === "write" && waits_for === "tool_decision";
      });
      if (!sessionId || changes.length === 0) {
        throw Problem.answered(
          "not_waiting",
          vscode.l10n.t("No change of a file waits for you here."),
          undefined,
        );
      }
      const all = await loadProposals();
      for (const call of changes) await all.show(sessionId, call, true);
    },
    dispose() {
      runner.dispose();
      proposals?.dispose();
    },
  };
}

function hasProposedTabs(): boolean {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  return tabs.some(({ input }) => {
    return input instanceof vscode.TabInputTextDiff && input.modified.scheme === PROPOSED;
  });
}

import { v7 as uuid } from "uuid";
import { findAttachments } from "../db/tables/attachments.ts";
import { textBetween } from "../db/tables/chunks.ts";
import { findInstruction } from "../db/tables/instructions.ts";
import { workspacesOf } from "../db/tables/listed.ts";
import {
  conversation,
  insertMessage,
  lastPosition,
  type MessageRow,
  metadataOf,
} from "../db/tables/messages.ts";
import { readQueue } from "../db/tables/queue.ts";
import { changeSession, findSession, listSessions } from "../db/tables/sessions.ts";
import { endTurn, findOpenTurn, insertTurn } from "../db/tables/turns.ts";
import { AGENTS, DEFAULT_AGENT, findAgent } from "../domain/agents.ts";
import { titleFrom } from "../domain/titles.ts";
import { ChatError } from "../errors.ts";
import { readAsContext } from "../pages/as-material.ts";
import type { AgentList, Message, Ready, Session } from "../protocol/responses.ts";
import { SAMPLING_FIELDS, type Sampling } from "../protocol/sampling.ts";
import type { ResolvedModel } from "../providers/catalog.ts";
import { editQueued, resumeQueue, sendNow, stopQueue, takeBack } from "./accept/change-queue.ts";
import { chooseVersion, listVersions } from "./accept/choose-version.ts";
import { createSession, idOf } from "./accept/create-session.ts";
import { queueMessage } from "./accept/queue-message.ts";
import { rewindSession } from "./accept/rewind-session.ts";
import { sendIdleQueues } from "./accept/send-queued.ts";
import { startUserTurn, switchAgent } from "./accept/start-turn.ts";
import { refuseWhatIsNotTaken, storeAttachments } from "./attachments/attachment-data.ts";
import { readAttachments } from "./attachments/read-attachments.ts";
import { decideCall, takeResult } from "./calls/answer-call.ts";
import {
  approvalRules,
  removeApprovalRule,
  ruleChoices,
  setApprovalLevel,
} from "./calls/approvals.ts";
import { claim, listPending } from "./calls/claims.ts";
import { decideChanges } from "./calls/decide-changes.ts";
import { revokeToolRule } from "./calls/revoke-tool-rule.ts";
import { takeOutput } from "./calls/tool-output.ts";
import type { AcceptedTurn, Chat, ImportedMessage } from "./chat.ts";
import type { ChatDeps } from "./deps.ts";
import { knownPlace, streamFrames } from "./log/stream-frames.ts";
import { quoteChat } from "./quote-chat.ts";
import { createChatFiles } from "./transfer/export-thread.ts";
import { forkSession } from "./transfer/fork-session.ts";
import { importChats } from "./transfer/import-chats.ts";
import { closeTurn, ENDINGS } from "./turn/close-turn.ts";
import { doneUnasked } from "./turn/prompt-messages.ts";
import { summariseNow, undoSummary } from "./turn/summarise.ts";
import { deleteSession, listDeletedSessions, restoreSession } from "./upkeep/deleted-chats.ts";
import { isUp } from "./upkeep/watch-storage.ts";

const LISTED_WORKSPACES = 200;

export function createChat(deps: ChatDeps): Chat {
  const { reader, turns, models } = deps;
  const { slowReader, source } = deps.database;
  const files = createChatFiles(source, deps.closing);
  /** Who sends or reads on waits for a database that is away; who only looks is told. */
  const patient = { ...deps, reader: deps.database.patientReader };
  return {
    async startTurn(request) {
      const { message, session_id } = request;
      switch (message.type) {
        case "user_message":
          return await startUserTurn(patient, request, message);
        case "switch_agent":
          return await switchAgent(patient, request, message);
        case "tool_decision":
          return await decideCall(deps, needed(session_id), message, request.client_id);
        case "tool_result":
          return await takeResult(deps, needed(session_id), message, request.client_id);
      }
    },
    ...queueOf(deps),
    startConversation: (model, messages, sampling) =>
      startConversation(deps, model, messages, sampling),
    stream: (sessionId, options, signal) => streamFrames(patient, sessionId, options, signal),
    logPlace: (sessionId) => knownPlace(deps, sessionId),
    cancelTurn: (sessionId) => cancelTurn(deps, sessionId),
    decideChanges: (sessionId, turnId, said) => decideChanges(deps, sessionId, turnId, said),
    rewind: (sessionId, turnId) => rewindSession(deps, sessionId, turnId),
    chooseVersion: (sessionId, request) => chooseVersion(deps, sessionId, request),
    listVersions: (sessionId) => listVersions(reader, sessionId),
    summarise: (sessionId) => summariseNow(deps, sessionId),
    revokeToolRule: (sessionId, toolName) => revokeToolRule(deps, sessionId, toolName),
    ruleChoices: (sessionId, callId) => ruleChoices(deps, sessionId, callId),
    approvalRules: (workspace) => approvalRules(deps, workspace),
    removeApprovalRule: (id) => removeApprovalRule(deps, id),
    setApprovalLevel: (sessionId, wish) => setApprovalLevel(deps, sessionId, wish),
    undoSummary: (sessionId, summaryId) => undoSummary(deps, sessionId, summaryId),
    async createSession(request) {
      turns.refuseWhenDraining();
      if (request.model !== undefined) deps.resolveModel(request.model);
      return await createSession(deps, request, findSession);
    },
    async listWorkspaces() {
      return { workspaces: await workspacesOf(reader, LISTED_WORKSPACES) };
    },
    async listSessions({ query, limit = 50, cursor, ...filter }) {
      const before = cursor === undefined ? undefined : fromCursor(cursor);
      const from = query === undefined ? reader : slowReader;
      const rows = await listSessions(from, { query, limit: limit + 1, before, filter });
      const sessions = rows.slice(0, limit).map((session) => withNewest(deps, session));
      const last = sessions.at(-1);
      return { sessions, next_cursor: rows.length > limit && last ? toCursor(last) : null };
    },
    getSession: async (sessionId) => withNewest(deps, await findSession(reader, sessionId)),
    async updateSession(sessionId, changes) {
      if (changes.model !== undefined) deps.resolveModel(changes.model);
      if (changes.agent_type !== undefined && !findAgent(changes.agent_type)) {
        throw new ChatError("invalid_request", "agent_type: there is no such agent.");
      }
      const uow = deps.newUnitOfWork({ sessionId });
      return await uow.commit("update_session", async (trx) => {
        await changeSession(trx, sessionId, changes);
        return await findSession(trx, sessionId);
      });
    },
    async deleteSession(sessionId, forGood = false) {
      await stopQueue(deps, sessionId);
      await deleteSession(deps, sessionId, forGood);
    },
    restoreSession: (sessionId) => restoreSession(deps, sessionId),
    listDeleted: () => listDeletedSessions(deps),
    forkSession: (sessionId, wish = {}) => forkSession(deps, sessionId, wish),
    quoteChat: (sessionId) => quoteChat(slowReader, sessionId),
    readPage: (address, signal) => readAsContext(deps.pages, address, signal),
    async exportChat(sessionId, format) {
      const { title } = await findSession(reader, sessionId);
      return { title, parts: files.parts({ sessionId, format }) };
    },
    exportAll: () => files.parts("all"),
    importChats: (lines, asCopies) => importChats(deps, lines, asCopies),
    listMessages: (sessionId, turnId) => listMessages(deps, sessionId, turnId),
    getInstruction: (sessionId, hash) => readInstruction(reader, sessionId, hash),
    readAttachment: (sessionId, hash) => readAttachment(reader, sessionId, hash),
    listPending: (sessionId) => listPending(reader, sessionId),
    claimCall: (sessionId, callId, clientId) => claim(deps, sessionId, callId, clientId),
    takeOutput: (sessionId, callId, piece) => takeOutput(deps, sessionId, callId, piece),
    listAgents,
    listModels: () => models.list(),
    listTransactions: ({ limit = 50, slow = false }) => ({
      engine: deps.database.engine,
      durability: deps.database.durability,
      slow_threshold_seconds: deps.recent.slowSeconds,
      transactions: deps.recent.list(limit, slow),
    }),
    setKey(provider, key, baseUrl) {
      models.setKey(provider, key, baseUrl);
      // What waited for it.
      sendIdleQueues(deps).catch((err: unknown) => deps.log.info({ err }, "no queue was sent"));
    },
    removeKey: (provider) => models.removeKey(provider),
    ready: () => readiness(deps),
    glanceAtStorage: () => deps.storage.glance(),
    runningTurns: () => turns.count,
    retire: () => turns.retire(),
    drain: () => turns.drain(),
  };
}

/** What concerns messages that wait. */
function queueOf(
  deps: ChatDeps,
): Pick<
  Chat,
  "queueMessage" | "listQueue" | "editQueued" | "takeBack" | "sendNow" | "resumeQueue"
> {
  const { reader } = deps;
  return {
    async queueMessage(request) {
      const { message } = request;
      if (message.type !== "user_message") return undefined;
      return await queueMessage(deps, request, message);
    },
    async listQueue(sessionId) {
      await knownPlace(deps, sessionId);
      const { messages } = await readQueue(reader, sessionId);
      return { messages };
    },
    editQueued: (sessionId, id, change) => editQueued(deps, sessionId, id, change),
    takeBack: (sessionId, id) => takeBack(deps, sessionId, id),
    sendNow: (sessionId, id) => sendNow(deps, sessionId, id),
    resumeQueue: (sessionId) => resumeQueue(deps, sessionId),
  };
}

async function readiness(deps: ChatDeps): Promise<Ready> {
  const { database, turns, metrics, storage } = deps;
  const problem = await storage.check();
  metrics.databaseUp.set(isUp(database, problem?.code) ? 1 : 0);
  return {
    ready: problem === undefined && !turns.draining,
    engine: database.engine,
    durability: database.durability,
    level: problem ? null : await database.level(),
    schema_version: database.schemaVersion,
    draining: turns.draining,
    problem: problem
      ? {
          code: problem.code,
          message: problem.message,
          hint: problem.hint,
        }
      : null,
    set_aside: deps.setAside(),
  };
}

/** A turn that pauses or goes on at the very moment is asked again, until it has really ended. */
const MAX_CANCELS = 100;

async function cancelTurn(deps: ChatDeps, sessionId: string): Promise<{ turn_id: string | null }> {
  await findSession(deps.reader, sessionId);
  await stopQueue(deps, sessionId);
  let turnId: string | null = null;
  for (let n = 0; n < MAX_CANCELS; n++) {
    turnId ??= (await deps.turns.cancel(sessionId)).turn_id;
    const open = await findOpenTurn(deps.reader, sessionId);
    if (!open || (turnId !== null && open.id !== turnId)) break;
    turnId = open.id;
    if (open.status === "waiting") await closeWaiting(deps, sessionId, turnId);
    else await deps.turns.cancel(sessionId);
  }
  deps.companionCalls.stop(sessionId);
  return { turn_id: turnId };
}

async function closeWaiting(deps: ChatDeps, sessionId: string, turnId: string): Promise<void> {
  const turn = { sessionId, turnId };
  await deps.write({ operation: "interrupt_turn", ...turn }, async ({ trx, append }) => {
    const open = await findOpenTurn(trx, sessionId);
    // Decided in the meantime: then it runs, or is another.
    if (open?.status !== "waiting" || open.id !== turnId) return;
    await closeTurn(trx, append, turn, ENDINGS.cancelled);
  });
}

async function readInstruction(reader: ChatDeps["reader"], sessionId: string, hash: string) {
  await findSession(reader, sessionId);
  return await findInstruction(reader, sessionId, hash);
}

async function readAttachment(reader: ChatDeps["reader"], sessionId: string, hash: string) {
  await findSession(reader, sessionId);
  const found = (await findAttachments(reader, sessionId, [hash])).get(hash);
  if (!found) throw new ChatError("not_found", "This chat has no such attachment.");
  return { media_type: found.media_type, content: Buffer.from(found.data, "base64") };
}

/** As its log is, not only as its row says. */
function withNewest({ database: { tail } }: ChatDeps, session: Session): Session {
  const { id, last_seq } = session;
  return tail ? { ...session, last_seq: tail.newestSeq(id, last_seq) } : session;
}

async function listMessages(deps: ChatDeps, sessionId: string, turnId?: string) {
  const { reader } = deps;
  const { last_seq } = withNewest(deps, await findSession(reader, sessionId));
  const messages = (await conversation(reader, sessionId, { turnId })).map(toMessage);
  const turn = await findOpenTurn(reader, sessionId);
  if (turn?.status === "running" && (turnId === undefined || turn.id === turnId)) {
    const after = await lastPosition(reader, turn.id);
    const content = await textBetween(reader, { sessionId, turnId: turn.id, after });
    messages.push({
      id: turn.id,
      turn_id: turn.id,
      role: "assistant",
      content,
      status: "streaming",
      created_at: new Date(turn.started_at).toISOString(),
      metadata: { agent_type: turn.agent_type, model: turn.model },
    });
  }
  return { messages, last_seq };
}

function toMessage(row: MessageRow): Message {
  const { id, turn_id, role, content, status } = row;
  const created_at = new Date(row.created_at).toISOString();
  const { thinking: _thinking, usage: _usage, ...metadata } = metadataOf(row);
  return { id, turn_id, role, content, status, created_at, metadata };
}

/**
 * Earlier messages are stored as one finished turn; the last one, from the user, is then
 * answered like any other.
 */
async function startConversation(
  deps: ChatDeps,
  model: string,
  messages: ImportedMessage[],
  sampling: Sampling | null,
): Promise<AcceptedTurn> {
  deps.turns.refuseWhenDraining();
  const last = messages.at(-1);
  if (last?.role !== "user") {
    throw new ChatError("invalid_request", "messages: the last one must be from the user.");
  }
  const resolved = deps.resolveModel(model);
  refuseUntaken(resolved, sampling);
  const attached = messages.map(({ attachments = [] }) => readAttachments(attachments));
  for (const { refs } of attached) refuseWhatIsNotTaken(resolved, refs);
  const wanted = { title: titleFrom(last.content), model: resolved.id };
  const sessionId = await createSession(deps, wanted, idOf);
  const earlier = messages.slice(0, -1);
  if (earlier.length > 0) await importMessages(deps, sessionId, resolved.id, earlier);
  const { content, attachments = [] } = last;
  const message = {
    type: "user_message" as const,
    content,
    ...(attachments.length > 0 && { attachments: [...attachments] }),
  };
  return await startUserTurn(deps, { session_id: sessionId, message }, message, sampling);
}

/** Before anything is stored or paid for. */
function refuseUntaken({ provider, id }: ResolvedModel, sampling: Sampling | null): void {
  const untaken = SAMPLING_FIELDS.find(
    (field) => sampling?.[field] !== undefined && !provider.takes.includes(field),
  );
  if (untaken === undefined) return;
  const name = untaken === "max_output_tokens" ? "max_tokens" : untaken;
  throw new ChatError("invalid_request", `${name}: cannot be handed on to ${id}.`, {
    hint: "Its API has no such setting. Leave it out, or choose another model.",
  });
}

async function importMessages(
  deps: ChatDeps,
  sessionId: string,
  model: string,
  messages: ImportedMessage[],
): Promise<void> {
  const since = performance.now();
  const attached = messages.map(({ attachments = [] }) => readAttachments(attachments));
  const carried = attached.map(({ refs }) => (refs.length > 0 ? { attachments: refs } : {}));
  const turnId = uuid();
  const step = { operation: "import_messages", sessionId, turnId } as const;
  const by = { model, agent_type: DEFAULT_AGENT };
  await deps.write(step, async ({ trx, append, session }) => {
    const { last_seq: after_seq } = session;
    await insertTurn(trx, { id: turnId, session_id: sessionId, ...by, after_seq });
    const { chunks } = await append(
      messages.map(({ role, content }, index) =>
        role === "assistant"
          ? { type: "assistant_message", token: content }
          : { type: "user_message", content, metadata: { ...by, role, ...carried[index] } },
      ),
    );
    for (const [index, { role, content }] of messages.entries()) {
      await insertMessage(trx, {
        session_id: sessionId,
        turn_id: turnId,
        position: chunks[index]?.seq ?? 0,
        role: role === "assistant" ? "assistant" : "user",
        content: role === "system" ? `<instructions>\n${content}\n</instructions>` : content,
        status: "complete",
        metadata: carried[index] ?? {},
      });
    }
    await storeAttachments(
      trx,
      sessionId,
      attached.flatMap(({ blobs }) => blobs),
    );
    const { type, metadata } = await doneUnasked(trx, sessionId, { ...by, since });
    await append([{ type, metadata: { ...metadata, imported: true } }]);
    await endTurn(trx, turnId, { status: "done" });
  });
}

function needed(sessionId: string | undefined): string {
  if (sessionId !== undefined) return sessionId;
  throw new ChatError("invalid_request", "session_id: needed for an answer to a tool call.");
}

/** Where a page ended: opaque to clients. */
function toCursor(session: { updated_at: string; id: string }): string {
  return Buffer.from(`${Date.parse(session.updated_at)} ${session.id}`).toString("base64url");
}

function fromCursor(cursor: string): { updated_at: number; id: string } {
  const [time = "", id = ""] = Buffer.from(cursor, "base64url").toString().split(" ");
  if (!/^\d{1,15}$/.test(time) || id === "") {
    throw new ChatError("invalid_request", "cursor: not one that this server gave.");
  }
  return { updated_at: Number(time), id };
}

function listAgents(): AgentList {
  const agents = AGENTS.map(({ type, name, description }) => ({ type, name, description }));
  return { agents, default: DEFAULT_AGENT };
}

import { v7 as uuid } from "uuid";
import { insertRequest, type RequestRow } from "../../db/tables/requests.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { TITLE_TRIES } from "../../db/tables/session-titles.ts";
import { insertSession, type NewSession } from "../../db/tables/sessions.ts";
import { DEFAULT_AGENT, findAgent } from "../../domain/agents.ts";
import type { Offer } from "../../domain/offer.ts";
import { UNTITLED } from "../../domain/titles.ts";
import { ChatError } from "../../errors.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import type { ChatDeps } from "../deps.ts";
import { writeSession } from "../log/write-session.ts";

interface WantedSession {
  title?: string | undefined;
  agent_type?: string | undefined;
  model?: string | undefined;
  agents?: Offer["agents"] | undefined;
}

export function newSession(wanted: WantedSession): NewSession {
  return {
    id: uuid(),
    title: wanted.title ?? UNTITLED,
    agent_type: knownAgent(wanted.agent_type ?? DEFAULT_AGENT, wanted.agents),
    model: wanted.model ?? null,
    title_tries: wanted.title === undefined ? TITLE_TRIES : 0,
  };
}

/** The first chunk of its log. */
export function sessionInfo({ title, agent_type, model }: NewSession): NewChunk {
  return { type: "session_info", metadata: { title, agent_type, model } };
}

/**
 * A session is made by its own step; with a `request` that step already remembers it, so a repeat
 * finds the session. Resolves with what `read` finds within the step: what has been made is never
 * told as a failure to read it.
 */
export async function createSession<T>(
  deps: Pick<ChatDeps, "newUnitOfWork" | "hub">,
  wanted: WantedSession,
  read: (trx: Trx, sessionId: string) => Promise<T> | T,
  request?: Omit<RequestRow, "session_id" | "turn_id" | "created_at">,
): Promise<T> {
  const session = newSession(wanted);
  const sessionId = session.id;
  const step = { operation: "create_session", sessionId, begins: true } as const;
  return await writeSession(deps.hub, deps.newUnitOfWork(step), step, async (trx, append) => {
    await insertSession(trx, session);
    if (request) await insertRequest(trx, { ...request, session_id: sessionId, turn_id: null });
    await append([sessionInfo(session)]);
    return await read(trx, sessionId);
  });
}

/** For a caller that needs no more of a new session. */
export function idOf(_trx: Trx, sessionId: string): string {
  return sessionId;
}

/** The name of an agent that there is. */
export function knownAgent(type: string, own?: Offer["agents"]): string {
  if (!findAgent(type, own)) {
    throw new ChatError("invalid_request", `agent_type: there is no agent called ${type}.`, {
      hint: "GET /v1/agents lists them.",
    });
  }
  return type;
}

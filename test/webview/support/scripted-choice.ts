import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { ChooseVersionRequest } from "../../../server/protocol/served-requests.ts";
import type { AnyChunk } from "../../support/any-chunk.ts";
import { json, type Refusal, refuse, type ScriptedSession, toSession } from "./scripted-parts.ts";

interface Companion {
  refusals: Refusal[];
  say(session: ScriptedSession, turnId: string | undefined, ...chunks: AnyChunk[]): void;
  done(session: ScriptedSession, turnId: string): void;
}

/** Another version of the chat is chosen, by whatever window. */
export function choose(
  companion: Companion,
  session: ScriptedSession,
  chosen_turn_id: string,
): void {
  const metadata = { state: "version_chosen", chosen_turn_id, context_tokens: 100 };
  const turnId = randomUUID();
  companion.say(session, turnId, { type: "status", metadata });
  companion.done(session, turnId);
}

export function answerChoice(
  companion: Companion,
  session: ScriptedSession,
  body: unknown,
  response: ServerResponse,
): void {
  const refusal = companion.refusals.shift();
  if (refusal) return refuse(response, refusal);
  choose(companion, session, ChooseVersionRequest.parse(body).turn_id);
  json(response, 200, toSession(session));
}

import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { ChooseVersionRequest } from "../../../server/protocol/served-requests.ts";
import type { ScriptedCompanion } from "./scripted-companion.ts";
import { json, refuse, type ScriptedSession, toSession } from "./scripted-parts.ts";

/** Another version of the chat is chosen, by whatever window. */
export function choose(
  companion: ScriptedCompanion,
  session: ScriptedSession,
  chosen_turn_id: string,
): void {
  const metadata = { state: "version_chosen", chosen_turn_id, context_tokens: 100 };
  const turnId = randomUUID();
  companion.say(session, turnId, { type: "status", metadata });
  companion.done(session, turnId);
}

export function answerChoice(
  companion: ScriptedCompanion,
  session: ScriptedSession,
  body: unknown,
  response: ServerResponse,
): void {
  const refusal = companion.refusals.shift();
  if (refusal) return refuse(response, refusal);
  choose(companion, session, ChooseVersionRequest.parse(body).turn_id);
  json(response, 200, toSession(session));
}

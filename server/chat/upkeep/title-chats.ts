// A chat is called by its first words until its model has given it a title: asked once, beside
// everything, when the first answer is complete and the chat rests. Nobody waits for it, and a
// failure is silent.
import { setTimeout as delay } from "node:timers/promises";
import { conversation } from "../../db/tables/messages.ts";
import { claimTitle, setModelTitle, wantsTitle } from "../../db/tables/session-titles.ts";
import { findSession } from "../../db/tables/sessions.ts";
import { TITLE_PROMPT, titleMaterial, titleSaid } from "../../domain/titles.ts";
import { withoutTrace } from "../../observe/trace-context.ts";
import type { ChatDeps } from "../deps.ts";
import { askAside } from "../turn/ask-aside.ts";

const LIMITS = { maxChars: 4_000, timeoutMs: 30_000 };
/** Who goes on at once is answered first: a server at home takes one call at a time. */
const REST_MS = 2_000;
/** A title needs twenty; models that think before each word need room for that. */
const MAX_TOKENS = 2_000;

type TitleDeps = Pick<
  ChatDeps,
  "reader" | "newUnitOfWork" | "resolveModel" | "metrics" | "log" | "closing"
>;

/** After an answer has come to its end. Never rejects. */
export async function titleChat(deps: TitleDeps, sessionId: string): Promise<void> {
  try {
    if (!(await wantsTitle(deps.reader, sessionId))) return;
    await delay(REST_MS, undefined, { signal: deps.closing, ref: false });
    await withoutTrace(() => askForTitle(deps, sessionId));
  } catch (err) {
    if (deps.closing.aborted) return;
    deps.log.info({ err, session_id: sessionId }, "a chat keeps its first words for a title");
  }
}

async function askForTitle(deps: TitleDeps, sessionId: string): Promise<void> {
  const { reader, newUnitOfWork, metrics, closing } = deps;
  const session = await findSession(reader, sessionId);
  // The end of what goes on now comes here again.
  if (session.turn?.status === "running" || session.turn?.status === "waiting") return;
  const resolved = deps.resolveModel(session.model);
  // A script has no words of its own.
  if (resolved.providerName === "demo") return;
  const stored = await conversation(reader, sessionId);
  const question = stored.find(({ role }) => role === "user")?.content ?? "";
  const answer = stored.find(({ role, content }) => role === "assistant" && content !== "");
  if (question.trim() === "" || !answer) return;
  const uow = newUnitOfWork({ sessionId });
  const mark = await uow.commit("claim_title", (trx) => claimTitle(trx, sessionId));
  if (mark === undefined) return;
  const isBounded = resolved.provider.takes.includes("max_output_tokens");
  const asked = {
    system: TITLE_PROMPT,
    content: titleMaterial(question, answer.content),
    ...(isBounded && { sampling: { max_output_tokens: MAX_TOKENS } }),
  };
  const said = await askAside(resolved, asked, LIMITS, closing);
  for (const direction of ["input", "output"] as const) {
    metrics.tokens.inc({ direction }, said.usage?.[`${direction}_tokens`] ?? 0);
  }
  const title = titleSaid(said.text, question);
  if (title === undefined) return;
  await uow.commit("title_session", (trx) => setModelTitle(trx, sessionId, mark, title));
}

import type { AgentDefinition } from "../../domain/agents.ts";
import { routeByAnswer, routeByWords, routingPrompt } from "../../domain/route.ts";
import type { ResolvedModel } from "../../providers/catalog.ts";
import { askAside } from "./ask-aside.ts";

/** Longer messages are judged by their beginning. */
const MAX_CHARS = 4_000;
const MAX_ANSWER = 500;
const TIMEOUT_MS = 15_000;

/**
 * The agent for a message: the model is asked, outside of the conversation; if it does not
 * say within 15 s, or says nothing that can be used, the words of the message decide. Rejects
 * only when `signal` aborts.
 */
export async function routeTurn(
  resolved: ResolvedModel,
  agents: readonly AgentDefinition[],
  message: string,
  signal: AbortSignal,
): Promise<{ to: string; reason: string }> {
  const byWords = { to: routeByWords(message), reason: "chosen by the words of the message" };
  // A script cannot judge.
  if (resolved.providerName === "demo") return byWords;
  try {
    const asked = { system: routingPrompt(agents), content: message.slice(0, MAX_CHARS) };
    const limits = { maxChars: MAX_ANSWER, timeoutMs: TIMEOUT_MS };
    const { text } = await askAside(resolved, asked, limits, signal);
    const to = routeByAnswer(text, agents);
    return to === undefined ? byWords : { to, reason: "chosen by the model" };
  } catch {
    // The model may be out of reach for one word and not for the answer;
    // that will say what is wrong.
    signal.throwIfAborted();
    return byWords;
  }
}

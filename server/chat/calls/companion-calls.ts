// Calls that the companion runs itself. They wait for their result like those of clients, taken
// from the beginning by the name of all companions: no window runs them, and after a crash another
// one does.
import { claimCall } from "../../db/tables/calls/claims.ts";
import { findToolCall, openToolCalls, type ToolCallRow } from "../../db/tables/calls/tool-calls.ts";
import { FETCH_PAGE } from "../../domain/companion-tools.ts";
import { ChatError } from "../../errors.ts";
import { asResult } from "../../pages/as-material.ts";
import { fetchPage } from "../../pages/fetch-page.ts";
import type { ChatDeps, CompanionCalls } from "../deps.ts";
import { COMPANION } from "../turn/companion-client.ts";
import { takeResult } from "./answer-call.ts";

/** `record`: it holds these calls, too, so it is there only after them. */
export function createCompanionCalls(record: () => ChatDeps): CompanionCalls {
  const running = new Map<string, AbortController>();

  const run = async (sessionId: string, call: ToolCallRow): Promise<void> => {
    const deps = record();
    const key = `${sessionId} ${call.call_id}`;
    if (running.has(key) || deps.closing.aborted) return;
    const stop = new AbortController();
    running.set(key, stop);
    try {
      const signal = AbortSignal.any([stop.signal, deps.closing]);
      const answer = await resultOf(deps, call, signal);
      if (signal.aborted) return;
      const message = { type: "tool_result" as const, call_id: call.call_id, ...answer };
      await takeResult(deps, sessionId, message, COMPANION);
    } catch (err) {
      // Its claim runs out, and it is run again.
      if (!stop.signal.aborted)
        deps.log.info({ err, call_id: call.call_id }, "a call has no result yet");
    } finally {
      running.delete(key);
    }
  };

  return {
    async look(sessionId) {
      try {
        const open = await openToolCalls(record().reader, { sessionId });
        const ours = open.filter((call) => call.claimed_by === COMPANION);
        await Promise.all(ours.map((call) => run(sessionId, call)));
      } catch (err) {
        // Their claims run out, and they are run again.
        record().log.info({ err, session_id: sessionId }, "what waits could not be read");
      }
    },
    async again(sessionId, callId) {
      const deps = record();
      const found = await findToolCall(deps.reader, sessionId, callId);
      if (!found) return;
      const uow = deps.newUnitOfWork({ sessionId, turnId: found.turn_id });
      const call = { session_id: sessionId, call_id: callId };
      const isOurs = await uow.commit("claim_call", (trx) => claimCall(trx, call, COMPANION));
      if (isOurs) await run(sessionId, found);
    },
    stop(sessionId) {
      for (const [key, stop] of running) if (key.startsWith(`${sessionId} `)) stop.abort();
    },
  };
}

async function resultOf(
  deps: ChatDeps,
  call: ToolCallRow,
  signal: AbortSignal,
): Promise<{ result: string } | { error: string }> {
  const { url, from } = JSON.parse(call.arguments) as { url?: unknown; from?: unknown };
  if (call.tool_name !== FETCH_PAGE || typeof url !== "string") return { error: "url: is needed." };
  try {
    const page = await fetchPage(deps.pages, url, { signal, staysAtHost: true });
    const start = typeof from === "number" && Number.isInteger(from) && from > 0 ? from : 0;
    return { result: asResult(page, start) };
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown;
    return { error: [thrown.message, thrown.hint].filter(Boolean).join(" ") };
  }
}

// Messages and decisions on their way to the companion: each with an id of its own, so that sending
// it again, after a lost answer or a reload, cannot make it take effect twice.
import type { ClientMessage, ContextItem, MessageRequest } from "../../server/protocol/requests.ts";
import type { Queued, Session } from "../../server/protocol/responses.ts";
import { isRecord, omitUndefined } from "../../server/shared/json.ts";
import type { Attached } from "../messages.ts";
import type { Strings } from "../strings/texts.ts";
import { asFailure, type Transport, toContextItems } from "../transport/transport.ts";
import { split } from "./attached.ts";
import { chatKey } from "./drafts.ts";
import type { AppState, Decision, Outgoing } from "./model.ts";
import type { Store } from "./store.ts";

export interface SendingDeps {
  store: Store;
  transport: Transport;
  text: Strings;
  /** A session was made for a message; from now on it is the open one. */
  onCreated: (session: Session) => void;
}

export function createDelivery(deps: SendingDeps) {
  const { store, transport } = deps;
  const inFlight = new Set<string>();

  const deliver = async (sent: Outgoing): Promise<void> => {
    const { request_id: requestId } = sent;
    if (inFlight.has(requestId)) return;
    inFlight.add(requestId);
    const key = chatKey(store.get());
    // What was refused is stored nowhere, and may go with another model.
    const outgoing = sent.state === "refused" ? withChoice(sent, store.get()) : sent;
    store.dispatch({ type: "send_state", requestId, state: "sending", error: null, outgoing });
    try {
      await deliverOnce(deps, outgoing);
    } catch (thrown) {
      const { error, isConnection } = asFailure(thrown);
      const isShown = store.get().outgoing?.request_id === requestId;
      if (isShown && error.code === "session_busy") {
        // Another window was faster; nothing is wrong.
        store.dispatch({ type: "send_dropped" });
        noteBusy(deps, error.message);
      } else if (isShown) {
        const state = isConnection ? "held" : "refused";
        store.dispatch({ type: "send_state", requestId, state, error });
      } else if (!hasArrived(deps, requestId)) {
        const { content: draft, context } = outgoing;
        store.dispatch({ type: "returned", key, draft, context });
        store.tell(error);
      }
    } finally {
      inFlight.delete(requestId);
    }
  };

  const deliverDecision = async (callId: string, decision: Decision): Promise<void> => {
    const sessionId = store.get().log?.id;
    if (sessionId === undefined || inFlight.has(decision.requestId)) return;
    inFlight.add(decision.requestId);
    const { feedback, requestId, args, remember } = decision;
    const message: ClientMessage = omitUndefined({
      type: "tool_decision" as const,
      call_id: callId,
      decision: decision.decision,
      feedback: feedback.trim() || undefined,
      modified_arguments: args,
      remember,
    });
    try {
      const request = { session_id: sessionId, request_id: requestId, message };
      await transport.call("send_message", request);
    } catch (thrown) {
      const { error, isConnection } = asFailure(thrown);
      if (!isConnection) store.dispatch({ type: "decision_failed", callId, error });
    } finally {
      inFlight.delete(requestId);
    }
  };

  return { deliver, deliverDecision };
}

/** With the model and the agent that are chosen now. */
export function withChoice(outgoing: Outgoing, { chosen }: AppState): Outgoing {
  const { model: _model, agent_type: _agent, ...rest } = outgoing;
  const choice = { model: chosen.model ?? undefined, agent_type: chosen.agent ?? undefined };
  return { ...rest, ...omitUndefined(choice) };
}

export function noteBusy({ store, text }: SendingDeps, hint?: string): void {
  // What runs there is not known, nor can it be stopped.
  const isAway = store.get().connection.state === "away";
  const notice = isAway
    ? { code: "companion_away", message: text.awayNote }
    : { code: "session_busy", message: text.busyNote };
  store.tell(omitUndefined({ ...notice, hint }));
}

function hasArrived({ store }: SendingDeps, requestId: string): boolean {
  return store.get().log?.arrived.includes(requestId) ?? false;
}

async function deliverOnce(deps: SendingDeps, outgoing: Outgoing): Promise<void> {
  const { store, transport } = deps;
  const choice = omitUndefined({ model: outgoing.model, agent_type: outgoing.agent_type });
  let sessionId = store.get().log?.id;
  const context = await contextOf(deps, outgoing);
  const { attachments } = split(outgoing.context);
  if (sessionId === undefined) {
    // An agent of the user's own comes with the message; nobody knows it before.
    const { agent_type: _, ...model } = choice;
    const session = await transport.call("create_session", model);
    sessionId = session.id;
    if (store.get().outgoing?.request_id === outgoing.request_id) deps.onCreated(session);
  }
  const request: MessageRequest = {
    session_id: sessionId,
    request_id: outgoing.request_id,
    ...choice,
    ...(outgoing.when_busy && { when_busy: outgoing.when_busy }),
    message: omitUndefined({
      type: "user_message" as const,
      content: outgoing.content,
      context: context.length === 0 ? undefined : [...context],
      attachments: attachments.length === 0 ? undefined : await withData(attachments),
      replaces_turn_id: outgoing.replaces_turn_id,
      resume_plan_id: outgoing.resume_plan_id,
    }),
  };
  const answer = await transport.call("send_message", request);
  if (isQueued(answer)) store.dispatch({ type: "queued", message: answer.message });
}

function isQueued(answer: unknown): answer is Queued {
  return isRecord(answer) && answer["type"] === ("queued" satisfies Queued["type"]);
}

async function withData(attachments: Attached[]) {
  return (await import("../attachments/kept-blobs.ts")).withData(attachments);
}

/** A question asked again goes with the context it had. */
async function contextOf(
  { store, transport }: SendingDeps,
  { context: going, replaces_turn_id }: Outgoing,
): Promise<readonly ContextItem[]> {
  const { log } = store.get();
  const { context } = split(going);
  const replaced = log?.turns.find(({ id }) => id === replaces_turn_id);
  if (context.length > 0 || !replaced?.question?.context.length) return context;
  return await storedContext(transport, log?.id, replaced.id);
}

/** The stream only names it. */
export async function storedContext(
  transport: Transport,
  sessionId: string | undefined,
  turnId: string,
): Promise<readonly ContextItem[]> {
  if (sessionId === undefined) return [];
  const { messages } = await transport.call("list_messages", {
    session_id: sessionId,
    turn_id: turnId,
  });
  const asked = messages.find(({ turn_id, role }) => turn_id === turnId && role === "user");
  return split(toContextItems(asked?.metadata.context)).context;
}

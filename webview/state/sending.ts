// Messages and decisions on their way to the companion: each with an id of its own, so that sending it again,
// after a lost answer or a reload, cannot make it take effect twice.
import type { ClientMessage, ContextItem, MessageRequest } from "../../server/protocol/requests.ts";
import type { Session } from "../../server/protocol/responses.ts";
import type { SavedState } from "../messages.ts";
import type { Strings } from "../strings/texts.ts";
import { CallFailure, type Transport, toContextItems } from "../transport/transport.ts";
import { isOpen } from "../turns/model.ts";
import { chatKey } from "./drafts.ts";
import type { Decision, Outgoing } from "./model.ts";
import {
  canStop,
  isBusy,
  isLockedOut,
  lastQuestion,
  lastTurn,
  unfinishedPlan,
} from "./selectors.ts";
import type { Store } from "./store.ts";

export interface SendingDeps {
  store: Store;
  transport: Transport;
  text: Strings;
  /** A session was made for a message; from now on it is the open one. */
  onCreated: (session: Session) => void;
}

export interface Sending {
  /** Sends the draft. */
  send: () => void;
  sendText: (content: string) => void;
  /** Asks the last question again; its answer is replaced. */
  retry: (turnId: string) => void;
  continueAnswer: () => void;
  decide: (callId: string, decision: Omit<Decision, "requestId">) => void;
  resumePlan: (planId: string) => void;
  /** What went with the message of a turn, as it was stored. */
  contextOf: (turnId: string) => Promise<readonly ContextItem[]>;
  /** The model is told of earlier messages by a summary from now on. */
  summarise: () => Promise<void>;
  undoSummary: (summaryId: string) => Promise<void>;
  /** The tool need not go on without asking. */
  askAgain: (toolName: string) => Promise<void>;
  stop: () => void;
  /** Sends what could not be sent before. */
  resume: () => void;
  restore: (unsent: NonNullable<SavedState["unsent"]>) => void;
  /** Nothing that was written is lost by going to another chat. */
  giveBack: () => void;
}

export function createSending(deps: SendingDeps): Sending {
  const { store, transport, text } = deps;
  const inFlight = new Set<string>();

  interface Start {
    replaces?: string | null;
    planId?: string | undefined;
    /** It is the draft, whose context goes along; anything else leaves the draft alone. */
    written?: boolean;
  }
  const start = (content: string, more: Start = {}): void => {
    const { replaces = null, planId, written = false } = more;
    const state = store.get();
    if (isLockedOut(state)) {
      const notice = { code: "no_token", message: text.noToken, hint: text.noTokenDetail };
      return store.dispatch({ type: "notice", notice });
    }
    const trimmed = chooseBySlash(content.trim());
    if (trimmed === "" || isBusy(state)) return;
    const outgoing: Outgoing = {
      requestId: crypto.randomUUID(),
      content: trimmed,
      context: written ? state.context : [],
      replacesTurnId: replaces,
      ...(planId !== undefined && { resumesPlanId: planId }),
      state: "sending",
      error: null,
    };
    store.dispatch({ type: "send", outgoing, written });
    void deliver(outgoing);
  };

  /** `/coder do it` chooses the agent, and asks the rest. */
  const chooseBySlash = (content: string): string => {
    const [all, name] = /^\/([a-z][\w-]*)(?:\s+|$)/i.exec(content) ?? [];
    const type = name?.toLowerCase();
    const isAgent = store.get().agents?.agents.some((agent) => agent.type === type);
    if (all === undefined || type === undefined || !isAgent) return content;
    store.dispatch({ type: "choose", agent: type });
    return content.slice(all.length);
  };

  const noteBusy = (hint?: string): void => {
    // What runs there is not known, nor can it be stopped.
    const isAway = store.get().connection.state === "away";
    const notice = isAway
      ? { code: "companion_away", message: text.awayNote }
      : { code: "session_busy", message: text.busyNote };
    store.dispatch({ type: "notice", notice: hint === undefined ? notice : { ...notice, hint } });
  };

  const deliver = async (outgoing: Outgoing): Promise<void> => {
    const { requestId } = outgoing;
    if (inFlight.has(requestId)) return;
    inFlight.add(requestId);
    const key = chatKey(store.get());
    store.dispatch({ type: "send_state", requestId, state: "sending", error: null });
    try {
      await deliverOnce(deps, outgoing);
    } catch (thrown) {
      const { error, isConnection } = asFailure(thrown);
      const isShown = store.get().outgoing?.requestId === requestId;
      if (isShown && error.code === "session_busy") {
        // Another window was faster; nothing is wrong.
        store.dispatch({ type: "send_dropped" });
        noteBusy(error.message);
      } else if (isShown) {
        const state = isConnection ? "held" : "refused";
        store.dispatch({ type: "send_state", requestId, state, error });
      } else if (!hasArrived(deps, requestId)) {
        const { content: draft, context } = outgoing;
        store.dispatch({ type: "returned", key, draft, context });
        store.dispatch({ type: "notice", notice: error });
      }
    } finally {
      inFlight.delete(requestId);
    }
  };

  const deliverDecision = async (callId: string, decision: Decision): Promise<void> => {
    const sessionId = store.get().log?.id;
    if (sessionId === undefined || inFlight.has(decision.requestId)) return;
    inFlight.add(decision.requestId);
    const { feedback, requestId, args, always } = decision;
    const message: ClientMessage = {
      type: "tool_decision",
      call_id: callId,
      decision: decision.decision,
      ...(feedback.trim() === "" ? {} : { feedback: feedback.trim() }),
      ...(args && { modified_arguments: args }),
      ...(always && { remember: "session" as const }),
    };
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

  /** Says why it failed; false then. */
  const attempt = async (work: (session_id: string) => Promise<unknown>): Promise<boolean> => {
    const sessionId = store.get().log?.id;
    try {
      if (sessionId !== undefined) await work(sessionId);
      return true;
    } catch (thrown) {
      store.dispatch({ type: "notice", notice: asFailure(thrown).error });
      return false;
    }
  };
  const cancel = async (): Promise<void> => {
    const isDone = await attempt((session_id) => transport.call("cancel_turn", { session_id }));
    if (!isDone) store.dispatch({ type: "stopping", stopping: false });
  };

  // Stop was asked for before there was a turn; now there is.
  store.subscribe((state, before) => {
    const isHere = before.outgoing !== null && state.outgoing === null;
    if (isHere && state.stopping && isOpen(lastTurn(state))) void cancel();
  });

  return {
    send() {
      const state = store.get();
      if (state.draft.trim() !== "" && isBusy(state)) noteBusy();
      else start(state.draft, { replaces: state.editing, written: true });
    },
    sendText: (content) => start(content),
    retry(turnId) {
      const turn = lastQuestion(store.get());
      if (turn?.id !== turnId || !turn.question) return;
      // A retry of a plan's resumption resumes it.
      const { text: asked, resumesPlanId } = turn.question;
      const plan = unfinishedPlan(store.get().log?.turns ?? []);
      start(asked, {
        replaces: turnId,
        planId: plan?.id === resumesPlanId ? plan?.id : undefined,
      });
    },
    continueAnswer: () => start(text.continuePrompt),
    resumePlan: (planId) => start(text.resumePlan, { planId }),
    async contextOf(turnId) {
      let context: readonly ContextItem[] = [];
      await attempt(async (sessionId) => {
        context = await storedContext(transport, sessionId, turnId);
      });
      return context;
    },
    async summarise() {
      await attempt((session_id) => transport.call("summarise", { session_id }));
    },
    async undoSummary(summary_id) {
      await attempt((session_id) => transport.call("undo_summary", { session_id, summary_id }));
    },
    async askAgain(tool_name) {
      await attempt((session_id) => transport.call("ask_again", { session_id, tool_name }));
    },
    decide(callId, decision) {
      if (store.get().decisions[callId]) return;
      const decided: Decision = { requestId: crypto.randomUUID(), ...decision };
      store.dispatch({ type: "decide", callId, decision: decided });
      void deliverDecision(callId, decided);
    },
    stop() {
      if (!canStop(store.get())) return;
      store.dispatch({ type: "stopping", stopping: true });
      if (isOpen(lastTurn(store.get()))) void cancel();
    },
    resume() {
      const { outgoing, decisions } = store.get();
      if (outgoing) void deliver(outgoing);
      for (const [callId, decision] of Object.entries(decisions)) {
        void deliverDecision(callId, decision);
      }
    },
    restore({ request_id, content, context: sent, replaces_turn_id, resume_plan_id }) {
      const outgoing: Outgoing = {
        requestId: request_id,
        content,
        context: sent,
        replacesTurnId: replaces_turn_id ?? null,
        ...(resume_plan_id !== undefined && { resumesPlanId: resume_plan_id }),
        state: "held",
        error: null,
      };
      store.dispatch({ type: "send", outgoing, written: false });
    },
    giveBack() {
      const { outgoing } = store.get();
      if (outgoing && outgoing.state !== "sending") store.dispatch({ type: "send_dropped" });
    },
  };
}

function hasArrived({ store }: SendingDeps, requestId: string): boolean {
  return store.get().log?.arrived.includes(requestId) ?? false;
}

async function deliverOnce(deps: SendingDeps, outgoing: Outgoing): Promise<void> {
  const { store, transport } = deps;
  const { chosen } = store.get();
  const choice: { model?: string; agent_type?: string } = {
    ...(chosen.model === null ? {} : { model: chosen.model }),
    ...(chosen.agent === null ? {} : { agent_type: chosen.agent }),
  };
  let sessionId = store.get().log?.id;
  const context = await contextOf(deps, outgoing);
  if (sessionId === undefined) {
    // An agent of the user's own comes with the message; nobody knows it before.
    const { agent_type: _, ...model } = choice;
    const session = await transport.call("create_session", model);
    sessionId = session.id;
    if (store.get().outgoing?.requestId === outgoing.requestId) deps.onCreated(session);
  }
  const request: MessageRequest = {
    session_id: sessionId,
    request_id: outgoing.requestId,
    ...choice,
    message: {
      type: "user_message",
      content: outgoing.content,
      ...(context.length === 0 ? {} : { context: [...context] }),
      ...(outgoing.replacesTurnId === null ? {} : { replaces_turn_id: outgoing.replacesTurnId }),
      ...(outgoing.resumesPlanId && { resume_plan_id: outgoing.resumesPlanId }),
    },
  };
  await transport.call("send_message", request);
}

/** A question asked again goes with the context it had. */
async function contextOf(
  { store, transport }: SendingDeps,
  { context, replacesTurnId }: Outgoing,
): Promise<readonly ContextItem[]> {
  const { log } = store.get();
  const replaced = log?.turns.find(({ id }) => id === replacesTurnId);
  if (context.length > 0 || !replaced?.question?.context.length) return context;
  return await storedContext(transport, log?.id, replaced.id);
}

/** The stream only names it. */
async function storedContext(
  transport: Transport,
  sessionId: string | undefined,
  turnId: string,
): Promise<readonly ContextItem[]> {
  if (sessionId === undefined) return [];
  const { messages } = await transport.call("list_messages", { session_id: sessionId });
  const asked = messages.find(({ turn_id, role }) => turn_id === turnId && role === "user");
  return toContextItems(asked?.metadata.context);
}

export function asFailure(thrown: unknown): CallFailure {
  if (thrown instanceof CallFailure) return thrown;
  return new CallFailure({ code: "internal", message: String(thrown) }, false);
}

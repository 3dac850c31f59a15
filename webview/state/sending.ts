// What a person sends: messages, decisions, a stop.
import { omitUndefined } from "../../server/shared/json.ts";
import type { Going, Unsent } from "../messages.ts";
import { asFailure, type Transport } from "../transport/transport.ts";
import { isOpen, type Turn } from "../turns/model.ts";
import { isAttached, toAttached } from "./attached.ts";
import { createDelivery, noteBusy, type SendingDeps, withChoice } from "./delivery.ts";
import type { Decision, Outgoing } from "./model.ts";
import {
  canStop,
  isBusy,
  isLockedOut,
  isSendable,
  lastTurn,
  mustWait,
  unfinishedPlan,
} from "./selectors.ts";
import { createSendNext, isOnItsWay, waitsAs } from "./send-next.ts";
import type { Store } from "./store.ts";

export interface Sending {
  /** Sends the draft; while an answer runs it waits, or is read by that answer `now`. */
  send: (now?: boolean) => void;
  sendText: (content: string) => void;
  /** Asks a question again; what was answered stays as a version. */
  retry: (turnId: string) => void;
  /** The chat goes on with another version of a message. */
  choose: (turnId: string, insteadOf?: string) => Promise<void>;
  continueAnswer: () => void;
  decide: (callId: string, decision: Omit<Decision, "requestId">) => void;
  resumePlan: (planId: string) => void;
  /** What is stored with this chat; undefined, and told, where it cannot be read. */
  stored: <T>(
    read: (transport: Transport, sessionId: string) => Promise<T>,
  ) => Promise<T | undefined>;
  /** The model is told of earlier messages by a summary from now on. */
  summarise: () => Promise<void>;
  undoSummary: (summaryId: string) => Promise<void>;
  /** The tool need not go on without asking. */
  revoke: (toolName: string) => Promise<void>;
  stop: () => void;
  /** Sends what could not be sent before. */
  resume: () => void;
  restore: (unsent: Unsent) => void;
  /** Nothing that was written is lost by going to another chat. */
  giveBack: () => void;
}

interface Start {
  replaces?: string | undefined;
  planId?: string | undefined;
  context?: readonly Going[];
  /** It has to wait, and how. */
  whenBusy?: Outgoing["when_busy"];
  /** It is the draft; anything else leaves the draft alone. */
  written?: boolean;
}

export function createSending(deps: SendingDeps): Sending {
  const { store, transport, text } = deps;
  const { deliver, deliverDecision } = createDelivery(deps);

  const start = (content: string, more: Start = {}): void => {
    const { replaces, planId, whenBusy, context = [], written = false } = more;
    const state = store.get();
    if (isLockedOut(state)) {
      const notice = { code: "no_token", message: text.noToken, hint: text.noTokenDetail };
      return store.tell(notice);
    }
    const trimmed = chooseBySlash(store, content.trim());
    const isReady = whenBusy === undefined ? !isBusy(state) : mustWait(state);
    if ((trimmed === "" && !context.some(isAttached)) || !isReady) return;
    const said: Outgoing = omitUndefined({
      request_id: crypto.randomUUID(),
      content: trimmed,
      context: [...context],
      replaces_turn_id: replaces,
      resume_plan_id: planId,
      when_busy: whenBusy,
      state: "sending" as const,
      error: null,
    });
    // By now a slash may have chosen the agent.
    const outgoing = withChoice(said, store.get());
    store.dispatch({ type: "send", outgoing, written });
    void deliver(outgoing);
  };

  /** Says why it failed; false then. */
  const attempt = async (work: (session_id: string) => Promise<unknown>): Promise<boolean> => {
    const sessionId = store.get().log?.id;
    try {
      if (sessionId !== undefined) await work(sessionId);
      return true;
    } catch (thrown) {
      store.tell(asFailure(thrown).error);
      return false;
    }
  };
  const cancel = async (): Promise<void> => {
    const isDone = await attempt((session_id) => transport.call("cancel_turn", { session_id }));
    if (!isDone) store.dispatch({ type: "stopping", stopping: false });
  };

  const sendNext = createSendNext(store, start);
  // Stop was asked for before there was a turn; now there is.
  store.subscribe((state, before) => {
    const isHere = before.outgoing !== null && state.outgoing === null;
    if (isHere && state.stopping && isOpen(lastTurn(state))) void cancel();
  });

  return {
    send(now = false) {
      const state = store.get();
      const { draft, context, editing } = state;
      if (mustWait(state)) start(draft, { context, written: true, whenBusy: waitsAs(now) });
      else if (isSendable(state) && isOnItsWay(state)) sendNext(now);
      else if (isSendable(state) && isBusy(state)) noteBusy(deps);
      else start(draft, { replaces: editing ?? undefined, context, written: true });
    },
    sendText: (content) => start(content),
    retry(turnId) {
      const turn = store.get().log?.turns.find(({ id }) => id === turnId);
      if (!turn?.question) return;
      // A retry of a plan's resumption resumes it.
      const { attachments, resumesPlanId } = turn.question;
      const plan = unfinishedPlan(store.get().log?.turns ?? []);
      start(askedIn(turn), {
        replaces: turnId,
        context: attachments.map(toAttached),
        planId: plan?.id === resumesPlanId ? plan?.id : undefined,
      });
    },
    choose: choosing(attempt, transport),
    continueAnswer: () => start(text.continuePrompt),
    resumePlan: (planId) => start(text.resumePlan, { planId }),
    async stored(read) {
      let found: Awaited<ReturnType<typeof read>> | undefined;
      await attempt(async (sessionId) => {
        found = await read(transport, sessionId);
      });
      return found;
    },
    async summarise() {
      await attempt((session_id) => transport.call("summarise", { session_id }));
    },
    async undoSummary(summary_id) {
      await attempt((session_id) => transport.call("undo_summary", { session_id, summary_id }));
    },
    async revoke(tool_name) {
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
    restore(unsent) {
      const outgoing: Outgoing = { ...unsent, state: "held", error: null };
      store.dispatch({ type: "send", outgoing, written: false });
    },
    giveBack() {
      const { outgoing } = store.get();
      if (outgoing && outgoing.state !== "sending") store.dispatch({ type: "send_dropped" });
    },
  };
}

/** Also what a person added while it was answered. */
function askedIn({ question, parts }: Turn): string {
  const added = parts.flatMap((part) => (part.kind === "said" ? [part.question.text] : []));
  return [question?.text ?? "", ...added].join("\n\n");
}

function choosing(
  attempt: (work: (session_id: string) => Promise<unknown>) => Promise<boolean>,
  transport: Transport,
): Sending["choose"] {
  /** A second click comes before the first has its answer. */
  let isChoosing = false;
  return async (turn_id, insteadOf) => {
    if (isChoosing) return;
    isChoosing = true;
    const request_id = crypto.randomUUID();
    const choice = omitUndefined({ turn_id, instead_of: insteadOf, request_id });
    await attempt((session_id) => transport.call("choose_version", { session_id, choice }));
    isChoosing = false;
  };
}

/** `/coder do it` chooses the agent, and asks the rest. */
function chooseBySlash(store: Store, content: string): string {
  const [all, name] = /^\/([a-z][\w-]*)(?:\s+|$)/i.exec(content) ?? [];
  const type = name?.toLowerCase();
  const isAgent = store.get().agents?.agents.some((agent) => agent.type === type);
  if (all === undefined || type === undefined || !isAgent) return content;
  store.dispatch({ type: "choose", agent: type });
  return content.slice(all.length);
}

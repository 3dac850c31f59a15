// What the app's state holds of sessions beside their logs.

import type { Session } from "../../server/protocol/responses.ts";
import type { AppMessage, AppState, SessionFacts, SessionsPane } from "./model.ts";

/** Only the first facts say what there is to wait for; later ones come while the stream runs. */
export function toFacts(session: Session, known: SessionFacts | null = null): SessionFacts {
  const { title, model, agent_type: agent, last_seq, approval_level: level = "read" } = session;
  return { title, model, agent, level, lastSeq: known?.lastSeq ?? last_seq };
}

export const INITIAL_SESSIONS: SessionsPane = {
  open: false,
  items: [],
  query: "",
  cursor: null,
  loaded: false,
  error: null,
  deleted: null,
  undo: null,
};

type SessionsMessage = Extract<
  AppMessage,
  {
    type:
      | "show_sessions"
      | "search"
      | "sessions"
      | "sessions_failed"
      | "renamed"
      | "deleted"
      | "deleted_list"
      | "restored";
  }
>;

export function reduceSessions(state: AppState, message: SessionsMessage): AppState {
  const pane = state.sessions;
  switch (message.type) {
    case "show_sessions":
      return { ...state, sessions: { ...pane, open: message.open, undo: null } };
    case "search":
      return { ...state, sessions: { ...pane, query: message.query } };
    case "sessions": {
      // An answer to an older search than the one that is shown.
      if (message.query !== pane.query) return state;
      const items = message.more ? [...pane.items, ...message.items] : message.items;
      const { cursor } = message;
      return { ...state, sessions: { ...pane, items, cursor, loaded: true, error: null } };
    }
    case "sessions_failed":
      return { ...state, sessions: { ...pane, error: message.error } };
    case "renamed": {
      const { session } = message;
      const items = pane.items.map((item) => (item.id === session.id ? session : item));
      const facts = state.log?.id === session.id ? toFacts(session, state.facts) : state.facts;
      return { ...state, facts, sessions: { ...pane, items } };
    }
    case "deleted": {
      const items = pane.items.filter(({ id }) => id !== message.sessionId);
      const undo = pane.items.find(({ id }) => id === message.sessionId) ?? null;
      const { [message.sessionId]: _, ...drafts } = state.drafts;
      return { ...state, drafts, sessions: { ...pane, items, undo } };
    }
    case "deleted_list":
      return { ...state, sessions: { ...pane, deleted: message.list } };
    case "restored": {
      const undo = pane.undo?.id === message.sessionId ? null : pane.undo;
      return { ...state, sessions: { ...pane, undo } };
    }
  }
}

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
  place: {},
  workspaces: null,
  pinned: [],
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
      | "show_place"
      | "workspaces"
      | "archived"
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
    case "show_place":
      return { ...state, sessions: { ...pane, place: message.place, undo: null } };
    case "workspaces":
      return { ...state, sessions: { ...pane, workspaces: message.workspaces } };
    case "sessions": {
      const { query, place, pinned = pane.pinned, cursor } = message;
      // An answer to an older question than the one that is asked now.
      if (query !== pane.query || place !== pane.place) return state;
      const items = message.pinned ? message.items : [...pane.items, ...message.items];
      return { ...state, sessions: { ...pane, items, pinned, cursor, loaded: true, error: null } };
    }
    case "sessions_failed":
      return { ...state, sessions: { ...pane, error: message.error } };
    case "renamed": {
      const { session } = message;
      const renewed = (item: Session) => (item.id === session.id ? session : item);
      const facts = state.log?.id === session.id ? toFacts(session, state.facts) : state.facts;
      const [items, pinned] = [pane.items.map(renewed), pane.pinned.map(renewed)];
      return { ...state, facts, sessions: { ...pane, items, pinned } };
    }
    case "archived": {
      const { id, title, archived } = message.session;
      const undo = archived ? { id, title, isArchived: true as const } : null;
      return { ...state, sessions: { ...without(pane, id), undo } };
    }
    case "deleted": {
      const undo = pane.items.find(({ id }) => id === message.sessionId) ?? null;
      const { [message.sessionId]: _, ...drafts } = state.drafts;
      return { ...state, drafts, sessions: { ...without(pane, message.sessionId), undo } };
    }
    case "deleted_list":
      return { ...state, sessions: { ...pane, deleted: message.list } };
    case "restored": {
      const undo = pane.undo?.id === message.sessionId ? null : pane.undo;
      return { ...state, sessions: { ...pane, undo } };
    }
  }
}

function without(pane: SessionsPane, sessionId: string): SessionsPane {
  const isOther = ({ id }: Session) => id !== sessionId;
  return { ...pane, items: pane.items.filter(isOther), pinned: pane.pinned.filter(isOther) };
}

import { omitUndefined } from "../../server/shared/json.ts";
import { asFailure, type Transport } from "../transport/transport.ts";
import type { Store } from "./store.ts";

export interface SessionList {
  show: (open: boolean) => void;
  /** In a narrow place the list covers the chat. */
  makeRoom: () => void;
  search: (query: string) => void;
  /** Asks again for what is shown. */
  refresh: () => void;
  more: () => void;
  rename: (sessionId: string, title: string) => void;
  remove: (sessionId: string) => void;
  /** Brings a deleted chat back. */
  restore: (sessionId: string) => void;
  /** A deleted chat cannot be brought back any more. */
  removeForGood: (sessionId: string) => void;
}

const PAGE = 40;
/** The protocol's limit. */
const MAX_PAGE = 200;
const TYPING_MS = 150;

export function createSessionList(
  store: Store,
  transport: Transport,
  onRemoved: (sessionId: string) => void,
): SessionList {
  let typing: ReturnType<typeof setTimeout> | undefined;

  const load = async (cursor: string | null, limit = PAGE): Promise<void> => {
    const { query } = store.get().sessions;
    try {
      const asked = { limit, query: query.trim() || undefined, cursor: cursor ?? undefined };
      const list = await transport.call("list_sessions", omitUndefined(asked));
      const { sessions: items, next_cursor } = list;
      store.dispatch({
        type: "sessions",
        query,
        items,
        cursor: next_cursor,
        more: cursor !== null,
      });
    } catch (thrown) {
      store.dispatch({ type: "sessions_failed", error: asFailure(thrown).error });
    }
  };
  /** The list of chats is of use without it. */
  const loadDeleted = async (): Promise<void> => {
    const list = await transport.call("list_deleted", {}).catch(() => null);
    store.dispatch({ type: "deleted_list", list });
  };
  const attempt = (work: () => Promise<void>): void => {
    work().catch((thrown: unknown) => {
      store.tell(asFailure(thrown).error);
    });
  };

  return {
    show(open) {
      store.dispatch({ type: "show_sessions", open });
      if (!open) return;
      void load(null);
      void loadDeleted();
    },
    makeRoom() {
      const isNarrow = document.documentElement.clientWidth <= 620;
      if (isNarrow) store.dispatch({ type: "show_sessions", open: false });
    },
    search(query) {
      store.dispatch({ type: "search", query });
      clearTimeout(typing);
      typing = setTimeout(() => void load(null), TYPING_MS);
    },
    refresh() {
      const { open, items } = store.get().sessions;
      if (open && items.length <= MAX_PAGE) void load(null, Math.max(PAGE, items.length));
    },
    more() {
      const { cursor } = store.get().sessions;
      if (cursor !== null) void load(cursor);
    },
    rename(sessionId, title) {
      attempt(async () => {
        const changes = { title: title.trim().slice(0, 200) };
        if (changes.title === "") return;
        const session = await transport.call("update_session", { session_id: sessionId, changes });
        store.dispatch({ type: "renamed", session });
      });
    },
    remove(sessionId) {
      attempt(async () => {
        await transport.call("delete_session", { session_id: sessionId });
        store.dispatch({ type: "deleted", sessionId });
        onRemoved(sessionId);
        await loadDeleted();
      });
    },
    restore(sessionId) {
      attempt(async () => {
        await transport.call("restore_session", { session_id: sessionId });
        store.dispatch({ type: "restored", sessionId });
        await Promise.all([load(null), loadDeleted()]);
      });
    },
    removeForGood(sessionId) {
      attempt(async () => {
        await transport.call("delete_session", { session_id: sessionId, for_good: true });
        store.dispatch({ type: "restored", sessionId });
        await loadDeleted();
      });
    },
  };
}

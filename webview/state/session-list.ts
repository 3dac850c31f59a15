import type { UpdateSessionRequest } from "../../server/protocol/requests.ts";
import type { Session } from "../../server/protocol/responses.ts";
import { omitUndefined } from "../../server/shared/json.ts";
import { asFailure, type Transport } from "../transport/transport.ts";
import type { ListPlace } from "./model.ts";
import type { Store } from "./store.ts";

export interface SessionList {
  show: (open: boolean) => void;
  /** In a narrow place the list covers the chat. */
  makeRoom: () => void;
  search: (query: string) => void;
  /** Asks again for what is shown. */
  refresh: () => void;
  more: () => void;
  /** Shows other chats. */
  showPlace: (place: ListPlace) => void;
  rename: (sessionId: string, title: string) => void;
  pin: (sessionId: string, pinned: boolean) => void;
  /** Puts a chat away, or back. */
  archive: (sessionId: string, archived: boolean) => void;
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
    const { query, place } = store.get().sessions;
    const asked = query.trim() === "" ? { query: undefined, ...filterOf(place) } : { query };
    try {
      const [list, pinned] = await Promise.all([
        transport.call(
          "list_sessions",
          omitUndefined({ limit, cursor: cursor ?? undefined, ...asked }),
        ),
        cursor === null ? loadPinned(place, query) : undefined,
      ]);
      const { sessions: items, next_cursor } = list;
      const told = { query, place, items, cursor: next_cursor };
      store.dispatch({ type: "sessions", ...told, ...(pinned && { pinned }) });
    } catch (thrown) {
      store.dispatch({ type: "sessions_failed", error: asFailure(thrown).error });
    }
  };
  const loadPinned = async (place: ListPlace, query: string) => {
    if (query.trim() !== "" || place.archived) return [];
    const asked = { limit: MAX_PAGE, pinned: "true" as const, ...filterOf(place) };
    return (await transport.call("list_sessions", asked)).sessions;
  };
  /** The list of chats is of use without it. */
  const loadDeleted = async (): Promise<void> => {
    const list = await transport.call("list_deleted", {}).catch(() => null);
    store.dispatch({ type: "deleted_list", list });
  };
  const loadWorkspaces = async (): Promise<void> => {
    const workspaces = await transport.call("list_workspaces", {}).catch(() => null);
    if (workspaces) store.dispatch({ type: "workspaces", workspaces });
  };
  const change = async (session_id: string, changes: UpdateSessionRequest): Promise<Session> =>
    await transport.call("update_session", { session_id, changes });
  const attempt = (work: () => Promise<void>): void => {
    work().catch((thrown: unknown) => {
      store.tell(asFailure(thrown).error);
    });
  };

  const refresh = (): void => {
    const { open, items } = store.get().sessions;
    if (open && items.length <= MAX_PAGE) void load(null, Math.max(PAGE, items.length));
  };

  return {
    show(open) {
      store.dispatch({ type: "show_sessions", open });
      if (!open) return;
      void load(null);
      void loadDeleted();
      void loadWorkspaces();
    },
    showPlace(place) {
      store.dispatch({ type: "show_place", place });
      void load(null);
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
    refresh,
    more() {
      const { cursor } = store.get().sessions;
      if (cursor !== null) void load(cursor);
    },
    rename(sessionId, title) {
      attempt(async () => {
        const changes = { title: title.trim().slice(0, 200) };
        if (changes.title === "") return;
        store.dispatch({ type: "renamed", session: await change(sessionId, changes) });
      });
    },
    pin(sessionId, pinned) {
      attempt(async () => {
        store.dispatch({ type: "renamed", session: await change(sessionId, { pinned }) });
        refresh();
      });
    },
    archive(sessionId, archived) {
      attempt(async () => {
        store.dispatch({ type: "archived", session: await change(sessionId, { archived }) });
        refresh();
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

function filterOf({ archived, workspace }: ListPlace) {
  return omitUndefined({ workspace, archived: archived && ("true" as const) });
}

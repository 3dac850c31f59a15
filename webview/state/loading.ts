// What is asked of the companion for the chat that is shown.
import type { CallName, CallResult } from "../../server/protocol/calls.ts";
import { asFailure, type Transport } from "../transport/transport.ts";
import type { Store } from "./store.ts";

/** Follows the stream of one chat, or of none. */
export function createFollowing(store: Store, transport: Transport) {
  let unfollow = (): void => {};
  const follow = (sessionId: string | null, after = 0): void => {
    unfollow();
    unfollow = () => {};
    if (sessionId === null) return;
    unfollow = transport.subscribe(sessionId, after, {
      chunks(chunks) {
        store.dispatch({ type: "chunks", chunks });
        const { log } = store.get();
        if (log?.id === sessionId && log.gap) follow(sessionId, log.cursor);
      },
      reset(reset) {
        store.dispatch({ type: "log_reset", reset });
        if (store.get().log?.id === sessionId) follow(sessionId);
      },
      queue: (queue) => store.dispatch({ type: "queue", queue }),
      failed: (error) => store.dispatch({ type: "stream_failed", error }),
      waiting: (waiting) => store.dispatch({ type: "waiting", waiting }),
    });
  };
  return follow;
}

export type Loading = ReturnType<typeof createLoading>;

/** What is asked for beside the stream. */
export function createLoading(store: Store, transport: Transport) {
  const load = async <N extends CallName>(
    name: N,
    params: Parameters<Transport["call"]>[1],
    take: (value: CallResult<N>) => void,
  ): Promise<void> => {
    try {
      take(await transport.call(name, params as never));
    } catch (thrown) {
      const { error, isConnection } = asFailure(thrown);
      // What is lost with the connection is asked for again when it is back; that a session
      // is gone, its stream tells.
      if (!isConnection && error.code !== "not_found") store.tell(error);
    }
  };
  const facts = (): void => {
    const id = store.get().log?.id;
    if (id === undefined) return;
    void load("get_session", { session_id: id }, (session) =>
      store.dispatch({ type: "session_facts", session }),
    );
  };
  const agents = () =>
    load("list_agents", {}, (found) => store.dispatch({ type: "agents", agents: found }));
  const models = () =>
    load("list_models", {}, (found) => store.dispatch({ type: "models", models: found }));
  const choices = (): void => {
    void models();
    void agents();
    void load("get_ready", {}, (ready) => store.dispatch({ type: "ready", ready }));
  };
  return { facts, agents, models, choices };
}

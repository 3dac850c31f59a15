import { type AppMessage, type AppState } from "./model.ts";
import { INITIAL, reduce } from "./state.ts";

export type Dispatch = (message: AppMessage) => void;

export interface Store {
  get: () => AppState;
  dispatch: Dispatch;
  /** Null: nothing any more. */
  tell(notice: AppState["notice"]): void;
  /** Calls back after every change, with the state before it. */
  subscribe(listener: (state: AppState, before: AppState) => void): void;
}

export function createStore(): Store {
  let state = INITIAL;
  const listeners: ((state: AppState, before: AppState) => void)[] = [];
  const dispatch: Dispatch = (message) => {
    const before = state;
    state = reduce(state, message);
    if (state === before) return;
    for (const listener of listeners) listener(state, before);
  };
  return {
    get: () => state,
    dispatch,
    tell: (notice) => dispatch({ type: "notice", notice }),
    subscribe: (listener) => void listeners.push(listener),
  };
}

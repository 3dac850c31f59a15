// Enter while the message before is still on its way: what is written goes as soon as that one is
// stored. Until then it stays in the composer, where it is seen and kept like every draft.
import type { Going } from "../messages.ts";
import { chatKey } from "./drafts.ts";
import type { AppState } from "./model.ts";
import { isBusy, mustWait } from "./selectors.ts";
import type { Store } from "./store.ts";

export function isOnItsWay({ connection, outgoing, editing }: AppState): boolean {
  return connection.state !== "away" && outgoing?.state === "sending" && editing === null;
}

export function waitsAs(now: boolean): "steer" | "queue" {
  return now ? "steer" : "queue";
}

interface Waits {
  context: readonly Going[];
  written: true;
  whenBusy: "steer" | "queue" | undefined;
}

/** The returned function is for each such Enter; `send` sends the first of what is written. */
export function createSendNext(
  store: Store,
  send: (text: string, how: Waits) => void,
): (now: boolean) => void {
  /** Parts of the draft, from its beginning on: who types fast has gone on meanwhile. */
  let parts: { text: string; now: boolean }[] = [];
  const asked = (): string => parts.map(({ text }) => text).join("");

  store.subscribe((state, before) => {
    const [first, ...others] = parts;
    if (!first) return;
    const { outgoing, draft, context, log, editing } = state;
    const isElsewhere = outgoing === null && log?.id !== before.log?.id;
    const isOther = isElsewhere || editing !== null || !draft.startsWith(asked());
    if (!isOther && isOnItsWay(state)) return;
    parts = [];
    // What is not sent stands in the composer as before.
    if (isOther || outgoing !== null || !(mustWait(state) || !isBusy(state))) return;
    const whenBusy = mustWait(state) ? waitsAs(first.now) : undefined;
    send(first.text, { context, written: true, whenBusy });
    const rest = draft.slice(first.text.length);
    if (rest === "") return;
    parts = others;
    store.dispatch({ type: "returned", key: chatKey(state), draft: rest, context: [] });
  });

  return (now) => {
    const text = store.get().draft.slice(asked().length);
    if (text.trim() !== "" || parts.length === 0) parts.push({ text, now });
  };
}

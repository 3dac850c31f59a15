import type { CallName, CallParams, CallResult } from "../../server/protocol/calls.ts";
import { toHttp } from "../../server/protocol/http-calls.ts";
import { watchWake } from "../../server/shared/clock-watch.ts";
import { isRecord } from "../../server/shared/json.ts";
import type { Going, SavedState } from "../messages.ts";
import { split } from "../state/attached.ts";
import { CompanionLink, type LinkTexts } from "./companion-link.ts";
import { type Epochs, followSession } from "./event-stream.ts";
import { CallFailure, type Transport, toSavedState } from "./transport.ts";

const TOKEN = "streamkeeper.token";
const STATE = "streamkeeper.state";
const CALL_TIMEOUT_MS = 30_000;
/** A model writes it first. */
const SUMMARY_TIMEOUT_MS = 150_000;

/** A browser tab that the companion itself has served. */
export function createHttpTransport(texts: LinkTexts): Transport {
  const { token, place } = takeAddress();
  let link: CompanionLink | undefined;
  const epochs: Epochs = new Map();
  /** The chat that the address names, before it is opened. */
  let awaited: string | undefined;
  let isShown = false;
  const linked = (): CompanionLink => {
    if (!link) throw new TypeError("The transport has not been started");
    return link;
  };

  return {
    start(events) {
      link = new CompanionLink(token, texts, events.connection);
      link.start();
      window.addEventListener("online", () => linked().retryNow());
      watchWake(() => linked().retryNow());
      // What was saved is opened first; where it is the very chat, it is there with its draft.
      if (place && isElsewhere(place, readSaved())) {
        awaited = place.session_id;
        queueMicrotask(() => events.host({ type: "open_session", ...place }));
      }
      // Back and Forward; the printed address or a link, opened in a tab that is here already.
      window.addEventListener("hashchange", () => {
        if (inAddress("token") !== null) return location.reload();
        const { place: other } = takeAddress();
        if (other) events.host({ type: "open_session", ...other });
        else if (location.hash === "") events.host({ type: "do", action: "new_chat" });
      });
    },
    async call<N extends CallName>(name: N, params: CallParams<N>) {
      const value = await callOnce(linked(), name, withTools(name, params));
      // The companion has proved itself, and it answers by the schema of this call.
      return value as CallResult<N>;
    },
    subscribe(sessionId, after, sink) {
      const stop = new AbortController();
      void followSession(linked(), sessionId, after, sink, stop.signal, epochs);
      return () => stop.abort();
    },
    retryNow: () => linked().retryNow(),
    readSaved,
    save,
    showState: ({ session_id, title }) => {
      document.title = title === "" ? "Streamkeeper" : `${title} · Streamkeeper`;
      if (awaited !== undefined && session_id !== awaited) return;
      awaited = undefined;
      showAddress(session_id, !isShown);
      isShown = true;
    },
    copy: (text) => void navigator.clipboard.writeText(text),
    openLink: (url) => void window.open(url.href, "_blank", "noopener,noreferrer"),
    editor: undefined,
    link: {
      fetch: (path, init) => linked().fetch(path, init),
      refusal: (response) => linked().refusal(response),
    },
    keys: {
      set: (provider, key) => changeKey(linked(), provider, { method: "PUT", body: { key } }),
      remove: (provider) => changeKey(linked(), provider, { method: "DELETE" }),
    },
  };
}

/** What the companion can do for a model without an editor; it asks first. */
function withTools<N extends CallName>(name: N, params: CallParams<N>): CallParams<N> {
  const { message } = params as { message?: { type: string } };
  if (name !== "send_message" || message?.type !== "user_message") return params;
  return { ...params, companion_tools: [{ name: "fetch_page" }] };
}

async function changeKey(
  link: CompanionLink,
  provider: string,
  { method, body }: { method: string; body?: unknown },
): Promise<void> {
  const response = await link.fetch(`/v1/keys/${encodeURIComponent(provider)}`, {
    method,
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json" },
    }),
  });
  if (!response.ok) throw await link.refusal(response);
}

function save(state: SavedState): void {
  try {
    sessionStorage.setItem(STATE, JSON.stringify(state));
  } catch {
    // There is room for a few million characters; what is too much for it are files that go along.
    const lighter = <D extends { context: Going[] }>(draft: D): D => ({
      ...draft,
      context: split(draft.context).attachments,
    });
    const unsent = state.unsent && lighter(state.unsent);
    const bare = Object.entries(state.drafts).map(([key, draft]) => [key, lighter(draft)]);
    const less = { ...state, drafts: Object.fromEntries(bare), ...(unsent && { unsent }) };
    sessionStorage.setItem(STATE, JSON.stringify(less));
  }
}

interface Place {
  session_id: string;
  turn_id?: string;
}

interface Address {
  token: string | null;
  /** Of `#session=ID&turn=ID`. */
  place: Place | undefined;
}

function readSaved(): SavedState {
  return toSavedState(parse(sessionStorage.getItem(STATE)));
}

function isElsewhere({ session_id, turn_id }: Place, saved: SavedState): boolean {
  return turn_id !== undefined || session_id !== saved.session_id;
}

/** Each chat is a step of the history; the first is where the tab begins. */
function showAddress(sessionId: string | null, isFirst: boolean): void {
  if (sessionId === inAddress("session")) return;
  const address = addressOf(sessionId);
  if (isFirst) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}

function addressOf(sessionId: string | null): string {
  const page = location.pathname + location.search;
  return sessionId === null ? page : `${page}#session=${encodeURIComponent(sessionId)}`;
}

/**
 * The token comes in the fragment, which is never sent anywhere, and does not stay in the
 * address bar or the history. The chat stays, the turn does not: it was led to once.
 */
function takeAddress(): Address {
  const [given, session_id, turn_id] = [
    inAddress("token"),
    inAddress("session"),
    inAddress("turn"),
  ];
  if (given !== null) sessionStorage.setItem(TOKEN, given);
  if (given !== null || turn_id !== null) history.replaceState(null, "", addressOf(session_id));
  return {
    token: given ?? sessionStorage.getItem(TOKEN),
    place: session_id === null ? undefined : { session_id, ...(turn_id !== null && { turn_id }) },
  };
}

function inAddress(name: string): string | null {
  return new URLSearchParams(location.hash.slice(1)).get(name) || null;
}

async function callOnce<N extends CallName>(
  link: CompanionLink,
  name: N,
  params: CallParams<N>,
): Promise<unknown> {
  const { method, path, body } = toHttp(name, params);
  const response = await link.fetch(path, {
    method,
    signal: AbortSignal.timeout(name === "summarise" ? SUMMARY_TIMEOUT_MS : CALL_TIMEOUT_MS),
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  if (name === "send_message" && response.status === 200) {
    // Accepted; the answer comes on the session's stream. Leaving this one stops nothing.
    void response.body?.cancel();
    return undefined;
  }
  // 503 and still an answer: it says what it is not ready for.
  if (!response.ok && !(name === "get_ready" && response.status === 503)) {
    throw await link.refusal(response);
  }
  if (response.status === 204) return undefined;
  const text = await response.text().catch((thrown: unknown) => {
    link.lost();
    const failure = new CallFailure({ code: "companion_lost", message: "" }, true);
    failure.cause = thrown;
    throw failure;
  });
  return text === "" ? undefined : parse(text);
}

function parse(text: string | null): unknown {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

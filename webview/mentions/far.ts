// What can go with a message and is of no editor: a page of the web, a past chat. Fetched and read
// by the companion; loaded with the first of them.
import type { ContextItem } from "../../server/protocol/requests.ts";
import type { Store } from "../state/store.ts";
import { asFailure, type Transport } from "../transport/transport.ts";

export interface FarDeps {
  store: Store;
  transport: Transport;
}

export interface FarOption {
  label: string;
  detail: string;
  title: string;
  word: string;
  take: () => void;
}

const WORDS = {
  en: { page: "add this page", coming: "Reading it…" },
  ru: { page: "добавить эту страницу", coming: "Читаю…" },
};
const MAX_CHATS = 20;

export async function farOptions(
  deps: FarDeps,
  kind: "url" | "chat",
  typed: string,
): Promise<FarOption[]> {
  const { transport, store } = deps;
  if (kind === "url") return pageOption(deps, typed);
  const asked = { limit: MAX_CHATS, ...(typed !== "" && { query: typed }) };
  const { sessions } = await transport.call("list_sessions", asked);
  const open = store.get().log?.id;
  return sessions
    .filter(({ id, turn }) => turn !== null && id !== open)
    .map(({ id, title, updated_at }) => ({
      label: title,
      detail: new Date(updated_at).toLocaleDateString(document.documentElement.lang),
      title,
      word: `“${title}” `,
      take: () => void add(deps, () => transport.call("quote_chat", { session_id: id })),
    }));
}

function pageOption(deps: FarDeps, typed: string): FarOption[] {
  const written = /^https?:/i.test(typed) ? typed : `https://${typed}`;
  const url = URL.parse(written);
  if (!url?.hostname.includes(".") && !url?.port && url?.hostname !== "localhost") return [];
  const read = () => deps.transport.call("read_page", { url: url.href });
  const option = { label: url.href, detail: words().page, title: url.href };
  return [{ ...option, word: `${url.href} `, take: () => void add(deps, read) }];
}

export async function add({ store }: FarDeps, read: () => Promise<ContextItem>): Promise<void> {
  const chat = store.get().log?.id;
  store.tell({ code: "context_coming", message: words().coming });
  try {
    const item = await read();
    // What was asked for in one chat does not go into another.
    if (store.get().log?.id !== chat) return;
    store.dispatch({ type: "compose", text: "", context: [item] });
    if (store.get().notice?.code === "context_coming") store.tell(null);
  } catch (thrown) {
    store.tell(asFailure(thrown).error);
  }
}

function words(): (typeof WORDS)["en"] {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? WORDS.ru : WORDS.en;
}

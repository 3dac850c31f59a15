// Whether the page of an address goes along that was pasted alone. Loaded when one is.
import { ICONS } from "../icons.ts";
import type { AppState } from "../state/model.ts";
import type { Store } from "../state/store.ts";
import type { add as addFar, FarDeps } from "./far.ts";

const WORDS = {
  en: {
    offer: (page: string) => `Attach the page ${page}?`,
    attach: "Attach",
    no: "Do not attach",
  },
  ru: {
    offer: (page: string) => `Приложить страницу ${page}?`,
    attach: "Приложить",
    no: "Не надо",
  },
};
const MAX_SHOWN = 60;

const words = () =>
  document.documentElement.lang.toLowerCase().startsWith("ru") ? WORDS.ru : WORDS.en;

const declined = new Set<string>();
let offered: { address: string; isWritten: boolean; leave: () => void } | undefined;
let isFollowed = false;

/**
 * An address alone was pasted: whether its page shall go along is asked beside what is written, and
 * gone with the address. Nothing is fetched before somebody has said so, and no is said once.
 */
export function offerPage(deps: FarDeps, address: string, add: typeof addFar): void {
  const { store, transport } = deps;
  const url = URL.parse(address);
  const place = document.querySelector<HTMLElement>(".composer > .mentions");
  const isThere = store.get().context.some((item) => "uri" in item && item.uri === url?.href);
  if (!url || !place || isThere || declined.has(url.href)) return;
  const { offer, attach, no } = words();
  const note = document.createElement("div");
  note.className = "composer-note";
  const told = document.createElement("span");
  const page = url.host + (url.pathname === "/" ? "" : url.pathname);
  told.textContent = offer(page.length > MAX_SHOWN ? `${page.slice(0, MAX_SHOWN)}…` : page);
  note.setAttribute("role", "group");
  note.setAttribute("aria-label", told.textContent);

  const form = place.parentElement;
  const leave = (): void => {
    if (note.contains(document.activeElement)) form?.querySelector("textarea")?.focus();
    offered = undefined;
    form?.removeEventListener("keydown", onKey);
    note.remove();
  };
  const decline = (): void => {
    declined.add(url.href);
    leave();
  };
  // Before the app hears of it, for whom it is the end of the answer.
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
    event.preventDefault();
    decline();
  };
  const yes = toButton("button is-secondary", () => {
    leave();
    void add(deps, () => transport.call("read_page", { url: url.href }));
  });
  yes.textContent = attach;
  const close = toButton("icon-button", decline);
  close.dataset["icon"] = ICONS.close;
  close.title = no;
  close.ariaLabel = no;
  note.append(told, yes, close);
  // One at a time, the newest.
  offered?.leave();
  offered = { address, isWritten: false, leave };
  leaveWithDraft(store);
  place.append(note);
  form?.addEventListener("keydown", onKey);
  const region = document.getElementById("announcements");
  if (region) region.textContent = told.textContent;
}

function toButton(className: string, onclick: () => void): HTMLButtonElement {
  return Object.assign(document.createElement("button"), { type: "button", className, onclick });
}

function leaveWithDraft(store: Store): void {
  if (!isFollowed) store.subscribe(lookAt);
  isFollowed = true;
  lookAt(store.get());
}

/** The paste may be in the draft already when it is asked about, or come a moment later. */
function lookAt({ draft }: AppState): void {
  if (!offered) return;
  const has = draft.includes(offered.address);
  if (offered.isWritten && !has) offered.leave();
  else offered.isWritten ||= has;
}

import { render } from "preact";
import { createApp } from "./app.ts";
import { SurroundingsContext } from "./components/base/context.ts";
import { focusComposer } from "./components/composer/focus-composer.ts";
import { Root } from "./components/root.tsx";
import { leaveByEscape } from "./escape.ts";
import { insist } from "./insist.ts";
import { FrameQueue } from "./markdown/frame-queue.ts";
import { createMarkdown } from "./markdown/syntax/parser.ts";
import type { AppState } from "./state/model.ts";
import type { Store } from "./state/store.ts";
import { loadSaid } from "./strings/said.ts";
import { loadStrings } from "./strings/strings.ts";
import { type Strings } from "./strings/texts.ts";
import type { Transport } from "./transport/transport.ts";
import type { VsCodeApi } from "./transport/vscode.ts";

declare const acquireVsCodeApi: (() => VsCodeApi) | undefined;

async function start(root: HTMLElement): Promise<void> {
  const vscode = typeof acquireVsCodeApi === "function" ? acquireVsCodeApi() : undefined;
  const html = document.documentElement;
  // VS Code has set its language; a browser has its own.
  if (!vscode) html.lang = navigator.language;
  html.dataset["host"] = vscode ? "vscode" : "browser";
  const [text, open] = await Promise.all([
    loadStrings(html.lang),
    loadTransport(vscode),
    loadSaid(html.lang).catch(() => {}),
  ]);
  const transport = open(text);
  const app = createApp(transport, text);
  const { actions, store } = app;
  const queue = new FrameQueue();
  const surroundings = {
    actions,
    text,
    attaching: { store, transport },
    md: createMarkdown(text.image),
    markdownHost: {
      text,
      queue,
      copy: actions.copy,
      useCode: actions.useCode,
      openFile: actions.openFile,
    },
  };

  const region = document.createElement("div");
  region.id = "announcements";
  region.className = "visually-hidden";
  region.setAttribute("role", "status");
  region.setAttribute("aria-live", "polite");
  root.after(region);
  // What is needed after the first word only is loaded beside it.
  void insist(() => import("./components/announcer.ts")).then((it) =>
    it?.announce(store, region, text),
  );

  const show = (): void => {
    render(
      <SurroundingsContext.Provider value={surroundings}>
        <Root state={store.get()} />
      </SurroundingsContext.Provider>,
      root,
    );
  };
  paceRenders(store, show);
  document.addEventListener("keydown", (event) => leaveByEscape(event, actions.sending.stop));
  void insist(() => import("./focus.ts")).then((it) => it?.keepFocus(root, focusComposer));
  void insist(() => import("./drops.ts")).then((it) => {
    it?.acceptFiles(surroundings.attaching);
  });
  app.onFocusComposer(() => requestAnimationFrame(() => requestAnimationFrame(focusComposer)));
  app.start();
  show();
}

/** Each place has its own way to the companion, and needs no other. */
async function loadTransport(vscode: VsCodeApi | undefined): Promise<(text: Strings) => Transport> {
  if (!vscode) return (await import("./transport/http.ts")).createHttpTransport;
  const { createVsCodeTransport } = await import("./transport/vscode.ts");
  return () => createVsCodeTransport(vscode);
}

/**
 * Twenty times a second is smooth for text that is being written, and leaves
 * the processor to others.
 */
const STREAM_PACE_MS = 50;

/**
 * Shows every change in the next frame, except that mere growth of the chat
 * is gathered for a moment.
 */
function paceRenders(store: Store, show: () => void): void {
  let frame: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = 0;
  const schedule = (): void => {
    clearTimeout(timer);
    timer = undefined;
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      last = performance.now();
      show();
    });
  };
  store.subscribe((state, before) => {
    if (frame !== undefined) return;
    const wait = onlyLogChanged(state, before) ? last + STREAM_PACE_MS - performance.now() : 0;
    if (wait <= 0) schedule();
    else timer ??= setTimeout(schedule, wait);
  });
}

function onlyLogChanged(state: AppState, before: AppState): boolean {
  const keys = Object.keys(state) as (keyof AppState)[];
  return keys.every((key) => key === "log" || state[key] === before[key]);
}

const root = document.getElementById("app");
if (root) void start(root);

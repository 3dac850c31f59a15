import { titleOf } from "../app.ts";
import { loadStyle } from "../load-style.ts";
import type { AppState } from "../state/model.ts";
import { ConnectionBanner, Notice } from "./banner.tsx";
import { useSurroundings } from "./base/context.ts";
import { IconButton } from "./base/icon.tsx";
import { later } from "./base/later.tsx";
import { Composer } from "./composer/composer.tsx";
import { Transcript } from "./transcript/transcript.tsx";
import { Welcome } from "./welcome.tsx";

const SessionsPane = later(async () => {
  const [loaded] = await Promise.all([import("./sessions-pane.tsx"), loadStyle("sessions.css")]);
  return loaded.SessionsPane;
});

const QueueList = later(async () => (await import("./composer/queue-list.tsx")).loadQueueList());
const LinkDialog = later(async () => (await import("./base/dialog.tsx")).LinkDialog);
const ApprovalsDialog = later(
  async () => await (await import("./approvals-dialog.tsx")).loadApprovals(),
);
const KeyDialog = later(async () => (await import("./key-dialog.tsx")).KeyDialog);

export function Root({ state }: { state: AppState }) {
  const { text } = useSurroundings();
  const isEmpty = state.outgoing === null && (state.log === null || isUnused(state));
  return (
    <main class="app">
      <h1 class="visually-hidden">{text.product}</h1>
      {state.sessions.open && <SessionsPane state={state} />}
      <div class="chat">
        <Head state={state} />
        <ConnectionBanner state={state} />
        {isEmpty ? <Welcome state={state} /> : <Transcript state={state} />}
        <Notice state={state} />
        {state.log && state.queue.length > 0 && <QueueList key={state.log.id} state={state} />}
        <Composer state={state} />
      </div>
      {state.link !== null && <LinkDialog url={state.link} />}
      {state.keyFor !== null && <KeyDialog state={state} />}
      {state.approvals && <ApprovalsDialog state={state} />}
    </main>
  );
}

/** Made, but nothing was said in it. */
function isUnused({ log, facts, streamError }: AppState): boolean {
  if (!log || !facts || streamError) return false;
  return log.turns.length === 0 && log.cursor >= facts.lastSeq;
}

function Head({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const { open } = state.sessions;
  const title = titleOf(state, text);
  return (
    <header class="head">
      <IconButton
        icon="history"
        label={open ? text.closeChats : text.chats}
        expanded={open}
        onClick={() => actions.sessions.show(!open)}
      />
      <h2 class="head-title" title={title}>
        {title === "" ? text.newChat : title}
      </h2>
      {!actions.run && <IconButton icon="add" label={text.newChat} onClick={actions.newChat} />}
    </header>
  );
}

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { isComposing, useLayer } from "../../escape.ts";
import { loadStyle } from "../../load-style.ts";
import { loadMentionStrings } from "../../mentions/strings.ts";
import type { AppState } from "../../state/model.ts";
import { canStop, isBusy, isSendable, mustWait } from "../../state/selectors.ts";
import { Attachments } from "../base/attachments.ts";
import { Allowed, ApprovalsButton, DraftChips } from "../base/chips.tsx";
import { useSurroundings } from "../base/context.ts";
import { Icon, IconButton } from "../base/icon.tsx";
import { ContextMeter } from "./context-meter.tsx";
import { COMPOSER_ID, focusComposer } from "./focus-composer.ts";
import { AgentPicker, ModelPicker } from "./pickers.tsx";

export function Composer({ state }: { state: AppState }) {
  const { actions, attaching, text } = useSurroundings();
  const input = useRef<HTMLTextAreaElement>(null);
  const { draft, draftRevision, editing } = state;
  const form = useRef<HTMLFormElement>(null);
  useLayer(form, "edit", editing === null ? undefined : actions.stopEditing);

  // Typing is left to the browser, which keeps its cursor and its undo; other
  // changes come from the state.
  useLayoutEffect(() => {
    if (input.current && input.current.value !== draft) input.current.value = draft;
  }, [draftRevision]);
  useLayoutEffect(() => {
    if (editing !== null) input.current?.setSelectionRange(draft.length, draft.length);
  }, [editing]);
  useEffect(focusComposer, []);

  // The list comes with the first @ or /, and from then on listens by itself.
  const mentions = useRef<HTMLDivElement>(null);
  const hasMentions = useRef(false);
  const coming = useRef(false);
  const offerMentions = (field: HTMLTextAreaElement): void => {
    const { editor, refreshAgents } = actions;
    const place = mentions.current;
    const isAsked = field.value.includes("@") || field.value.startsWith("/");
    if (!isAsked || !place || hasMentions.current) return;
    hasMentions.current = true;
    coming.current = true;
    void Promise.all([
      import("../../mentions/mention-list.ts"),
      loadMentionStrings(),
      loadStyle("mentions.css"),
    ])
      .then(
        ([{ attachMentions }, text]) => {
          hasMentions.current = coming.current;
          if (coming.current)
            attachMentions(field, place, { editor, agents: refreshAgents, far: attaching, text });
        },
        () => {
          hasMentions.current = false;
        },
      )
      .then(() => {
        coming.current = false;
      });
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (isComposing(event)) return;
    const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
    if (key === "Enter" && !shiftKey && !altKey) {
      event.preventDefault();
      actions.sending.send(ctrlKey || metaKey);
    } else if (key === "Escape" && coming.current) {
      // It would open a moment later all the same.
      coming.current = false;
      event.preventDefault();
    } else if (shiftKey || altKey || ctrlKey || metaKey) {
      // Moving between messages, or a key of the system's.
    } else if (key === "ArrowUp" && draft === "" && editing === null) {
      event.preventDefault();
      actions.edit();
    }
  };
  return (
    <form
      class="composer"
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        actions.sending.send();
      }}
    >
      {editing !== null && (
        <p class="composer-note">
          <Icon name="edit" />
          <span>{text.editing}</span>
          <IconButton icon="close" label={text.stopEditing} onClick={actions.stopEditing} />
        </p>
      )}
      <ContextMeter state={state} />
      <Allowed state={state} onRevoked={focusComposer} />
      <div class="mentions" ref={mentions} />
      <DraftChips context={state.context} />
      <textarea
        id={COMPOSER_ID}
        data-home
        ref={input}
        rows={1}
        aria-label={text.ask}
        placeholder={mustWait(state) ? text.busyPlaceholder : text.askPlaceholder(true)}
        onInput={({ currentTarget }) => {
          actions.setDraft(currentTarget.value);
          offerMentions(currentTarget);
        }}
        onKeyDown={onKeyDown}
      />
      <div class="composer-bar">
        <Attachments state={state} />
        <AgentPicker state={state} />
        <ModelPicker state={state} />
        <ApprovalsButton />
        <span class="spacer" />
        <SendAndStop state={state} />
      </div>
    </form>
  );
}

function SendAndStop({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const busy = isBusy(state);
  const stoppable = canStop(state);
  // While a call waits for a person a new message may take its place.
  const queues = mustWait(state);
  const sends = !stoppable || !(busy || queues) || (queues && isSendable(state));
  return (
    <>
      {stoppable && (
        <IconButton
          icon="stop"
          label={text.stop}
          keys="Escape"
          class="send is-stop"
          onClick={actions.sending.stop}
        />
      )}
      {sends && (
        <IconButton
          icon="send"
          label={queues ? text.queueIt : text.send}
          class="send"
          disabled={!(queues || !busy) || !isSendable(state)}
          onClick={() => actions.sending.send()}
        />
      )}
    </>
  );
}

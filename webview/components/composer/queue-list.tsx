import { useEffect, useRef, useState } from "preact/hooks";
import type { QueuedMessage } from "../../../server/protocol/stream-events.ts";
import { isComposing, useLayer } from "../../escape.ts";
import { loadStyle } from "../../load-style.ts";
import { toAttached } from "../../state/attached.ts";
import type { AppState } from "../../state/model.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon, IconButton } from "../base/icon.tsx";
import { Shown } from "../base/shown.tsx";
import { focusComposer } from "./focus-composer.ts";
import { queueStrings } from "./queue-strings.ts";

/** With what it looks like. */
export async function loadQueueList() {
  await loadStyle("queue.css");
  return QueueList;
}

/** Of a message that is being changed. */
interface Edit {
  id: string;
  version: number;
  was: string;
  text: string;
}

const MAX_NAMED = 60;

/** What waits until the answer has ended, in the order in which it is sent. */
function QueueList({ state }: { state: AppState }) {
  const { actions, attaching } = useSurroundings();
  const words = queueStrings();
  const { queue } = state;
  const sessionId = state.log?.id ?? "";
  const [edit, setEdit] = useState<Edit | null>(null);
  const latest = useRef<Edit | null>(null);
  latest.current = edit;

  const saving = useRef(false);

  /** Sent while it was being changed: what was written is not lost. */
  const giveBack = (): void => {
    if (saving.current) return;
    const lost = latest.current;
    latest.current = null;
    if (!lost || lost.text.trim() === lost.was) return;
    attaching.store.dispatch({ type: "returned", key: sessionId, draft: lost.text, context: [] });
    actions.tell("queue_changed", words.sentAsItWas);
  };
  const isGone = edit !== null && !queue.some(({ id }) => id === edit.id);
  useEffect(() => {
    if (!isGone || saving.current) return;
    giveBack();
    setEdit(null);
  }, [isGone]);
  useEffect(() => giveBack, []);

  const save = async (): Promise<void> => {
    if (!edit) return;
    const { id, version, text: content } = edit;
    const change = { version, content: content.trim() };
    saving.current = true;
    const isSaved = await actions.sending.stored(async (transport, session_id) => {
      await transport.call("change_queued", { session_id, id, change });
      return true;
    });
    saving.current = false;
    const isThere = attaching.store.get().queue.some((message) => message.id === id);
    if (isSaved) latest.current = null;
    else if (isThere) return;
    else giveBack();
    setEdit(null);
  };
  const takeBack = async ({ id, content, attachments = [] }: QueuedMessage): Promise<void> => {
    await actions.sending.stored(async (transport, session_id) => {
      const taken = (await transport.call("take_back", { session_id, id })) ?? {
        content,
        attachments,
      };
      const context = [
        ...("context" in taken ? (taken.context ?? []) : []),
        ...(taken.attachments ?? []).map(toAttached),
      ];
      const back = { draft: taken.content, context };
      attaching.store.dispatch({ type: "returned", key: session_id, ...back });
    });
    focusComposer();
  };
  const now = (id: string): void =>
    void actions.sending.stored((transport, session_id) =>
      transport.call("send_queued", { session_id, id }),
    );
  const resume = (): void =>
    void actions.sending.stored((transport, session_id) =>
      transport.call("resume_queue", { session_id }),
    );

  const held = queue.find((message) => message.held !== undefined)?.held;
  return (
    <section class="queue" aria-label={words.queue}>
      <p class="visually-hidden" role="status">
        {words.waiting(queue.length)}
      </p>
      {held !== undefined && (
        <p class="queue-note">
          <Icon name="warning" />
          <span>{reasonOf(held, words.held)}</span>
          <button type="button" class="button is-secondary" onClick={resume}>
            {words.resume}
          </button>
        </p>
      )}
      <ol>
        {queue.map((message) => (
          <li key={message.id} data-held={message.held}>
            {edit?.id === message.id ? (
              <EditField
                text={edit.text}
                onInput={(text) => setEdit({ ...edit, text })}
                onSave={() => void save()}
                onCancel={() => setEdit(null)}
              />
            ) : (
              <Row
                message={message}
                onEdit={() => {
                  const { id, version, content } = message;
                  setEdit({ id, version, was: content, text: content });
                }}
                onNow={() => now(message.id)}
                onTakeBack={() => void takeBack(message)}
              />
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

/** A newer companion may have others. */
function reasonOf(held: string, texts: Readonly<Record<string, string>>): string | undefined {
  return Object.hasOwn(texts, held) ? texts[held] : texts["other"];
}

interface RowProps {
  message: QueuedMessage;
  onEdit: () => void;
  onNow: () => void;
  onTakeBack: () => void;
}

function Row({ message, onEdit, onNow, onTakeBack }: RowProps) {
  const words = queueStrings();
  const { content, attachments = [], steers, held } = message;
  const named = content.length > MAX_NAMED ? `${content.slice(0, MAX_NAMED)}…` : content;
  const isSoon = steers && held === undefined;
  return (
    <>
      <Icon name={isSoon ? "play" : "history"} />
      <span class="queue-text">
        <Shown text={content} where="prose" />
      </span>
      {attachments.length > 0 && <span class="muted">{words.attached(attachments.length)}</span>}
      {isSoon && <span class="muted">{words.steers}</span>}
      <IconButton icon="edit" label={words.edit(named)} onClick={onEdit} />
      {!isSoon && <IconButton icon="send" label={words.now(named)} onClick={onNow} />}
      <IconButton icon="discard" label={words.takeBack(named)} onClick={onTakeBack} />
    </>
  );
}

interface EditFieldProps {
  text: string;
  onInput: (text: string) => void;
  onSave: () => void;
  onCancel: () => void;
}

function EditField({ text, onInput, onSave, onCancel }: EditFieldProps) {
  const words = queueStrings();
  const place = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  useLayer(place, "field", onCancel);
  useEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(text.length, text.length);
  }, []);
  return (
    <div class="queue-edit" ref={place}>
      <textarea
        ref={field}
        rows={1}
        class="text-input"
        aria-label={words.text}
        value={text}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || isComposing(event)) return;
          event.preventDefault();
          onSave();
        }}
      />
      <div class="button-row">
        <button type="button" class="button" onClick={onSave}>
          {words.save}
        </button>
        <button type="button" class="button is-secondary" onClick={onCancel}>
          {words.cancel}
        </button>
      </div>
    </div>
  );
}

import { useRef, useState } from "preact/hooks";
import type { DeletedSession } from "../../server/protocol/responses.ts";
import type { SessionsPane } from "../state/model.ts";
import { useSurroundings } from "./base/context.ts";
import { Dialog } from "./base/dialog.tsx";
import { IconButton } from "./base/icon.tsx";
import { sessionsStrings } from "./sessions-strings.ts";
import { formatTime } from "./short-time.ts";

/** What was deleted last, and one click that takes it back. */
export function UndoDelete({ deleted, undo }: Pick<SessionsPane, "deleted" | "undo">) {
  const { actions } = useSurroundings();
  const words = sessionsStrings();
  return (
    <div role="status" class="undo-delete">
      {undo && (undo.isArchived || deleted?.sessions.some(({ id }) => id === undo.id)) && (
        <>
          <span>{undo.isArchived ? words.archived(undo.title) : words.removed(undo.title)}</span>
          <button
            type="button"
            class="button is-secondary"
            onClick={() => {
              if (undo.isArchived) actions.sessions.archive(undo.id, false);
              else actions.sessions.restore(undo.id);
            }}
          >
            {words.undo}
          </button>
        </>
      )}
    </div>
  );
}

export function DeletedChats({ deleted }: { deleted: SessionsPane["deleted"] }) {
  const { actions, text } = useSurroundings();
  const words = sessionsStrings();
  const [removing, setRemoving] = useState<DeletedSession | null>(null);
  const summary = useRef<HTMLElement>(null);
  if (!deleted || deleted.sessions.length === 0) return null;
  return (
    <details class="deleted-chats">
      <summary ref={summary}>{words.deleted(deleted.sessions.length)}</summary>
      <ul class="session-list">
        {deleted.sessions.map((session) => (
          <li class="session" key={session.id}>
            <span class="deleted-chat">
              <span class="session-title">{session.title}</span>
              <span class="session-detail">{formatTime(session.deleted_at)}</span>
            </span>
            <div class="session-actions">
              <IconButton
                icon="discard"
                label={words.restore(session.title)}
                onClick={() => {
                  summary.current?.focus();
                  actions.sessions.restore(session.id);
                }}
              />
              <IconButton
                icon="trash"
                label={words.removeForGood(session.title)}
                onClick={() => setRemoving(session)}
              />
            </div>
          </li>
        ))}
      </ul>
      {removing && (
        <Dialog
          title={words.removeQuestion(removing.title)}
          confirm={text.delete}
          isDangerous
          onClose={(isConfirmed) => {
            setRemoving(null);
            summary.current?.focus();
            if (isConfirmed) actions.sessions.removeForGood(removing.id);
          }}
        >
          <p>{words.removeDetail(0)}</p>
        </Dialog>
      )}
    </details>
  );
}

// What is written and not sent. It belongs to the chat in which it was written: it waits there
// while another is open, and goes nowhere else.
import { omitUndefined } from "../../server/shared/json.ts";
import type { ChatDraft } from "../messages.ts";
import type { AppState } from "./model.ts";

export const NO_CALLS: AppState["calls"] = {};

/** A chat that does not exist yet. */
export const NEW_CHAT = "";

export function chatKey({ log }: AppState): string {
  return log?.id ?? NEW_CHAT;
}

/** Of the open chat. */
export function writtenHere({ draft, context, editing, behind, calls }: AppState): ChatDraft {
  const plain = editing === null ? { draft, context } : (behind ?? { draft: "", context: [] });
  const edit = { turn_id: editing ?? "", draft, context: [...context] };
  return omitUndefined({
    draft: plain.draft,
    context: [...plain.context],
    edit: editing === null ? undefined : edit,
    calls: Object.keys(calls).length > 0 ? calls : undefined,
  });
}

function isEmpty({ draft, context, edit, calls }: ChatDraft): boolean {
  return draft === "" && context.length === 0 && !edit && !calls;
}

/** The composer, and the words for calls, as they were left in a chat. */
export function withWritten(state: AppState, written: ChatDraft | undefined): AppState {
  const { draft = "", context = [], edit, calls = NO_CALLS } = written ?? {};
  return {
    ...state,
    draft: edit?.draft ?? draft,
    context: edit?.context ?? context,
    editing: edit?.turn_id ?? null,
    behind: edit ? { draft, context } : null,
    calls,
    draftRevision: state.draftRevision + 1,
  };
}

/** The open chat is left for another: what is written stays with each. */
export function withDraftsOf(state: AppState, key: string): AppState {
  const { [key]: written, ...others } = withHere(state);
  return withWritten({ ...state, drafts: others }, written);
}

/** Of all chats, also the open one. */
export function withHere(state: AppState): Record<string, ChatDraft> {
  const here = writtenHere(state);
  const { [chatKey(state)]: _, ...others } = state.drafts;
  return isEmpty(here) ? others : { ...others, [chatKey(state)]: here };
}

/** A message that came back belongs before what was written since. */
export function returned(written: ChatDraft | undefined, back: ChatDraft): ChatDraft {
  const { draft = "", context = [], ...more } = written ?? {};
  return {
    ...more,
    draft: [back.draft, draft].filter((text) => text !== "").join("\n"),
    context: [...back.context, ...context],
  };
}

/** The message that was being rewritten is not there any more; its new words are. */
export function withoutEdit(state: AppState): AppState {
  const { edit, ...plain } = writtenHere(state);
  return edit ? withWritten(state, returned(plain, edit)) : state;
}

/** What stays when the composer's text went: the draft behind an edit, and the words for calls. */
export function afterSending({ behind, calls }: AppState): ChatDraft {
  return { draft: behind?.draft ?? "", context: [...(behind?.context ?? [])], calls };
}

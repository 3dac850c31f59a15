// What the app's state holds of what is being written.
import type { Going } from "../messages.ts";
import { toAttached } from "./attached.ts";
import { chatKey, returned, withoutEdit, withWritten, writtenHere } from "./drafts.ts";
import type { AppMessage, AppState } from "./model.ts";

type ComposerMessage = Extract<
  AppMessage,
  {
    type:
      | "draft"
      | "compose"
      | "drop_context"
      | "edit"
      | "stop_editing"
      | "returned"
      | "drafts"
      | "write_call";
  }
>;

export function reduceComposer(state: AppState, message: ComposerMessage): AppState {
  switch (message.type) {
    case "draft":
      return { ...state, draft: message.text };
    case "compose": {
      const { text, context } = message;
      // What is there already is taken anew, as it is now.
      const isNew = (item: Going): boolean =>
        !context.some((one) => one.type === item.type && keyOf(one) === keyOf(item));
      const all = [...state.context.filter(isNew), ...context];
      // Whoever is writing goes on where the cursor is.
      if (text === "") return { ...state, context: all };
      const draft = [state.draft.trimEnd(), text].filter((piece) => piece !== "").join("\n");
      return {
        ...state,
        draft,
        draftRevision: state.draftRevision + 1,
        context: all,
      };
    }
    case "drop_context":
      return { ...state, context: state.context.filter((_, index) => index !== message.index) };
    case "edit": {
      const turn = state.log?.turns.find(({ id }) => id === message.turnId);
      if (!turn?.question || state.editing === turn.id) return state;
      const { question } = turn;
      const context = question.attachments.map(toAttached);
      const here = writtenHere(withoutEdit(state));
      const edit = { turn_id: turn.id, draft: question.text, context };
      return withWritten(state, { ...here, edit });
    }
    case "stop_editing": {
      const { edit: _, ...plain } = writtenHere(state);
      return withWritten(state, plain);
    }
    case "returned": {
      const { key, draft } = message;
      const back = { draft, context: [...message.context] };
      if (key === chatKey(state)) return withWritten(state, returned(writtenHere(state), back));
      return { ...state, drafts: { ...state.drafts, [key]: returned(state.drafts[key], back) } };
    }
    case "drafts": {
      const { [chatKey(state)]: written, ...drafts } = message.drafts;
      return withWritten({ ...state, drafts }, written);
    }
    case "write_call": {
      const before = state.calls[message.callId] ?? { args: null, feedback: "" };
      const draft = { ...before, ...message.draft };
      return { ...state, calls: { ...state.calls, [message.callId]: draft } };
    }
  }
}

/** A folder's label also counts what is in it. */
function keyOf(item: Going): string | undefined {
  return item.type === "folder" ? item.uri : item.label;
}

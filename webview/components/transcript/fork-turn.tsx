import { useRef } from "preact/hooks";
import { forkChat } from "../../state/fork-chat.ts";
import { asFailure } from "../../transport/transport.ts";
import { useSurroundings } from "../base/context.ts";
import { IconButton } from "../base/icon.tsx";
import { forkStrings } from "./fork-strings.ts";

/** Makes a copy of the chat up to the end of a turn and opens it. */
export function ForkTurn({ atSeq }: { atSeq: number }) {
  const { actions, attaching } = useSurroundings();
  const words = forkStrings();
  // A disabled button would lose the focus.
  const isBusy = useRef(false);
  const fork = async (): Promise<void> => {
    const { store, transport } = attaching;
    const { log } = store.get();
    if (!log || isBusy.current) return;
    isBusy.current = true;
    try {
      const copy = await forkChat(transport, log, atSeq);
      actions.sessions.refresh();
      // Whoever has gone elsewhere meanwhile finds it in the list.
      if (store.get().log?.id !== log.id) return;
      actions.openSession(copy.id);
      actions.tell("forked", words.forked);
    } catch (thrown) {
      store.tell(asFailure(thrown).error);
    } finally {
      isBusy.current = false;
    }
  };
  return <IconButton icon="fork" label={words.fork} onClick={() => void fork()} />;
}

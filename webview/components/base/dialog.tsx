import { useSurroundings } from "./context.ts";
import { useModal } from "./modal.ts";
import { Secondary } from "./secondary.tsx";

interface DialogProps {
  title: string;
  confirm: string;
  isDangerous?: boolean;
  onClose: (isConfirmed: boolean) => void;
  children: preact.ComponentChildren;
}

/** Asks before something that cannot be undone. Escape and the safe button say no. */
export function Dialog({ title, confirm, isDangerous, onClose, children }: DialogProps) {
  const { text } = useSurroundings();
  const modal = useModal(() => onClose(false));
  return (
    <dialog {...modal} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{title}</h2>
      {children}
      <div class="button-row is-end">
        <Secondary onClick={() => onClose(false)}>{text.cancel}</Secondary>
        <button
          type="button"
          class={isDangerous ? "button is-dangerous" : "button"}
          onClick={() => onClose(true)}
        >
          {confirm}
        </button>
      </div>
    </dialog>
  );
}

/** Shows where a link really leads, whatever its text says. */
export function LinkDialog({ url }: { url: string }) {
  const { actions, text } = useSurroundings();
  const { host, protocol, pathname, search, hash } = new URL(url);
  return (
    <Dialog title={text.openLink} confirm={text.open} onClose={actions.confirmLink}>
      <p class="muted">{text.openLinkDetail}</p>
      <p class="link-target">
        <span class="muted">{host === "" ? protocol : `${protocol}//`}</span>
        <strong>{host || pathname}</strong>
        {host !== "" && <span class="muted">{pathname + search + hash}</span>}
      </p>
    </Dialog>
  );
}

import { useLayoutEffect, useRef } from "preact/hooks";
import { useLayer } from "../../escape.ts";

/** For a `<dialog>` that is there while it is open: what it is to have, beside its name. */
export function useModal(onClose: () => void) {
  const ref = useRef<HTMLDialogElement>(null);
  useLayer(ref, "modal", onClose);
  useLayoutEffect(() => {
    ref.current?.showModal();
    return () => ref.current?.close();
  }, []);
  const onCancel = (event: Event): void => {
    event.preventDefault();
    onClose();
  };
  return { ref, onCancel };
}

// Whose Escape it is. One place decides, or the press that closes one thing also ends another: the
// running answer, which nobody gets back.
import { useLayoutEffect, useRef } from "preact/hooks";

/**
 * `modal` and `pane` are left from wherever the focus is; an `edit`, which holds what somebody
 * wrote, and a `field` only from within.
 */
type LayerKind = "modal" | "pane" | "edit" | "field";

interface Layer {
  element: Element;
  kind: LayerKind;
  leave: () => void;
}

/** What is open, oldest first. */
let layers: readonly Layer[] = [];

/** Makes the element a layer that Escape leaves, as long as there is something to leave. */
export function useLayer(
  element: { current: Element | null },
  kind: LayerKind,
  leave: (() => void) | undefined,
): void {
  const isOpen = leave !== undefined;
  const latest = useRef(leave);
  latest.current = leave;
  useLayoutEffect(() => {
    if (!element.current || !isOpen) return undefined;
    const opener = document.activeElement;
    const layer = { element: element.current, kind, leave: () => latest.current?.() };
    layers = [...layers, layer];
    return () => {
      layers = layers.filter((one) => one !== layer);
      const { activeElement } = document;
      const isLost = activeElement === document.body || layer.element.contains(activeElement);
      const closes = kind === "modal" || kind === "pane";
      if (closes && isLost && opener instanceof HTMLElement) opener.focus();
    };
  }, [isOpen]);
}

/**
 * True while a character is put together from several keys; its Enter and
 * Escape are the input method's.
 */
export function isComposing({ isComposing: composes, keyCode }: KeyboardEvent): boolean {
  return composes || keyCode === 229;
}

/**
 * Leaves what is open, the innermost first; only in the composer and the conversation with nothing
 * open it stops the answer.
 */
export function leaveByEscape(event: KeyboardEvent, stop: () => void): void {
  if (event.key !== "Escape" || event.defaultPrevented || isComposing(event)) return;
  // Held down, it would go on from what it has closed to what lies beneath.
  if (event.repeat || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
  const target = event.target instanceof Element ? event.target : document.body;
  const layer = layerOf(target);
  if (layer?.kind === "edit" && !layer.element.contains(target)) {
    // What is being written there would be lost with the answer that asks for it.
    event.preventDefault();
    layer.element.querySelector<HTMLElement>("textarea, input")?.focus();
  } else if (layer) {
    event.preventDefault();
    layer.leave();
  } else if (isOfAnswer(target)) {
    stop();
  }
}

function layerOf(target: Element): Layer | undefined {
  const open = layers.toReversed();
  const around = open
    .filter(({ element }) => element.contains(target))
    .reduce<Layer | undefined>(
      (inner, one) => (inner && one.element.contains(inner.element) ? inner : one),
      undefined,
    );
  const far = (kind: LayerKind) => open.find((one) => one.kind === kind);
  return far("modal") ?? around ?? far("edit") ?? far("pane");
}

/** A list of the browser's own may be open over a `select`. */
function isOfAnswer(target: Element): boolean {
  if (target === document.body) return true;
  return target.closest(".composer, .transcript") !== null && target.localName !== "select";
}

import { useEffect, useRef, useState } from "preact/hooks";

/** So near to the end a reader who comes down is at it. */
const AT_BOTTOM = 40;
/** What is shown above a turn that a link leads to, so that it is seen where it belongs. */
const SPACE_ABOVE = 16;
/** Until then what is built above a turn that a link led to does not push it away. */
const SETTLE_MS = 1_500;
/**
 * So long after its last event a movement may go on by itself: smooth scrolling, a
 * finger that has swung off.
 */
const MOMENTUM_MS = 3_000;
/** Until then a page that is moved by itself may not know yet how far it goes now. */
const DRAWN_MS = 200;

/** An element, or a place in a text. */
interface Placed {
  getBoundingClientRect: () => DOMRect;
}

const UP_KEYS = new Set(["ArrowUp", "PageUp", "Home"]);

/**
 * Stays at the end while the reader is there, and leaves a reader who went up
 * alone, however little it was.
 */
export function useStickyScroll(
  frame: { current: HTMLDivElement | null },
  content: { current: HTMLDivElement | null },
) {
  const sticks = useRef(true);
  const lastTop = useRef(0);
  /**
   * As high as all was when it was last drawn, and the time before: a reader may not have
   * been able to go further.
   */
  const drawn = useRef({ height: 0, before: 0, at: 0 });
  const wentDown = useRef(false);
  const anchor = useRef<number | null>(null);
  const held = useRef<Placed | null>(null);
  const space = useRef(SPACE_ABOVE);
  /** Until when a movement down is the reader's own. */
  const mayReturnUntil = useRef(0);
  const lastTouch = useRef(0);
  const [isAway, setIsAway] = useState(false);

  /** Our own movement is none of the reader, even where one of his follows it in the same frame. */
  const scrollTo = (element: HTMLElement, top: number): void => {
    element.scrollTop = top;
    lastTop.current = element.scrollTop;
  };
  const toBottom = (): void => {
    sticks.current = true;
    held.current = null;
    setIsAway(false);
    if (frame.current) scrollTo(frame.current, frame.current.scrollHeight);
  };
  const onScroll = (): void => {
    const element = frame.current;
    if (!element) return;
    const left = leftOf(element);
    const moved = element.scrollTop - lastTop.current;
    // Content that shrinks takes the end along, a reader leaves it.
    if (moved !== 0) wentDown.current = moved > 0;
    if (moved < 0 && left > 1) sticks.current = false;
    else returnIfAtEnd(element);
    lastTop.current = element.scrollTop;
    setIsAway(!sticks.current && left > AT_BOTTOM);
  };
  const returnIfAtEnd = (element: HTMLElement): void => {
    if (!wentDown.current || performance.now() >= mayReturnUntil.current) return;
    const { height, before, at } = drawn.current;
    const reached = performance.now() - at < DRAWN_MS ? Math.min(height, before) : height;
    const more = Math.max(0, element.scrollHeight - reached);
    if (leftOf(element) - more <= AT_BOTTOM) sticks.current = true;
  };
  /**
   * The reader moves. What follows of a small movement up would be lost in what the answer adds in
   * the same frame, so its direction counts, not how far it came.
   */
  const move = (direction: "up" | "down" | "either", target: EventTarget | null): void => {
    const element = frame.current;
    held.current = null;
    if (!element) return;
    if (direction !== "up") {
      mayReturnUntil.current = performance.now() + MOMENTUM_MS;
      // The page may have moved before it is told why.
      returnIfAtEnd(element);
    } else if (element.scrollTop > 0 && !scrollsItself(target, element)) {
      sticks.current = false;
      wentDown.current = false;
      mayReturnUntil.current = 0;
    }
  };
  const showHeld = (): void => {
    const element = frame.current;
    if (!element || !held.current) return;
    const top = held.current.getBoundingClientRect().top - element.getBoundingClientRect().top;
    scrollTo(element, element.scrollTop + top - space.current);
  };
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      const element = frame.current;
      if (!element) return;
      if (held.current) {
        showHeld();
        anchor.current = null;
      } else if (sticks.current) {
        scrollTo(element, element.scrollHeight);
      } else if (anchor.current !== null) {
        scrollTo(element, element.scrollHeight - anchor.current);
        anchor.current = null;
      } else {
        setIsAway(leftOf(element) > AT_BOTTOM);
      }
      const { height } = drawn.current;
      drawn.current = { height: element.scrollHeight, before: height, at: performance.now() };
    });
    if (frame.current) observer.observe(frame.current);
    if (content.current) observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  return {
    isAway,
    toBottom,
    onScroll,
    toElement: (target: Placed, above = SPACE_ABOVE): void => {
      sticks.current = false;
      held.current = target;
      space.current = above;
      showHeld();
      onScroll();
      setTimeout(() => {
        if (held.current === target) held.current = null;
      }, SETTLE_MS);
    },
    onWheel: (event: WheelEvent): void => {
      if (!event.ctrlKey && event.deltaY !== 0)
        move(event.deltaY < 0 ? "up" : "down", event.target);
    },
    onPointerDown: (): void => move("either", null),
    onTouchStart: ({ touches }: TouchEvent): void => {
      lastTouch.current = touches[0]?.clientY ?? 0;
    },
    onTouchMove: ({ touches, target }: TouchEvent): void => {
      const y = touches[0]?.clientY ?? lastTouch.current;
      if (y !== lastTouch.current) move(y > lastTouch.current ? "up" : "down", target);
      lastTouch.current = y;
    },
    onKeyDown: (event: KeyboardEvent): void => {
      const up = UP_KEYS.has(event.key) || (event.key === " " && event.shiftKey);
      move(up && !isTyping(event.target) ? "up" : "either", event.target);
    },
    /** What is shown now stays where it is when more comes above it. */
    keepPlace: (): void => {
      const element = frame.current;
      if (element) anchor.current = element.scrollHeight - element.scrollTop;
    },
  };
}

function leftOf(element: HTMLElement): number {
  return element.scrollHeight - element.scrollTop - element.clientHeight;
}

/**
 * Something inside of the conversation takes the movement: a box of output, a text that is edited.
 */
function scrollsItself(target: EventTarget | null, frame: Element): boolean {
  let at = target instanceof Element ? target : null;
  for (; at && at !== frame; at = at.parentElement) if (at.scrollTop > 0) return true;
  return false;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
}

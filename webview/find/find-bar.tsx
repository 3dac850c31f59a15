import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { IconButton } from "../components/base/icon.tsx";
import { isComposing, useLayer } from "../escape.ts";
import { MAX_PLACES, placesOf } from "./places.ts";
import { findStrings } from "./strings.ts";

const ALL = "find-places";
const NOW = "find-place";
const TYPING_MS = 120;
const MAX_SELECTED = 100;
/** Above a place that is gone to: the bar, and some of what comes before. */
const SPACE_ABOVE = 90;

/** What was looked for last, for the next time. */
let lastQuery = "";

interface FindBarProps {
  /** Counts how often it was asked for. */
  asked: number;
  /** Where it looks. */
  content: RefObject<HTMLElement | null>;
  /** How many turns are not drawn yet. */
  hidden: number;
  drawMore: () => void;
  scrollTo: (place: { getBoundingClientRect: () => DOMRect }) => void;
  onClose: () => void;
}

export function FindBar({ asked, content, hidden, drawMore, scrollTo, onClose }: FindBarProps) {
  const words = findStrings();
  const [query, setQuery] = useState(() => selectedIn(content.current) || lastQuery);
  const bar = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useLayer(bar, "pane", onClose);
  useLayoutEffect(() => {
    const selected = selectedIn(content.current);
    if (selected !== "") setQuery(selected);
    input.current?.focus();
    input.current?.select();
  }, [asked]);
  // All of the chat is looked through, so all of it is drawn, some turns at a time.
  useEffect(() => {
    if (hidden === 0) return;
    const wait = requestIdleCallback(drawMore, { timeout: 200 });
    return () => cancelIdleCallback(wait);
  }, [hidden]);
  const { places, now, go } = usePlaces(content, query, scrollTo);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== "F3" || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      go(event.shiftKey ? -1 : 1);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [go]);
  const isMore = hidden > 0 || places.length === MAX_PLACES;
  return (
    <div class="find-bar" role="search" aria-label={words.find} ref={bar}>
      <input
        ref={input}
        type="text"
        class="text-input"
        aria-label={words.find}
        placeholder={words.find}
        value={query}
        onInput={({ currentTarget: { value } }) => {
          lastQuery = value;
          setQuery(value);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || isComposing(event)) return;
          event.preventDefault();
          go(event.shiftKey ? -1 : 1);
        }}
      />
      <span class="find-count" role="status">
        {query.trim() === "" || (places.length === 0 && hidden > 0)
          ? ""
          : places.length === 0
            ? words.none
            : words.place(now + 1, places.length, isMore)}
      </span>
      <IconButton
        icon="chevron-up"
        label={words.previous}
        keys="Shift+F3"
        disabled={places.length === 0}
        onClick={() => go(-1)}
      />
      <IconButton
        icon="chevron-down"
        label={words.next}
        keys="F3"
        disabled={places.length === 0}
        onClick={() => go(1)}
      />
      <IconButton icon="close" label={words.close} keys="Escape" onClick={onClose} />
    </div>
  );
}

interface Found {
  places: readonly Range[];
  /** Of them, where the reader is. */
  now: number;
}

/** What is found, also while an answer grows and more of the chat is drawn. */
function usePlaces(
  content: RefObject<HTMLElement | null>,
  query: string,
  scrollTo: FindBarProps["scrollTo"],
) {
  const [found, setFound] = useState<Found>({ places: [], now: -1 });
  const latest = useRef(found);
  const show = (next: Found): void => {
    latest.current = next;
    mark(next);
    setFound(next);
  };
  const go = (step: number): void => {
    const { places, now } = latest.current;
    if (places.length === 0) return;
    const next = (now + step + places.length) % places.length;
    show({ places, now: next });
    reveal(places[next], scrollTo);
  };
  useEffect(() => {
    const root = content.current;
    if (!root) return undefined;
    let isFirst = true;
    const look = (): void => {
      const places = placesOf(root, query);
      const before = latest.current.places[latest.current.now];
      const now = isFirst ? firstFrom(places, root) : sameOf(places, before);
      show({ places, now });
      if (isFirst && places[now]) reveal(places[now], scrollTo);
      // Nothing was there yet to go to.
      isFirst &&= places.length === 0;
    };
    let timer = setTimeout(look, TYPING_MS);
    const observer = new MutationObserver(() => {
      clearTimeout(timer);
      timer = setTimeout(look, TYPING_MS);
    });
    observer.observe(root, { childList: true, subtree: true, characterData: true });
    return () => {
      clearTimeout(timer);
      observer.disconnect();
    };
  }, [query]);
  useEffect(() => () => mark({ places: [], now: -1 }), []);
  return { ...found, go };
}

function mark({ places, now }: Found): void {
  if (!("highlights" in CSS)) return;
  const place = places[now];
  CSS.highlights.set(ALL, new Highlight(...places));
  const here = new Highlight(...(place ? [place] : []));
  here.priority = 1;
  CSS.highlights.set(NOW, here);
}

/** The first that is in sight or below, else the last; 0 where all are folded away. */
function firstFrom(places: readonly Range[], root: HTMLElement): number {
  const top = root.parentElement?.getBoundingClientRect().top ?? 0;
  const below = places.findIndex((place) => {
    const { bottom, height } = place.getBoundingClientRect();
    return height > 0 && bottom > top;
  });
  return below < 0 ? places.length - 1 : below;
}

/** The place where the reader was, or the next after it. */
function sameOf(places: readonly Range[], before: Range | undefined): number {
  if (!before) return places.length > 0 ? 0 : -1;
  const next = places.findIndex(
    (place) => place.compareBoundaryPoints(Range.START_TO_START, before) >= 0,
  );
  return next < 0 ? places.length - 1 : next;
}

function reveal(place: Range | undefined, scrollTo: FindBarProps["scrollTo"]): void {
  const element = place?.startContainer.parentElement;
  if (!place || !element) return;
  for (let at: Element | null = element; at; at = at.parentElement) {
    if (at instanceof HTMLDetailsElement) at.open = true;
  }
  const box = element.closest("pre, .table-scroll, table");
  const inner = place.getBoundingClientRect();
  if (box) {
    const { left, right } = box.getBoundingClientRect();
    if (inner.right > right || inner.left < left) box.scrollLeft += inner.left - left - 40;
  }
  const frame = element.closest(".transcript")?.getBoundingClientRect();
  const isSeen = frame && inner.top > frame.top + SPACE_ABOVE / 2 && inner.bottom < frame.bottom;
  if (isSeen) return;
  scrollTo({
    getBoundingClientRect() {
      const { x, y, width, height } = place.getBoundingClientRect();
      return new DOMRect(x, y - SPACE_ABOVE, width, height);
    },
  });
}

function selectedIn(root: HTMLElement | null): string {
  const selection = getSelection();
  if (!root || !selection || !root.contains(selection.anchorNode)) return "";
  const text = selection.toString().trim();
  return text.length > MAX_SELECTED || text.includes("\n") ? "" : text;
}

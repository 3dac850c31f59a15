import { Fragment } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  activeSummary,
  isBusy,
  isLoading,
  lastTurn,
  agentName as nameOf,
  soughtIndex,
  unfinishedPlan,
} from "../state/selectors.ts";
import type { AppState } from "../state/state.ts";
import { focusComposer } from "./composer.tsx";
import { useSurroundings } from "./context.ts";
import { Icon } from "./icon.tsx";
import { SummaryLine } from "./summary-line.tsx";
import { OutgoingView, TurnView } from "./turn.tsx";

/** How many turns are built at first, and how many more when the reader goes up. */
const PAGE = 30;
const NEAR_TOP = 400;
const AT_BOTTOM = 40;
/** What is shown above a turn that a link leads to, so that it is seen where it belongs. */
const TURNS_BEFORE = 5;
const SPACE_ABOVE = 16;
/** Until then what is built above a turn that a link led to does not push it away. */
const SETTLE_MS = 1_500;

export function Transcript({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const [limit, setLimit] = useState(PAGE);
  const frame = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const [found, setFound] = useState<{ turnId: string } | null>(null);
  const { isAway, toBottom, toElement, release, onScroll, keepPlace } = useStickyScroll(
    frame,
    content,
  );
  const agents = state.agents;
  const agentName = useMemo(() => (type: string) => nameOf({ ...state, agents }, type), [agents]);

  const sessionId = state.log?.id ?? null;
  const turns = state.log?.turns ?? [];
  const summary = activeSummary(state);
  const hidden = Math.max(0, turns.length - limit);
  const loading = isLoading(state);
  useLayoutEffect(() => {
    setLimit(PAGE);
    setFound(null);
    toBottom();
  }, [sessionId, loading]);
  const sought = soughtIndex(state) ?? -1;
  useLayoutEffect(() => {
    const turn = turns[sought];
    if (!turn) return;
    setLimit((before) => Math.max(before, turns.length - sought + TURNS_BEFORE));
    setFound({ turnId: turn.id });
    actions.turnShown();
  }, [state.sought, sought]);
  useLayoutEffect(() => {
    const turn = found && content.current?.querySelector<HTMLElement>(".is-found");
    if (!turn) return;
    turn.querySelector<HTMLElement>(".message")?.focus({ preventScroll: true });
    toElement(turn);
  }, [found]);
  // Whoever sends wants to see what comes.
  const { outgoing } = state;
  useLayoutEffect(() => {
    if (!outgoing) return;
    toBottom();
    // The button that asked for it may go with the turn that is replaced.
    if (document.hasFocus()) focusComposer();
  }, [outgoing?.requestId]);

  const showEarlier = (): void => {
    keepPlace();
    setLimit(limit + PAGE);
  };
  const replaced = turns.findIndex(({ id }) => id === outgoing?.replacesTurnId);
  const shown = replaced < 0 ? turns.slice(hidden) : turns.slice(hidden, replaced);
  return (
    <div class="transcript-frame">
      <div
        class="transcript"
        ref={frame}
        role="log"
        aria-live="off"
        aria-label={text.conversation}
        aria-busy={lastTurn(state)?.status === "running"}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region is reached by keyboard
        tabIndex={0}
        onScroll={() => {
          onScroll();
          if (hidden > 0 && (frame.current?.scrollTop ?? 0) < NEAR_TOP) showEarlier();
        }}
        onWheel={release}
        onPointerDown={release}
        onKeyDown={(event) => {
          release();
          moveBetweenMessages(event);
        }}
        onFocusOut={({ relatedTarget }) => {
          const into = relatedTarget instanceof Element && relatedTarget.closest(".is-found");
          // A window that is left for another one comes back with its focus.
          if (found && !into && document.hasFocus()) setFound(null);
        }}
        onClick={(event) => followLink(event, actions.followLink)}
        onAuxClick={(event) => followLink(event, actions.followLink)}
      >
        <div class="transcript-content" ref={content}>
          {loading && (
            <p class="status-line is-centred">
              <Icon name="loading" spin />
              {text.loadingChat}
            </p>
          )}
          {!loading && hidden > 0 && (
            <button type="button" class="button is-secondary is-centred" onClick={showEarlier}>
              {text.showEarlier}
            </button>
          )}
          {!loading &&
            shown.map((turn) => {
              const isLast = turn === turns.at(-1);
              // The key keeps each turn's elements when the window of shown ones moves.
              return (
                <Fragment key={turn.id}>
                  <TurnView
                    turn={turn}
                    isFound={turn.id === found?.turnId}
                    isLast={isLast}
                    isIdle={isLast && !isBusy(state) && outgoing === null}
                    stopping={isLast && state.stopping}
                    decisions={isLast ? state.decisions : NONE}
                    agentName={agentName}
                    plan={isLast ? unfinishedPlan(turns) : undefined}
                  />
                  {summary?.untilTurnId === turn.id && (
                    <SummaryLine key={summary.id} summary={summary} canUndo={!isBusy(state)} />
                  )}
                </Fragment>
              );
            })}
          {outgoing && <OutgoingView outgoing={outgoing} />}
        </div>
      </div>
      {isAway && (
        <button type="button" class="jump" onClick={toBottom}>
          <Icon name="arrow-down" />
          {text.jumpToLatest}
        </button>
      )}
    </div>
  );
}

const NONE = {};

/** Stays at the end while the reader is there, and leaves a reader who went up alone. */
function useStickyScroll(
  frame: { current: HTMLDivElement | null },
  content: { current: HTMLDivElement | null },
) {
  const sticks = useRef(true);
  const lastTop = useRef(0);
  const anchor = useRef<number | null>(null);
  const held = useRef<HTMLElement | null>(null);
  const [isAway, setIsAway] = useState(false);

  const toBottom = (): void => {
    sticks.current = true;
    held.current = null;
    setIsAway(false);
    if (frame.current) frame.current.scrollTop = frame.current.scrollHeight;
  };
  const onScroll = (): void => {
    const element = frame.current;
    if (!element) return;
    const left = element.scrollHeight - element.scrollTop - element.clientHeight;
    // Growing content moves the end away, a reader moves up.
    if (left <= AT_BOTTOM) sticks.current = true;
    else if (element.scrollTop < lastTop.current) sticks.current = false;
    lastTop.current = element.scrollTop;
    setIsAway(!sticks.current);
  };
  const showHeld = (): void => {
    const element = frame.current;
    if (!element || !held.current) return;
    const top = held.current.getBoundingClientRect().top - element.getBoundingClientRect().top;
    element.scrollTop += top - SPACE_ABOVE;
  };
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      const element = frame.current;
      if (!element) return;
      if (held.current) {
        showHeld();
        anchor.current = null;
      } else if (sticks.current) {
        element.scrollTop = element.scrollHeight;
      } else if (anchor.current !== null) {
        element.scrollTop = element.scrollHeight - anchor.current;
        anchor.current = null;
      }
    });
    if (frame.current) observer.observe(frame.current);
    if (content.current) observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  return {
    isAway,
    toBottom,
    onScroll,
    toElement: (target: HTMLElement): void => {
      sticks.current = false;
      held.current = target;
      showHeld();
      onScroll();
      setTimeout(() => {
        if (held.current === target) held.current = null;
      }, SETTLE_MS);
    },
    /** The reader moves. */
    release: (): void => {
      held.current = null;
    },
    /** What is shown now stays where it is when more comes above it. */
    keepPlace: (): void => {
      const element = frame.current;
      if (element) anchor.current = element.scrollHeight - element.scrollTop;
    },
  };
}

function moveBetweenMessages(event: KeyboardEvent): void {
  if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
  const frame = event.currentTarget;
  if (!(frame instanceof HTMLElement) || !(event.target instanceof Element)) return;
  const messages = [...frame.querySelectorAll<HTMLElement>(".message")];
  const current = messages.findIndex((message) => message.contains(document.activeElement));
  const up = event.key === "ArrowUp";
  const next = current < 0 ? (up ? messages.length - 1 : 0) : current + (up ? -1 : 1);
  const target = messages[next];
  if (!target) return;
  event.preventDefault();
  target.focus();
  target.scrollIntoView({ block: "nearest" });
}

/** No link of an answer is ever followed by the page itself. */
function followLink(event: MouseEvent, follow: (url: string) => void): void {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link) return;
  event.preventDefault();
  if (event.button <= 1) follow(link.href);
}

import { Fragment, type RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Versions, versionsAt } from "../../../server/shared/versions.ts";
import { loadStyle } from "../../load-style.ts";
import type { AppState, Outgoing } from "../../state/model.ts";
import {
  activeSummary,
  isBusy,
  isLoading,
  lastTurn,
  agentName as nameOf,
  soughtIndex,
  unfinishedPlan,
} from "../../state/selectors.ts";
import { emptyLog, isOpen, type Turn } from "../../turns/model.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";
import { later } from "../base/later.tsx";
import { focusComposer } from "../composer/focus-composer.ts";
import { useStickyScroll } from "./sticky-scroll.ts";
import { OutgoingView, TurnView } from "./turn.tsx";

const FindBar = later(async () => {
  const [loaded] = await Promise.all([import("../../find/find-bar.tsx"), loadStyle("find.css")]);
  return loaded.FindBar;
});
const GoneWords = later(async () => (await import("./gone-words.tsx")).GoneWords);
const TakenBack = later(async () => (await import("./version-switch.tsx")).TakenBack);
const SummaryLine = later(async () => (await import("./summary-line.tsx")).SummaryLine);

/** It will wait with the others, below. */
function isQueueing({ when_busy, state }: Outgoing): boolean {
  return when_busy !== undefined && state === "sending";
}

/** How many turns are built at first, and how many more when the reader goes up. */
const PAGE = 30;
const NEAR_TOP = 400;
/** What is shown above a turn that a link leads to, so that it is seen where it belongs. */
const TURNS_BEFORE = 5;

export function Transcript({ state }: { state: AppState }) {
  const { actions, text } = useSurroundings();
  const [limit, setLimit] = useState(PAGE);
  const frame = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const { isAway, toBottom, toElement, onScroll, onKeyDown, keepPlace, ...moves } = useStickyScroll(
    frame,
    content,
  );
  const agents = state.agents;
  const agentName = useMemo(() => (type: string) => nameOf({ ...state, agents }, type), [agents]);

  const sessionId = state.log?.id ?? null;
  const turns = state.log?.turns ?? [];
  const summary = activeSummary(state);
  const gone = state.log?.gone;
  const hidden = Math.max(0, turns.length - limit);
  const loading = isLoading(state);
  useLayoutEffect(() => {
    setLimit(PAGE);
    setFound(null);
    toBottom();
  }, [sessionId, loading]);
  const [found, setFound] = useFound(state, content, toElement, (index) =>
    setLimit((before) => Math.max(before, turns.length - index + TURNS_BEFORE)),
  );
  // Whoever sends wants to see what comes.
  const { outgoing } = state;
  const { versions, takenBack, acting } = useVersions(state, hidden, toElement, setLimit);
  useSentView(outgoing, toBottom);

  const [finding, setFinding] = useFinding();
  const showEarlier = (): void => {
    keepPlace();
    setLimit(limit + PAGE);
  };
  const replaced = turns.findIndex(({ id }) => id === outgoing?.replaces_turn_id);
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
        {...moves}
        onKeyDown={(event) => {
          onKeyDown(event);
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
          {!loading && gone && !turns.some(({ id }) => id === gone.afterTurnId) && (
            <GoneWords gone={gone} agentName={agentName} />
          )}
          {!loading &&
            shown.map((turn, index) => {
              const isLast = turn === turns.at(-1);
              // The key keeps each turn's elements when the window of shown ones moves.
              return (
                <Fragment key={turn.id}>
                  <TurnView
                    turn={turn}
                    isFound={turn.id === found?.turnId}
                    isLast={isLast}
                    {...acting}
                    isAdded={turns[hidden + index - 1]?.id === turn.id}
                    versions={versions.get(turn.id)}
                    stopping={isLast && state.stopping}
                    isCut={isLast && state.connection.state !== "ready"}
                    decisions={isLast ? state.decisions : NONE}
                    calls={isLast ? state.calls : NONE}
                    agentName={agentName}
                    plan={isLast ? unfinishedPlan(turns) : undefined}
                  />
                  {summary?.untilTurnId === turn.id && (
                    <SummaryLine key={summary.id} summary={summary} canUndo={!isBusy(state)} />
                  )}
                  {gone?.afterTurnId === turn.id && <GoneWords gone={gone} agentName={agentName} />}
                </Fragment>
              );
            })}
          {takenBack && <TakenBack versions={takenBack} canSwitch={acting.canSwitch} />}
          {outgoing && !isQueueing(outgoing) && <OutgoingView outgoing={outgoing} />}
        </div>
      </div>
      {finding > 0 && (
        <FindBar
          asked={finding}
          content={content}
          hidden={loading ? 0 : hidden}
          drawMore={showEarlier}
          scrollTo={toElement}
          onClose={() => setFinding(0)}
        />
      )}
      {isAway && <JumpToLatest onClick={toBottom} />}
    </div>
  );
}

function JumpToLatest({ onClick }: { onClick: () => void }) {
  const { text } = useSurroundings();
  return (
    <button type="button" class="jump" onClick={onClick}>
      <Icon name="arrow-down" />
      {text.jumpToLatest}
    </button>
  );
}

const NONE = {};
const NO_LOG = emptyLog("");

function useSentView(outgoing: Outgoing | null, toBottom: () => void): void {
  useLayoutEffect(() => {
    if (!outgoing) return;
    toBottom();
    // The button that asked for it may go with the turn that is replaced.
    if (document.hasFocus()) focusComposer();
  }, [outgoing?.request_id]);
}

/** Of what is built; where that is not enough, `setLimit` lets more be built. */
function useVersions(
  state: AppState,
  hidden: number,
  toElement: (element: HTMLElement, above: number) => void,
  setLimit: (change: (before: number) => number) => void,
) {
  const { id, turns, others } = state.log ?? NO_LOG;
  const loading = isLoading(state);
  // Where the reader is, is shown on, however much longer another version is.
  const length = useRef(0);
  useLayoutEffect(() => {
    const more = turns.length - length.current;
    if (!loading && length.current > 0 && more > 0) setLimit((before) => before + more);
  }, [others]);
  useLayoutEffect(() => {
    length.current = loading ? 0 : turns.length;
  }, [id, turns.length, loading]);
  const find = () => versionsIn({ turns, others }, hidden);
  const versions = useMemo(find, [id, others, turns.length, hidden]);
  const isIdle = !isBusy(state) && state.outgoing === null;
  // The first of them does as any later one, and a turn is not drawn again for it.
  const hold = useMemo(() => toElement, []);
  const takenBack = loading || !isIdle ? undefined : versions.get(null);
  const canSwitch = isIdle && !isOpen(lastTurn(state));
  return { versions, takenBack, acting: { isIdle, canSwitch, hold } };
}

/** By the turn that is shown; null: behind the last. */
function versionsIn(all: Versions<Turn>, from: number): Map<string | null, readonly string[]> {
  const found = new Map<string | null, readonly string[]>();
  if (all.others.length === 0) return found;
  for (let index = from; index <= all.turns.length; index++) {
    const id = all.turns[index]?.id ?? null;
    const versions = versionsAt(all, index, ({ question }) => question !== null);
    if (versions.length > (id === null ? 0 : 1)) found.set(id, versions);
  }
  return found;
}

interface Found {
  turnId: string;
  words: string;
}

/**
 * Leads the reader to the turn that is sought, once `build` has let it be
 * built, and to the words in it.
 */
function useFound(
  state: AppState,
  content: RefObject<HTMLElement | null>,
  toElement: (element: HTMLElement) => void,
  build: (index: number) => void,
) {
  const { actions } = useSurroundings();
  const [found, setFound] = useState<Found | null>(null);
  const sought = soughtIndex(state) ?? -1;
  useLayoutEffect(() => {
    const turn = state.log?.turns[sought];
    if (!turn) return;
    build(sought);
    setFound({ turnId: turn.id, words: state.sought?.words ?? "" });
    actions.turnShown();
  }, [state.sought, sought]);
  useLayoutEffect(() => {
    const turn = found && content.current?.querySelector<HTMLElement>(".is-found");
    if (!turn) return;
    turn.querySelector<HTMLElement>(".message")?.focus({ preventScroll: true });
    toElement(turn);
    const left = new AbortController();
    void import("./found-words.ts").then(({ leadToQuestion, markWords }) => {
      if (left.signal.aborted) return;
      if (found.words === "") leadToQuestion(turn, toElement, left.signal);
      else markWords(turn, found.words, toElement, left.signal);
    });
    return () => left.abort();
  }, [found]);
  return [found, setFound] as const;
}

/** How often it was asked for since the find bar was opened; 0: it is not. */
function useFinding() {
  const finding = useState(0);
  const [, setFinding] = finding;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!asksToFind(event)) return;
      event.preventDefault();
      setFinding((times) => times + 1);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return finding;
}

/** On any keyboard: on some the key of F is a letter of another alphabet. */
function asksToFind({ key, code, ctrlKey, metaKey, altKey, shiftKey, target }: KeyboardEvent) {
  const isMac = navigator.platform.startsWith("Mac");
  if (!(isMac ? metaKey : ctrlKey) || altKey || shiftKey) return false;
  // Once more: the browser's own.
  if (target instanceof Element && target.closest(".find-bar")) return false;
  return key.toLowerCase() === "f" || (code === "KeyF" && !/^[a-z]$/i.test(key));
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

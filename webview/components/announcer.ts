// Tells a screen reader what goes on: that an answer has begun, then whole sentences at a bearable
// pace, then how it ended. The transcript itself keeps silent, or every token would be read out.

import type { AppState } from "../state/model.ts";
import { agentName, lastTurn } from "../state/selectors.ts";
import type { Store } from "../state/store.ts";
import { said } from "../strings/said.ts";
import type { Strings } from "../strings/texts.ts";
import { answerText, type Turn } from "../turns/model.ts";
import { type AnnouncerStrings, announcerStrings } from "./announcer-strings.ts";
import { briefOf, titleOf } from "./base/call-words.ts";

const PACE_MS = 3_000;

export function announce(store: Store, region: HTMLElement, text: Strings): void {
  const words = announcerStrings();
  let spoken: { turnId: string; length: number } | null = null;
  let queue: string[] = [];
  let last = -PACE_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const flush = (): void => {
    timer = undefined;
    if (queue.length === 0) return;
    region.textContent = queue.join(" ");
    queue = [];
    last = performance.now();
  };
  const say = (...sentences: string[]): void => {
    const said = sentences.filter((sentence) => sentence !== "");
    if (said.length === 0) return;
    queue.push(...said);
    timer ??= setTimeout(flush, Math.max(0, PACE_MS - (performance.now() - last)));
  };

  const nameOf = (type: string): string => agentName(store.get(), type);
  const onTurn = (turn: Turn, before: Turn | undefined): void => {
    const isSame = turn.id === before?.id;
    if (turn.status === "running" && spoken?.turnId !== turn.id) {
      // An answer that was there before the reader came is read by the reader.
      spoken = { turnId: turn.id, length: isSame ? answerText(turn).length : 0 };
      say(words.start);
    }
    if (spoken?.turnId !== turn.id) return;
    const isOver = turn.status !== "running" && turn.status !== "waiting";
    const answer = answerText(turn);
    const { sentences, length } = nextSentences(answer, spoken.length, isOver, words.code);
    spoken.length = length;
    say(...sentences);
    for (const part of turn.parts) {
      if (part.kind !== "tool" || part.waitsFor !== "tool_decision") continue;
      const old = before?.parts.find(({ from }) => from === part.from);
      if (old?.kind !== "tool" || old.waitsFor === null) {
        say(titleOf(part, true, { text, agentName: nameOf }), briefOf(part)?.line ?? "");
      }
    }
    if (!isOver) return;
    spoken = null;
    say(endOf(turn, answer, words));
  };

  store.subscribe(({ log, sought }, before) => {
    if (!before.sought || sought || log?.id !== before.log?.id) return;
    const turns = log?.turns ?? [];
    const index = turns.findIndex(({ id }) => id === before.sought?.turnId);
    if (index >= 0) say(words.turn(index + 1, turns.length));
  });
  store.subscribe((state: AppState, before: AppState) => {
    const turn = lastTurn(state);
    const old = lastTurn(before);
    if (!turn || turn === old || state.log?.id !== before.log?.id) return;
    // History on its way in is not news.
    if (state.facts !== null && (before.log?.cursor ?? 0) < state.facts.lastSeq) return;
    onTurn(turn, old);
  });
}

function endOf(turn: Turn, answer: string, words: AnnouncerStrings): string {
  if (turn.status === "error") return words.failed(turn.ending ? said(turn.ending).message : "");
  if (turn.status === "interrupted") return words.interrupted;
  return words.end(answer.split(/\s+/).filter((word) => word !== "").length);
}

/** Whole sentences from `from` on, without the marks of Markdown; code is named, not read. */
export function nextSentences(
  answer: string,
  from: number,
  isOver: boolean,
  codeWord: string,
): { sentences: string[]; length: number } {
  const fresh = answer.slice(from);
  const ends = [...fresh.matchAll(/[.!?…:]["»”)]?\s|\n/g)];
  const end = ends.at(-1);
  const length = isOver ? fresh.length : end ? end.index + end[0].length : 0;
  // A block of code is left whole until it is closed.
  const ready = isOver ? fresh : beforeOpenFence(answer.slice(0, from), fresh.slice(0, length));
  const plain = ready
    .replaceAll(/^ {0,3}(```|~~~)[\s\S]*?^ {0,3}\1[`~]*[ \t]*$/gm, ` ${codeWord} `)
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/^[ \t]*(?:#{1,6}|>|[-*+]|\d+[.)])[ \t]+/gm, "")
    .replaceAll(/^[|\s:-]+$/gm, "")
    .replaceAll(/[*_`|~]+/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
  return { sentences: plain === "" ? [] : [plain], length: from + ready.length };
}

function beforeOpenFence(before: string, fresh: string): string {
  const fences = [...(before + fresh).matchAll(/^ {0,3}(?:```|~~~).*$/gm)];
  if (fences.length % 2 === 0) return fresh;
  const open = (fences.at(-1)?.index ?? 0) - before.length;
  return fresh.slice(0, Math.max(0, open));
}

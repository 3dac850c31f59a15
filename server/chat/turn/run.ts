// One run of a turn: its state, and the one way its steps are written.

import type { SSEUnitOfWork } from "../../db/commit/unit-of-work.ts";
import type { Thinking } from "../../protocol/stored/thinking.ts";
import type { HeldAnswer, Usage } from "../../providers/provider.ts";
import { omitUndefined } from "../../shared/json.ts";
import type { ChatDeps, LeasedTurn } from "../deps.ts";
import { type Append, type Step, writeSession } from "../log/write-session.ts";
import { ENDINGS, type Ending } from "./close-turn.ts";
import type { StoredPart } from "./skip-stored.ts";
import type { TokenBatch } from "./token-batch.ts";

/** Why a running turn is told to stop; the reason of its AbortSignal. */
export class StopTurn extends Error {
  readonly ending: Ending;
  constructor(ending: Ending) {
    super(ending.message);
    this.ending = ending;
  }
}

/** The state of one run, from the model's first word to the next pause or the end. */
export interface Run {
  deps: ChatDeps;
  turn: LeasedTurn;
  uow: SSEUnitOfWork;
  controller: AbortController;
  agentType: string;
  /** How often the model was asked in this turn, pauses and all. */
  steps: number;
  /** How often its agent has changed. */
  switches: number;
  /** Of all steps; undefined as long as no model has said. */
  usage: Usage | undefined;
  /**
   * What the conversation measured, in tokens, when the model last answered: as
   * it said, or an estimate.
   */
  contextTokens: number;
  /** It is not tried again before each step. */
  summaryFailed: boolean;
  /** What of this step's answer is committed. */
  text: string;
  /** This step's thinking in its vendor's form, once the answer is whole. */
  thinking: Thinking | undefined;
  published: boolean;
  batch: TokenBatch | undefined;
  /** This step's answer, where its vendor holds it. */
  held: HeldAnswer | undefined;
  /** Another companion began this step's answer. */
  goesOn: boolean;
  /** What of it was stored then, where its vendor holds it; else its words. */
  stored: StoredPart | undefined;
  begun: string | undefined;
}

export function newRun(
  deps: ChatDeps,
  turn: LeasedTurn,
  uow: SSEUnitOfWork,
  controller: AbortController,
): Run {
  const { agentType, steps, switches, usage, held } = turn;
  const goesOn = held !== undefined || turn.continues === true;
  const fresh = {
    contextTokens: 0,
    summaryFailed: false,
    text: "",
    thinking: undefined,
    published: goesOn,
    batch: undefined,
    held,
    goesOn,
    stored: undefined,
    begun: undefined,
  };
  return { deps, turn, uow, controller, agentType, steps, switches, usage, ...fresh };
}

/** A step of this turn, under its lease; notices when somebody asked it to stop. */
export async function writeStep<T>(
  run: Run,
  operation: Step["operation"],
  work: Parameters<typeof writeSession<T>>[3],
): Promise<T> {
  const { deps, turn, uow, controller } = run;
  const { sessionId, turnId, fence } = turn;
  let cancelled = false;
  let lastSeq = turn.lastSeq;
  const result = await writeSession(
    deps.hub,
    uow,
    { operation, sessionId, turnId, fence },
    (trx, append, number, locked) => {
      const appending: Append = async (chunks, ofTurnId) => {
        const appended = await append(chunks, ofTurnId);
        cancelled = appended.cancelTurnId === turnId;
        lastSeq = appended.chunks.at(-1)?.seq ?? lastSeq;
        return appended;
      };
      return work(trx, appending, number, locked);
    },
  );
  turn.lastSeq = lastSeq;
  if (cancelled) controller.abort(new StopTurn(ENDINGS.cancelled));
  return result;
}

/** What the row of a turn says of how far it has come. */
export function progressOf({ steps, switches, usage }: Run) {
  const { input_tokens, output_tokens } = usage ?? {};
  // What is stored with it is the end of an answer.
  const held_answer = null;
  return omitUndefined({ steps, switches, input_tokens, output_tokens, held_answer });
}

/** The next step begins with nothing said. */
export function endAnswer(run: Run): void {
  run.text = "";
  run.thinking = undefined;
  run.held = undefined;
  run.goesOn = false;
  run.stored = undefined;
  run.begun = undefined;
}

const USAGE_KINDS = [
  "input_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
] as const satisfies readonly (keyof Usage)[];

export function addUsage(run: Run, usage: Usage | undefined): void {
  if (!usage) return;
  const { tokens } = run.deps.metrics;
  tokens.inc({ direction: "input" }, usage.input_tokens);
  tokens.inc({ direction: "output" }, usage.output_tokens);
  const sum: Usage = { input_tokens: 0, output_tokens: 0, ...run.usage };
  for (const kind of USAGE_KINDS) {
    const tokens = (sum[kind] ?? 0) + (usage[kind] ?? 0);
    if (tokens > 0) sum[kind] = tokens;
  }
  run.usage = sum;
}

import { unitsOfWorkOfLeases } from "../../db/commit/units-of-work.ts";
import {
  LEASE_MS,
  leasesOf,
  RENEWED_AT_ONCE,
  type RenewedLease,
  renewLeases,
  requestCancel,
} from "../../db/tables/sessions.ts";
import { findOpenTurn, findTurn } from "../../db/tables/turns.ts";
import { ChatError } from "../../errors.ts";
import { withoutTrace } from "../../observe/trace-context.ts";
import { every, type Repeating } from "../../shared/every.ts";
import type { ChatDeps, LeasedTurn, RunningTurns } from "../deps.ts";
import { ENDINGS } from "./close-turn.ts";
import { recoverTurns } from "./recover-turns.ts";
import { StopTurn } from "./run.ts";
import { runTurn } from "./run-turn.ts";

interface Running {
  turn: LeasedTurn;
  controller: AbortController;
  ended: Promise<void>;
}

/** Two renewals may be lost before somebody else takes over. */
const RENEW_MS = LEASE_MS / 3;

/** How long to wait for another companion to stop its turn: it is gone then, and its lease over. */
const REMOTE_CANCEL_MS = LEASE_MS + 1_000;
const REMOTE_CANCEL_POLL_MS = 100;

type OnEnd = (sessionId: string, isDone: boolean) => void;

/** The turns that this companion runs. They belong to it, not to the requests that started them. */
export class Turns implements RunningTurns {
  readonly #record: () => ChatDeps;
  readonly #running = new Map<string, Running>();
  /** Each may end with a turn that is launched. */
  readonly #beginnings = new Set<Promise<unknown>>();
  #draining = false;
  #stopping = false;
  #renewing: Repeating | undefined;

  readonly #onEnd: OnEnd;

  /**
   * `record`: it holds these turns, too, so it is there only after them. `onEnd`: a turn has
   * ended, or waits.
   */
  constructor(record: () => ChatDeps, onEnd: OnEnd) {
    this.#record = record;
    this.#onEnd = onEnd;
  }

  get #deps(): ChatDeps {
    return this.#record();
  }

  get count(): number {
    return this.#running.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  written(): Iterable<readonly [string, number]> {
    return Array.from(this.#running, ([sessionId, { turn }]) => [sessionId, turn.lastSeq] as const);
  }

  isRunning(sessionId: string): boolean {
    return this.#running.has(sessionId);
  }

  refuseWhenDraining(): void {
    if (this.#draining) {
      throw new ChatError(
        "draining",
        "This companion is shutting down and takes no new messages.",
        {
          hint: "Send it again in a moment.",
          retryAfterSeconds: 2,
        },
      );
    }
  }

  async begin<T>(work: () => Promise<T>): Promise<T> {
    this.refuseWhenDraining();
    const beginning = work();
    this.#beginnings.add(beginning);
    try {
      return await beginning;
    } finally {
      this.#beginnings.delete(beginning);
    }
  }

  launch(turn: LeasedTurn): void {
    const { metrics, log, database } = this.#deps;
    const patient = { ...this.#deps, reader: database.patientReader };
    const controller = new AbortController();
    metrics.turnsRunning.inc();
    let isDone = false;
    const ended = runTurn(patient, turn, controller).then(
      (status) => {
        metrics.turns.inc({ status });
        isDone = status === "done";
      },
      (err: unknown) => log.error({ err, turn_id: turn.turnId }, "a turn ended unexpectedly"),
    );
    const running: Running = {
      turn,
      controller,
      ended: ended.finally(() => {
        metrics.turnsRunning.dec();
        if (this.#running.get(turn.sessionId) === running) this.#running.delete(turn.sessionId);
        if (this.#running.size === 0) void this.#renewing?.stop();
        this.#onEnd(turn.sessionId, isDone);
      }),
    };
    // Nobody else can take a lease here, however old it is.
    if (this.#running.size === 0 && !this.#deps.soleCompanion) this.#startRenewing();
    this.#running.set(turn.sessionId, running);
    // Launched while draining began: it stops at once, with its end committed.
    if (this.#stopping) controller.abort(new StopTurn(ENDINGS.server_stopped));
    if (turn.isCancelled) controller.abort(new StopTurn(ENDINGS.cancelled));
  }

  async cancel(sessionId: string): Promise<{ turn_id: string | null }> {
    const local = this.#running.get(sessionId);
    if (local) {
      local.controller.abort(new StopTurn(ENDINGS.cancelled));
      await local.ended;
      return { turn_id: local.turn.turnId };
    }
    const turn = await findOpenTurn(this.#deps.reader, sessionId);
    if (turn?.status !== "running") return { turn_id: null };
    await this.#cancelElsewhere(sessionId, turn.id);
    return { turn_id: turn.id };
  }

  async #cancelElsewhere(sessionId: string, turnId: string): Promise<void> {
    const uow = this.#deps.newUnitOfWork({ sessionId, turnId });
    await uow.commit("request_cancel", (trx) => requestCancel(trx, sessionId, turnId));
    this.#deps.peers.look(sessionId);
    const deadline = performance.now() + REMOTE_CANCEL_MS;
    while (performance.now() < deadline) {
      const turn = await findTurn(this.#deps.reader, turnId);
      if (turn?.status !== "running") return;
      await new Promise((resolve) => setTimeout(resolve, REMOTE_CANCEL_POLL_MS));
    }
    await recoverTurns(this.#deps);
  }

  async stopIfAsked(sessionIds: readonly string[]): Promise<void> {
    const running = sessionIds.filter((sessionId) => this.#running.has(sessionId));
    for (const [sessionId, { cancel_turn_id }] of await leasesOf(this.#deps.reader, running)) {
      this.#stopIfWanted(sessionId, cancel_turn_id);
    }
  }

  #stopIfWanted(sessionId: string, cancelTurnId: string | null): void {
    const running = this.#running.get(sessionId);
    if (running && running.turn.turnId === cancelTurnId) {
      running.controller.abort(new StopTurn(ENDINGS.cancelled));
    }
  }

  async wake(): Promise<void> {
    if (this.#running.size > 0) await this.#renew().catch(this.#notRenewed);
  }

  async retire(): Promise<void> {
    this.#draining = true;
    while (this.#beginnings.size + this.#running.size > 0) {
      const ends = Array.from(this.#running.values(), ({ ended }) => ended);
      await Promise.allSettled([...this.#beginnings, ...ends]);
    }
  }

  async drain(): Promise<void> {
    this.#draining = true;
    this.#stopping = true;
    const all = [...this.#running.values()];
    for (const { controller } of all) controller.abort(new StopTurn(ENDINGS.server_stopped));
    await Promise.all(all.map((running) => running.ended));
    void this.#renewing?.stop();
  }

  #startRenewing(): void {
    void this.#renewing?.stop();
    this.#renewing = withoutTrace(() => every(RENEW_MS, () => this.#renew(), this.#notRenewed));
  }

  readonly #notRenewed = (err: unknown): void =>
    this.#deps.log.warn({ err }, "the leases could not be renewed");

  async #renew(): Promise<void> {
    const { owner, database } = this.#deps;
    const uow = unitsOfWorkOfLeases(database, this.#deps)();
    let renewed: RenewedLease[];
    do {
      renewed = await uow.commit("renew_lease", (trx) => renewLeases(trx, owner));
      for (const { session_id, cancel_turn_id } of renewed) {
        this.#stopIfWanted(session_id, cancel_turn_id);
      }
    } while (renewed.length === RENEWED_AT_ONCE);
    await this.#stopLost();
  }

  /**
   * A model is not listened to any longer for a session that has another writer; its
   * words could not be stored.
   */
  async #stopLost(): Promise<void> {
    const running = [...this.#running.values()];
    // Reads may wait in line behind long ones, and the next renewal comes after this.
    const leases = await leasesOf(
      this.#deps.database.leaseWriter,
      running.map(({ turn }) => turn.sessionId),
    );
    for (const { turn, controller } of running) {
      if (leases.get(turn.sessionId)?.lease_fence === turn.fence) continue;
      controller.abort(new ChatError("lease_lost", "Another companion took this session over."));
    }
  }
}

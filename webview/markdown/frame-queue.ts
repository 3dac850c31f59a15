// Work for the screen, cut into frames: no more of it at once than leaves the page quick to answer.

/** Does a part of its work, at least one step, and says whether there is more. */
export type Job = (isLate: () => boolean) => boolean;

const FRAME_BUDGET_MS = 10;

export class FrameQueue {
  readonly #jobs = new Map<object, { job: Job; notBefore: number }>();
  #isScheduled = false;

  /** Runs `job` in a frame to come, not before `notBefore` on the clock of `performance.now()`. The newest job of an owner stands. */
  add(owner: object, job: Job, notBefore = 0): void {
    this.#jobs.set(owner, { job, notBefore });
    this.#schedule();
  }

  remove(owner: object): void {
    this.#jobs.delete(owner);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#jobs.size === 0) return;
    this.#isScheduled = true;
    const wait =
      Math.min(...[...this.#jobs.values()].map(({ notBefore }) => notBefore)) - performance.now();
    if (wait > 16) setTimeout(() => requestAnimationFrame(() => this.#run()), wait - 16);
    else requestAnimationFrame(() => this.#run());
  }

  #run(): void {
    this.#isScheduled = false;
    const start = performance.now();
    const isLate = (): boolean => performance.now() - start > FRAME_BUDGET_MS;
    // The newest first: that is where the reader is.
    for (const [owner, { job, notBefore }] of [...this.#jobs].toReversed()) {
      if (notBefore > start) continue;
      this.#jobs.delete(owner);
      if (job(isLate)) this.#jobs.set(owner, { job, notBefore: 0 });
      if (isLate()) break;
    }
    this.#schedule();
  }
}

// Work for the screen, cut into frames: no more of it at once than leaves the page quick to answer.

/** Does a part of its work, at least one step, and says whether there is more. */
export type Job = (isLate: () => boolean) => boolean;

const FRAME_BUDGET_MS = 6;

export class FrameQueue {
  readonly #jobs = new Map<object, { job: Job; notBefore: number }>();
  #isScheduled = false;
  /** When the first job of this very task of the event loop began. */
  #taskStart: number | null = null;

  /**
   * Runs `job` at once if it may and there is time left in this task, so that it shows in the same
   * frame as what asked for it; else in a frame to come, not before `notBefore` on the clock of
   * `performance.now()`. The newest job of an owner stands.
   */
  add(owner: object, job: Job, notBefore = 0): void {
    this.#jobs.delete(owner);
    const mayRun = notBefore <= performance.now() && !this.#isLate();
    if (mayRun && !this.#run(job)) return;
    this.#jobs.set(owner, { job, notBefore });
    this.#schedule();
  }

  remove(owner: object): void {
    this.#jobs.delete(owner);
  }

  #run(job: Job): boolean {
    if (this.#taskStart === null) {
      this.#taskStart = performance.now();
      setTimeout(() => {
        this.#taskStart = null;
      });
    }
    return job(() => this.#isLate());
  }

  #isLate(): boolean {
    return this.#taskStart !== null && performance.now() - this.#taskStart > FRAME_BUDGET_MS;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#jobs.size === 0) return;
    this.#isScheduled = true;
    const first = Math.min(...Array.from(this.#jobs.values(), ({ notBefore }) => notBefore));
    const wait = first - performance.now();
    if (wait > 16) setTimeout(() => requestAnimationFrame(() => this.#runFrame()), wait - 16);
    else requestAnimationFrame(() => this.#runFrame());
  }

  #runFrame(): void {
    this.#isScheduled = false;
    const now = performance.now();
    // The newest first: that is where the reader is.
    for (const [owner, { job, notBefore }] of [...this.#jobs].toReversed()) {
      if (notBefore > now) continue;
      this.#jobs.delete(owner);
      if (this.#run(job)) this.#jobs.set(owner, { job, notBefore: 0 });
      if (this.#isLate()) break;
    }
    this.#schedule();
  }
}

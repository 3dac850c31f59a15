// Where in the tail the next rows go. A row that is settled is written over by another one: the
// page is there, and neither the list of free pages nor the tree above changes. Removed and written
// anew they cost as many pages once more.

/** Code of who finds a row that is not settled: as after a lock it is tried again. */
export const PLACE_TAKEN = "SQLITE_BUSY_TAIL";

/** About twenty pages. */
export const RUN = 512;

/** For so long nobody needed what is given back. */
const UNUSED_MS = 5_000;

/** Places for rows, by their positions from 0 on, in runs that are filled one after the other. */
export class TailPlaces {
  /** By run: how many of its rows are not settled. */
  #unsettled: number[] = [];
  #next = 0;
  /** Left in the run. */
  #room = 0;
  /** Behind all rows that are in the table. */
  #end = 0;
  /** How much of it was needed, in the time before and since. */
  #needed = { before: 0, now: 0, since: 0 };

  /** There is no row. */
  get isEmpty(): boolean {
    return this.#end === 0;
  }

  /** The first of so many, one behind the other. They are free until `hold` says otherwise. */
  take(rows: number): number {
    if (rows > this.#room) {
      this.#next = this.#firstFree(rows);
      this.#room = Math.max(1, Math.ceil(rows / RUN)) * RUN;
    }
    const first = this.#next;
    this.#next += rows;
    this.#room -= rows;
    this.#needed.now = Math.max(this.#needed.now, this.#next);
    return first;
  }

  /** A row is there, and not settled. */
  hold(position: number): void {
    const run = runOf(position);
    this.#unsettled[run] = (this.#unsettled[run] ?? 0) + 1;
    this.#end = Math.max(this.#end, position + 1);
  }

  /** They are settled. */
  free(positions: readonly number[]): void {
    for (const position of positions) {
      const run = runOf(position);
      this.#unsettled[run] = (this.#unsettled[run] ?? 1) - 1;
    }
  }

  /** From where on rows may be removed now, a run at most; undefined: none. */
  unneeded(now: number): number | undefined {
    const needed = this.#needed;
    if (now - needed.since > UNUSED_MS) {
      this.#needed = { before: needed.now, now: 0, since: now };
    }
    const inUse = RUN * (1 + this.#unsettled.findLastIndex((rows) => rows > 0));
    const kept = inUse === 0 ? 0 : Math.max(inUse, needed.before, needed.now);
    return kept < this.#end ? Math.max(kept, this.#end - RUN) : undefined;
  }

  /** The rows from here on are removed, but for what is not settled. */
  removedFrom(position: number): void {
    this.#end = position;
    if (position === 0) this.clear();
  }

  /** The table is empty. */
  clear(): void {
    this.#unsettled = [];
    this.#next = 0;
    this.#room = 0;
    this.#end = 0;
  }

  #firstFree(rows: number): number {
    for (let first = 0; ; first += RUN) {
      let end = first;
      while (end < first + rows && (this.#unsettled[runOf(end)] ?? 0) === 0) end += RUN;
      if (end >= first + rows) return first;
    }
  }
}

function runOf(position: number): number {
  return Math.floor(position / RUN);
}

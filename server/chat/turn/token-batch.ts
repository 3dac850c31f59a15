import type { NewChunk } from "../../protocol/chunks.ts";

type Kind = "assistant_message" | "reasoning";

interface Part {
  kind: Kind;
  text: string;
}

/** Characters that may wait for a commit before the source is asked to wait. */
const HIGH_WATER = 256 * 1024;

/** A longer text becomes several chunks, so that no single frame is heavy. */
const MAX_TOKEN = 32 * 1024;

/** What no model says to a reader, but a server that sends all it has: its next commit may wait. */
const FULL_SPEED_DELTAS_PER_MS = 5;
const FULL_SPEED_DELTAS = 8;

/** What nobody sees who reads, and leaves the database to the others. */
const FULL_SPEED_PAUSE_MS = 20;

/** Undefined: it is committed. */
export type Settle = (failure: { error: unknown } | undefined) => void;

export interface Batch {
  chunks: NewChunk[];
  /** `performance.now()` when the oldest delta in it arrived. */
  receivedAt: number;
}

/**
 * Gathers deltas by arrival: what came while the last commit ran goes into the next one. A delta
 * that finds no commit on its way is committed at once, so a lone reader waits for nothing but its
 * own commit, and no commit is empty. A model at full speed would have a commit on its way all the
 * time, and the database for itself: it pauses between them, but not before the end.
 */
export class TokenBatch {
  readonly #commit: (batch: Batch, settle: Settle) => void;
  readonly #onFailure: (error: unknown) => void;
  #parts: Part[] = [];
  #waiting = 0;
  #receivedAt = 0;
  /** A commit is on its way, or a pause; who waits for the end of all is told. */
  #running = false;
  #ended: PromiseWithResolvers<void> | undefined;
  #failure: { error: unknown } | undefined;
  #deltas = 0;
  #isFullSpeed = false;
  #flushing = 0;
  #endPause: (() => void) | undefined;

  /**
   * `commit` settles once, or throws. `onFailure` hears of a failed commit at once, also while the
   * source is silent.
   */
  constructor(commit: (batch: Batch, settle: Settle) => void, onFailure: (error: unknown) => void) {
    this.#commit = commit;
    this.#onFailure = onFailure;
  }

  /**
   * A promise only when the source has to wait until there is room again. Throws the
   * error of a failed commit.
   */
  add(kind: Kind, text: string): Promise<void> | undefined {
    this.#throwFailure();
    if (text === "") return undefined;
    if (this.#parts.length === 0) this.#receivedAt = performance.now();
    const last = this.#parts.at(-1);
    if (last?.kind === kind) last.text += text;
    // A list that grows has room for seventeen: most have one.
    else if (!last) this.#parts = [{ kind, text }];
    else this.#parts.push({ kind, text });
    this.#waiting += text.length;
    this.#deltas++;
    if (!this.#running) {
      this.#running = true;
      this.#commitNext();
    }
    return this.#waiting > HIGH_WATER ? this.flush() : undefined;
  }

  /** Resolves when all that was added is committed. */
  async flush(): Promise<void> {
    this.#flushing++;
    this.#endPause?.();
    while (this.#running) {
      this.#ended ??= Promise.withResolvers();
      await this.#ended.promise;
    }
    this.#flushing--;
    this.#throwFailure();
  }

  /** No promise: it runs for each word of each stream. */
  #commitNext(): void {
    if (this.#parts.length === 0) {
      this.#end();
      return;
    }
    const batch = { chunks: toChunks(this.#parts), receivedAt: this.#receivedAt };
    const tookMs = performance.now() - batch.receivedAt;
    this.#isFullSpeed =
      this.#deltas > Math.max(FULL_SPEED_DELTAS, FULL_SPEED_DELTAS_PER_MS * tookMs);
    this.#parts = [];
    this.#waiting = 0;
    this.#deltas = 0;
    try {
      this.#commit(batch, this.#settle);
    } catch (error) {
      this.#fail(error);
    }
  }

  readonly #settle: Settle = (failure) => {
    if (failure) this.#fail(failure.error);
    else if (this.#isFullSpeed) this.#commitLater();
    else this.#commitNext();
  };

  #commitLater(): void {
    if (this.#flushing > 0) {
      this.#commitNext();
      return;
    }
    const end = () => {
      this.#endPause = undefined;
      clearTimeout(timer);
      this.#commitNext();
    };
    const timer = setTimeout(end, FULL_SPEED_PAUSE_MS);
    this.#endPause = end;
  }

  #fail(error: unknown): void {
    this.#failure = { error };
    this.#end();
    this.#onFailure(error);
  }

  #end(): void {
    this.#running = false;
    this.#ended?.resolve();
    this.#ended = undefined;
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

function toChunks(parts: readonly Part[]): NewChunk[] {
  const [only] = parts;
  const isShort = only && parts.length === 1 && only.text.length <= MAX_TOKEN;
  return isShort ? [{ type: only.kind, token: only.text }] : parts.flatMap(cut);
}

function cut({ kind, text }: Part): NewChunk[] {
  const chunks: NewChunk[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + MAX_TOKEN, text.length);
    // A character outside the basic plane has two halves that belong together.
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end--;
    chunks.push({ type: kind, token: text.slice(start, end) });
    start = end;
  }
  return chunks;
}

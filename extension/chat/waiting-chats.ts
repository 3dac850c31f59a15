// Which chats of this window wait for a person or have ended, and when that is worth a word.
// Knows nothing of VS Code.

export type News =
  | { what: "waiting"; chats: { sessionId: string; turnId: string }[] }
  | { what: "done" | "error"; sessionId: string };

export interface WaitingChatsDeps {
  /**
   * Somebody has the chat before their eyes; undefined while a page still loads that may show it.
   */
  isSeen(sessionId: string): boolean | undefined;
  /** Whether it is this window that tells of the chat: many may know of it. */
  holds(sessionId: string): Promise<boolean>;
  release(sessionId: string): Promise<void>;
  onCount(waiting: number): void;
  tell(news: News): void;
  log: { warn(message: string): void };
  times?: Times;
}

interface Times {
  /** Whoever decides or looks at once need not be told. */
  graceMs: number;
  /** The window that sent the message comes first. */
  courtesyMs: number;
  /** What becomes news in between is told together. */
  apartMs: number;
  /** Of a chat that nobody has looked at since. */
  againMs: number;
  /** An answer that came sooner is still in mind. */
  shortMs: number;
}
const TIMES: Times = {
  graceMs: 1_500,
  courtesyMs: 4_000,
  apartMs: 10_000,
  againMs: 300_000,
  shortMs: 10_000,
};
const MAX_LOOKS = 10;

interface WaitingChat {
  turnId: string;
  calls: ReadonlySet<string>;
}

export interface Call {
  call_id: string;
  turn_id: string;
}

export class WaitingChats {
  readonly #deps: WaitingChatsDeps;
  readonly #times: Times;
  readonly #waiting = new Map<string, WaitingChat>();
  /**
   * When the turn was sent here, or 0 if that was before the window was loaded.
   * Others are told of elsewhere.
   */
  readonly #own = new Map<string, number>();
  readonly #toldAt = new Map<string, number>();
  readonly #news = new Set<string>();
  #nextAt = 0;
  #telling: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: WaitingChatsDeps) {
    this.#deps = deps;
    this.#times = deps.times ?? TIMES;
  }

  /** Sent in this window. */
  sent(sessionId: string): void {
    this.#own.set(sessionId, performance.now());
  }

  /** Sent in this window before it was loaded again, or in another one on the same folders. */
  remembered(sessionId: string): void {
    if (!this.#own.has(sessionId)) this.#own.set(sessionId, 0);
  }

  isOwn(sessionId: string): boolean {
    return this.#own.has(sessionId);
  }

  /** All that waits in the session for a person, each time that changes. */
  asked(sessionId: string, calls: readonly Call[]): void {
    if (this.#deps.isSeen(sessionId)) this.#toldAt.delete(sessionId);
    const before = this.#waiting.get(sessionId)?.calls;
    const [first] = calls;
    if (!first) {
      if (!this.#waiting.delete(sessionId)) return;
      this.#deps.onCount(this.#waiting.size);
      this.#release(sessionId);
      return;
    }
    const ids = new Set(calls.map(({ call_id }) => call_id));
    this.#waiting.set(sessionId, { turnId: first.turn_id, calls: ids });
    this.#deps.onCount(this.#waiting.size);
    const isNew = [...ids].some((id) => !before?.has(id));
    if (!isNew || !this.isOwn(sessionId)) return;
    const isOver = (): boolean => !this.#waiting.has(sessionId);
    void this.#consider(sessionId, () => this.#add(sessionId), isOver);
  }

  ended(sessionId: string, how: "done" | "error" | "interrupted"): void {
    this.asked(sessionId, []);
    const sentAt = this.#own.get(sessionId);
    this.#own.delete(sessionId);
    const isShort = sentAt !== undefined && performance.now() - sentAt < this.#times.shortMs;
    if (sentAt === undefined || isShort || how === "interrupted") return;
    void this.#consider(
      sessionId,
      () => this.#deps.tell({ what: how, sessionId }),
      () => true,
      sentAt === 0,
    ).finally(() => {
      // Windows that hear of it later find it told.
      setTimeout(() => this.#release(sessionId), 2 * this.#times.courtesyMs).unref();
    });
  }

  dispose(): void {
    this.#isClosed = true;
    clearTimeout(this.#telling);
    for (const sessionId of this.#waiting.keys()) this.#release(sessionId);
  }

  /**
   * Does `tell` once it is clear that nobody here sees the chat, and that no other window does it.
   * A window that goes (this one before its reload, say) leaves it to us, until it `isOver`.
   */
  async #consider(
    sessionId: string,
    tell: () => void,
    isOver: () => boolean,
    isRemembered = this.#own.get(sessionId) === 0,
  ): Promise<void> {
    const { graceMs, courtesyMs } = this.#times;
    await pause(isRemembered ? courtesyMs : graceMs);
    for (let looks = 1; looks < MAX_LOOKS; looks += 1) {
      if (this.#deps.isSeen(sessionId) !== undefined) break;
      await pause(graceMs);
    }
    if (this.#isClosed) return;
    try {
      while (!(await this.#deps.holds(sessionId))) {
        if (isOver()) return;
        await pause(courtesyMs);
        if (this.#isClosed || isOver()) return;
      }
      if (!this.#deps.isSeen(sessionId)) tell();
    } catch (thrown) {
      this.#deps.log.warn(`Nobody is told of ${sessionId}: ${String(thrown)}`);
    }
  }

  #add(sessionId: string): void {
    const told = this.#toldAt.get(sessionId);
    if (told !== undefined && performance.now() - told < this.#times.againMs) return;
    this.#news.add(sessionId);
    const rest = Math.max(0, this.#nextAt - performance.now());
    this.#telling ??= setTimeout(() => this.#tell(), rest);
  }

  #tell(): void {
    this.#telling = undefined;
    const chats = [...this.#news].flatMap((sessionId) => {
      const waiting = this.#waiting.get(sessionId);
      const isNews = waiting && !this.#deps.isSeen(sessionId);
      return isNews ? [{ sessionId, turnId: waiting.turnId }] : [];
    });
    this.#news.clear();
    if (chats.length === 0) return;
    this.#nextAt = performance.now() + this.#times.apartMs;
    for (const { sessionId } of chats) this.#toldAt.set(sessionId, performance.now());
    this.#deps.tell({ what: "waiting", chats });
  }

  #release(sessionId: string): void {
    this.#deps.release(sessionId).catch((thrown: unknown) => {
      this.#deps.log.warn(`The file that says who tells of ${sessionId}: ${String(thrown)}`);
    });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

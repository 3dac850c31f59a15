// Tells the companion what a call says while it runs: at an easy pace, in bounded pieces, one
// after another, each again until it is stored. What does not get there is no loss for the
// model: it gets the result.
import { MAX_OUTPUT, MAX_OUTPUT_PIECE } from "../../../server/protocol/tool-output.ts";
import { toStorable } from "../bounds.ts";
import { TerminalOutput } from "./terminal-output.ts";

export interface LiveOutputDeps {
  /** Rejects with what `isOver` knows when nobody wants to hear more. */
  send(offset: number, output: string): Promise<void>;
  isOver(thrown: unknown): boolean;
  log: { warn(message: string): void };
}

/** Four pieces a second; a command that ends sooner says all in its result. */
const PACE_MS = 250;
const RETRY_MS = 2_000;

export class LiveOutput {
  readonly #deps: LiveOutputDeps;
  readonly #output = new TerminalOutput();
  /** Stored already, in UTF-16 units. */
  #offset = 0;
  #waiting = "";
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(deps: LiveOutputDeps) {
    this.#deps = deps;
  }

  /** Just as the terminal gets it. */
  add(data: string): void {
    // Beyond the bound nothing is kept, however long the companion is away.
    const held = this.#offset + this.#waiting.length + this.#output.length;
    if (this.#isClosed || held > MAX_OUTPUT) return;
    this.#output.add(data);
    this.#schedule(PACE_MS);
  }

  /** The result comes now, or nobody waits for it. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    if (this.#isClosed) return;
    this.#timer ??= setTimeout(() => void this.#say(), ms);
  }

  /**
   * Never rejects. The timer stays set while a piece is on its way, so that there is one at a time.
   */
  async #say(): Promise<void> {
    this.#waiting += toStorable(this.#output.take(performance.now()));
    const piece = wholeCharacters(this.#waiting.slice(0, MAX_OUTPUT_PIECE));
    let pause = PACE_MS;
    try {
      if (piece !== "") await this.#deps.send(this.#offset, piece);
      this.#offset += piece.length;
      this.#waiting = this.#waiting.slice(piece.length);
      // The companion has heard that there is more, and has said so.
      if (this.#offset > MAX_OUTPUT) this.close();
    } catch (thrown) {
      if (this.#deps.isOver(thrown)) this.close();
      else this.#deps.log.warn(`Output waits for the companion: ${String(thrown)}`);
      pause = RETRY_MS;
    }
    this.#timer = undefined;
    if (this.#waiting !== "" || this.#output.length > 0) this.#schedule(pause);
  }
}

/** A piece that ends in the middle of a character leaves it to the next. */
function wholeCharacters(piece: string): string {
  return piece.replace(/[\uD800-\uDBFF]$/, "");
}

import { isRecord } from "../../server/shared/json.ts";
import type { ConnectionState } from "../messages.ts";
import { isProven } from "./prove.ts";
import { CallFailure, type LinkRequest } from "./transport.ts";

export interface LinkTexts {
  lost: string;
  unproven: string;
  malformed: string;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;
const PROOF_TIMEOUT_MS = 5_000;

/**
 * The way from a browser to the companion: proves it before it gets the token, notices when it is
 * lost and looks for it again.
 */
export class CompanionLink {
  readonly #texts: LinkTexts;
  readonly #onState: (state: ConnectionState) => void;
  readonly #token: string | null;
  #proof: Promise<void> | null = null;
  #isAway = false;
  #wait = FIRST_WAIT_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #whenUp: (() => void)[] = [];

  constructor(token: string | null, texts: LinkTexts, onState: (state: ConnectionState) => void) {
    this.#token = token;
    this.#texts = texts;
    this.#onState = onState;
  }

  start(): void {
    if (this.#token === null) {
      this.#onState({ state: "away", reason: "unauthorized" });
      return;
    }
    void this.#look();
  }

  /**
   * A response of the proven companion, whatever its status but 401. Rejects with `CallFailure`.
   */
  async fetch(path: string, init: LinkRequest): Promise<Response> {
    try {
      await this.#prove();
    } catch (thrown) {
      if (!this.#isAway && this.#token !== null) this.#away(reasonOf(thrown));
      throw thrown;
    }
    let response: Response;
    try {
      response = await fetch(path, {
        ...init,
        cache: "no-store",
        headers: { ...init.headers, Authorization: `Bearer ${this.#token}` },
      });
    } catch (thrown) {
      if (!isAborted(init.signal)) this.lost();
      throw this.#failure("companion_lost", thrown);
    }
    if (response.status === 401) {
      void response.body?.cancel();
      this.#onState({ state: "away", reason: "unauthorized" });
      throw this.#failure("companion_lost", undefined);
    }
    return response;
  }

  /** Resolves once the companion is there, or when `signal` aborts. */
  async up(signal: AbortSignal): Promise<void> {
    if (!this.#isAway) return;
    await new Promise<void>((resolve) => {
      this.#whenUp.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** A connection broke, which says little; whoever answers the next one proves itself again. */
  doubt(): void {
    this.#proof = null;
  }

  /** Somebody noticed that the companion does not answer. */
  lost(): void {
    this.#proof = null;
    if (!this.#isAway) this.#away("lost");
  }

  retryNow(): void {
    if (!this.#isAway) return;
    this.#wait = FIRST_WAIT_MS;
    void this.#look();
  }

  #away(reason: "lost" | "unproven"): void {
    this.#isAway = true;
    this.#onState({ state: "away", reason });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #back(): void {
    clearTimeout(this.#timer);
    this.#isAway = false;
    this.#wait = FIRST_WAIT_MS;
    this.#onState({ state: "ready" });
    for (const resolve of this.#whenUp.splice(0)) resolve();
  }

  async #look(): Promise<void> {
    try {
      await this.#prove();
    } catch (thrown) {
      this.#away(reasonOf(thrown));
    }
  }

  async #prove(): Promise<void> {
    const token = this.#token;
    if (token === null) throw this.#failure("companion_lost", undefined);
    this.#proof ??= this.#askProof(token);
    const proof = this.#proof;
    try {
      await proof;
    } catch (thrown) {
      if (this.#proof === proof) this.#proof = null;
      throw thrown;
    }
  }

  async #askProof(token: string): Promise<void> {
    let proven: boolean;
    try {
      proven = await isProven(token, AbortSignal.timeout(PROOF_TIMEOUT_MS));
    } catch (thrown) {
      throw this.#failure("companion_lost", thrown);
    }
    if (!proven) throw this.#failure("companion_unproven", undefined);
    this.#back();
  }

  #failure(code: "companion_lost" | "companion_unproven", cause: unknown): CallFailure {
    const message = code === "companion_lost" ? this.#texts.lost : this.#texts.unproven;
    const failure = new CallFailure({ code, message }, true);
    failure.cause = cause;
    return failure;
  }

  /** What the companion says is wrong, in its own words. */
  async refusal(response: Response): Promise<CallFailure> {
    const body: unknown = await response.json().catch(() => undefined);
    const error = isRecord(body) ? body["error"] : undefined;
    if (!isRecord(error)) {
      const message = `${this.#texts.malformed} (${response.status})`;
      return new CallFailure({ code: "companion_malformed", message }, false);
    }
    const { code, message, hint } = error;
    return new CallFailure(
      {
        code: String(code),
        message: String(message),
        ...(typeof hint === "string" ? { hint } : {}),
      },
      code === "draining",
    );
  }
}

function reasonOf(thrown: unknown): "lost" | "unproven" {
  const isUnproven = thrown instanceof CallFailure && thrown.error.code === "companion_unproven";
  return isUnproven ? "unproven" : "lost";
}

function isAborted(signal: AbortSignal): boolean {
  return (
    signal.aborted &&
    !(signal.reason instanceof DOMException && signal.reason.name === "TimeoutError")
  );
}

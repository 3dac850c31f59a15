// What a command has said, within bounds: its beginning and its newest. Knows nothing of VS Code.
import { MAX_RESULT } from "../bounds.ts";

/** Beyond it only the beginning and the newest output are kept while a command runs. */
const MAX_HELD = 1_000_000;

export class HeldOutput {
  #head = "";
  #tail = "";
  #missing = 0;

  add(data: string): void {
    const room = Math.max(MAX_RESULT - this.#head.length, 0);
    // What follows the end of the head must not get into it later.
    const toHead = this.#tail === "" ? data.slice(0, room) : "";
    this.#head += toHead;
    this.#tail += data.slice(toHead.length);
    // Seldom, since it copies all that is held.
    if (this.#tail.length > 2 * MAX_HELD) this.#shorten();
  }

  /** Characters that are not in `text`. */
  get missing(): number {
    return this.#missing;
  }

  get text(): string {
    if (this.#missing === 0) return this.#head + this.#tail;
    return `${this.#head}\n[… ${this.#missing} characters are left out here …]\n${this.#tail}`;
  }

  #shorten(): void {
    this.#missing += this.#tail.length - MAX_HELD;
    this.#tail = this.#tail.slice(-MAX_HELD);
  }
}

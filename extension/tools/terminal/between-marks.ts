// Takes what stands between two marks out of a text that comes in pieces. Knows nothing of VS Code.

export class BetweenMarks {
  readonly #begin: string;
  readonly #end: string;
  #state: "before" | "within" | "over" = "before";
  /** Not given yet: it may be the beginning of a mark. */
  #kept = "";

  constructor(begin: string, end: string) {
    this.#begin = begin;
    this.#end = end;
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** What is new of it. */
  next(piece: string): string {
    if (this.#state === "over") return "";
    let text = this.#kept + piece;
    this.#kept = "";
    if (this.#state === "before") {
      const at = text.indexOf(this.#begin);
      if (at < 0) {
        this.#kept = text.slice(-this.#begin.length);
        return "";
      }
      this.#state = "within";
      text = text.slice(at + this.#begin.length);
    }
    const end = text.indexOf(this.#end);
    if (end >= 0) {
      this.#state = "over";
      return text.slice(0, end);
    }
    const escape = text.lastIndexOf(this.#end.charAt(0));
    const isMark = escape >= 0 && this.#end.startsWith(text.slice(escape));
    if (isMark) this.#kept = text.slice(escape);
    return isMark ? text.slice(0, escape) : text;
  }
}

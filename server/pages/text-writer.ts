/** Writes Markdown: spaces and line ends where they mean something, marks around words. */
export class TextWriter {
  readonly #pieces: string[] = [];
  #length = 0;
  /** Line ends before what comes next. */
  #gap = 0;
  #hasSpace = false;
  /** Nothing but a bullet stands in this line. */
  #atBullet = true;
  /** Before each line. */
  #prefix = "";
  /** What it was for the line before. */
  #last = "";
  /** Written with the first word inside of them, or never. */
  #marks: { mark: string; isPending: boolean }[] = [];
  #pre: string[] | null = null;
  #cells = 0;
  #inCell = 0;
  #rows = 0;

  /** In characters; a place to slice at. */
  get length(): number {
    return this.#length;
  }

  slice(from: number, to: number): string {
    return this.#pieces.join("").slice(from, to);
  }

  text(text: string): void {
    if (this.#pre) {
      this.#pre.push(text);
      return;
    }
    const words = text.replaceAll(/\s+/g, " ");
    if (words.startsWith(" ")) this.#hasSpace = true;
    const trimmed = words.trim();
    if (trimmed === "") return;
    this.#emit(this.#inCell > 0 ? trimmed.replaceAll("|", String.raw`\|`) : trimmed);
    this.#hasSpace = words.endsWith(" ");
  }

  /** So many line ends at least before what comes next. */
  block(lines: number): void {
    if (this.#pre) this.#pre.push("\n");
    else if (this.#inCell > 0) this.#hasSpace = true;
    else if (!this.#atBullet) this.#gap = Math.max(this.#gap, lines);
  }

  heading(level: number): () => void {
    this.block(2);
    const end = this.#open(`${"#".repeat(level)} `, "");
    return () => {
      end();
      this.block(2);
    };
  }

  mark(mark: string): (() => void) | undefined {
    return this.#pre ? undefined : this.#open(mark, mark);
  }

  link(url: string | undefined): (() => void) | undefined {
    return url === undefined || this.#pre ? undefined : this.#open("[", `](${url})`);
  }

  rule(): void {
    this.block(2);
    this.#emit("---");
    this.block(2);
  }

  quote(): () => void {
    this.block(2);
    return this.#indent("> ");
  }

  item(bullet: string): () => void {
    this.block(1);
    if (this.#inCell === 0 && !this.#pre) {
      this.#emit(bullet);
      this.#atBullet = true;
    }
    const end = this.#indent(" ".repeat(bullet.length));
    return () => {
      end();
      this.#atBullet = false;
      this.block(1);
      // Lists are tight, whatever stands in their items.
      this.#gap = Math.min(this.#gap, 1);
    };
  }

  row(): () => void {
    this.block(this.#rows === 0 ? 2 : 1);
    this.#cells = 0;
    return () => {
      if (this.#cells > 0 && this.#rows === 0) {
        this.block(1);
        this.#emit(`|${"---|".repeat(this.#cells)}`);
      }
      this.#rows += 1;
      this.block(1);
    };
  }

  cell(): () => void {
    this.#emit(this.#cells === 0 ? "| " : " ");
    this.#cells += 1;
    this.#inCell += 1;
    this.#atBullet = true;
    return () => {
      this.#inCell -= 1;
      this.#hasSpace = false;
      this.#write(" |");
    };
  }

  pre(language: string): (() => void) | undefined {
    if (this.#pre) return undefined;
    this.block(2);
    this.#pre = [];
    return () => {
      const code = (this.#pre ?? [])
        .join("")
        .replaceAll("\r\n", "\n")
        .replace(/^\n+|\s+$/g, "");
      this.#pre = null;
      if (code === "") return;
      const ticks = code.match(/`{3,}/g) ?? [];
      const fence = "`".repeat(ticks.reduce((most, { length }) => Math.max(most, length), 2) + 1);
      const lines = [fence + language, ...code.split("\n"), fence];
      this.#emit(lines.join(`\n${this.#prefix}`));
      this.#atBullet = false;
      this.block(2);
    };
  }

  #open(mark: string, end: string): () => void {
    const one = { mark, isPending: true };
    this.#marks.push(one);
    return () => {
      this.#marks = this.#marks.filter((other) => other !== one);
      if (!one.isPending && end !== "") this.#write(end);
    };
  }

  #indent(by: string): () => void {
    const before = this.#prefix;
    this.#prefix += by;
    return () => {
      this.#prefix = before;
      this.block(by === "> " ? 2 : 1);
    };
  }

  #emit(content: string): void {
    const isFirst = this.#length === 0;
    if (this.#gap > 0 && !isFirst) {
      const empty = `\n${common(this.#last, this.#prefix).trimEnd()}`.repeat(this.#gap - 1);
      this.#write(`${empty}\n${this.#prefix}`);
      if (this.#gap > 1 && this.#inCell === 0 && !content.startsWith("|")) this.#rows = 0;
    } else if (isFirst) this.#write(this.#prefix);
    else if (this.#hasSpace && !this.#atBullet) this.#write(" ");
    this.#gap = 0;
    this.#last = this.#prefix;
    this.#hasSpace = false;
    this.#atBullet = false;
    for (const one of this.#marks) {
      if (one.isPending) this.#write(one.mark);
      one.isPending = false;
    }
    this.#write(content);
  }

  #write(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }
}

function common(a: string, b: string): string {
  return a.startsWith(b) ? b : b.startsWith(a) ? a : "";
}

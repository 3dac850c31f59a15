// What a model has seen of which file, per session, so that it cannot overwrite what it does not
// know. Outlives the window.
import { createHash } from "node:crypto";
import type { Memento } from "vscode";

const KEY = "seenFiles";
const MAX_SESSIONS = 50;
const MAX_FILES = 500;

/** Path -> hash of the text as it was last read or written. */
type Seen = Record<string, string>;

export class SeenFiles {
  readonly #memory: Memento;

  constructor(memory: Memento) {
    this.#memory = memory;
  }

  note(sessionId: string, path: string, text: string): void {
    const all = { ...this.#all() };
    const { [path]: _, ...others } = all[sessionId] ?? {};
    // The newest last, both of files and of sessions: the oldest are forgotten first.
    const files = Object.entries({ ...others, [path]: hashOf(text) }).slice(-MAX_FILES);
    delete all[sessionId];
    const sessions = [...Object.entries(all), [sessionId, Object.fromEntries(files)] as const];
    void this.#memory.update(KEY, Object.fromEntries(sessions.slice(-MAX_SESSIONS)));
  }

  /** Why the file may not be changed; undefined if its text is what the session last saw. */
  refusal(sessionId: string, path: string, text: string): string | undefined {
    const seen = this.#all()[sessionId]?.[path];
    if (seen === undefined)
      return "The file exists and has not been read in this chat. Read it first.";
    if (seen === hashOf(text)) return undefined;
    return "The file has changed since it was read. Read it again.";
  }

  #all(): Record<string, Seen> {
    return this.#memory.get<Record<string, Seen>>(KEY, {});
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

// A reader that knows that a log can go back: it gives its epoch with its cursor, and forgets what
// it is told is gone.
import { setTimeout as delay } from "node:timers/promises";
import { LOG_RESET, LogReset } from "../../server/protocol/stream-events.ts";
import { type Address, chunkOf, type ShownChunk } from "../faults/support/conversation.ts";

const RETRY_MS = 50;

export class EpochReader {
  readonly sessionId: string;
  /** What counts of all that it was shown, by number. */
  readonly frames = new Map<number, string>();
  /** What it was shown and then told to be gone. */
  gone = 0;
  toldAt: number | undefined;
  final: ShownChunk | undefined;
  readonly complaints: string[] = [];
  /** The number of the last chunk that counts. */
  seen = 0;
  /** When anything came last. */
  heardAt = performance.now();
  /** `E:n`, as the last id was. */
  #cursor = "0";

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  /** Resolves when the turn has ended, or it is told to leave. */
  async run(where: () => Promise<Address>, signal: AbortSignal): Promise<void> {
    while (!this.final && !signal.aborted) {
      await this.#read(await where(), signal).catch(() => {});
      if (!this.final) await delay(RETRY_MS);
    }
  }

  async #read({ port, token }: Address, signal: AbortSignal): Promise<void> {
    const response = await fetch(
      `http://127.0.0.1:${port}/v1/sessions/${this.sessionId}/stream?until=turn_end&ids=epoch`,
      { headers: { authorization: `Bearer ${token}`, "last-event-id": this.#cursor }, signal },
    );
    if (!response.ok) return;
    let rest = "";
    for await (const part of response.body ?? []) {
      const blocks = (rest + Buffer.from(part).toString()).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#show(block);
    }
  }

  #show(block: string): void {
    const [, id] = /^id: (.*)$/m.exec(block) ?? [];
    if (id === undefined) return;
    this.#cursor = id;
    this.heardAt = performance.now();
    if (block.includes(`\nevent: ${LOG_RESET}\n`)) {
      this.#reset(LogReset.parse(JSON.parse(block.slice(block.indexOf("\ndata: ") + 7))));
      return;
    }
    const chunk = chunkOf(block);
    if (chunk.seq !== this.seen + 1) {
      this.complaints.push(`chunk ${chunk.seq} came after ${this.seen}`);
    }
    this.seen = chunk.seq;
    // The id names the epoch; of the log's chunk the data is what counts.
    this.frames.set(chunk.seq, dataOf(block));
    if (chunk.is_final) this.final = chunk;
  }

  #reset({ resume_after }: LogReset): void {
    this.toldAt ??= performance.now();
    this.seen = resume_after;
    for (const seq of this.frames.keys()) {
      if (seq <= resume_after) continue;
      this.frames.delete(seq);
      this.gone += 1;
    }
  }
}

export function dataOf(block: string): string {
  return block.slice(block.indexOf("\ndata: ") + 7);
}

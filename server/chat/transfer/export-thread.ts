// Files of chats, part by part, from the thread of export-worker.ts. It begins with the first of
// them and ends with the last that is wanted at the same time, with all that it took to make them.

import { once } from "node:events";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { DatabaseSource } from "../../db/opened-database.ts";
import { ChatError, fromTold } from "../../errors.ts";
import { programFile } from "../../program-file.ts";
import type { Wanted } from "./export-chats.ts";
import type { ExportThreadData, FromExportWorker, ToExportWorker } from "./export-worker.ts";

export interface ChatFiles {
  /** Whoever takes a part slowly is waited for. Leaving the loop ends the work. */
  parts(wanted: Wanted): AsyncGenerator<Uint8Array, void>;
}

interface Thread {
  worker: Worker;
  /** One for each file that it makes. */
  ports: Set<MessagePort>;
  /** What it died of. */
  cause?: unknown;
}

/**
 * @param source the database; throws if another file is in its place by now.
 * @param closing ends all that is under way.
 */
export function createChatFiles(source: () => DatabaseSource, closing: AbortSignal): ChatFiles {
  let thread: Thread | undefined;
  closing.addEventListener("abort", () => void thread?.worker.terminate());

  const start = (): Thread => {
    const started: Thread = { worker: startWorker({ source: source() }), ports: new Set() };
    started.worker.on("error", (error) => {
      started.cause = error;
    });
    started.worker.on("exit", () => {
      leave(started);
      for (const port of started.ports) port.close();
    });
    return started;
  };
  /** The next file gets another. */
  const leave = (ending: Thread) => {
    if (thread === ending) thread = undefined;
  };

  return {
    async *parts(wanted) {
      const mine = (thread ??= start());
      const { port1, port2 } = new MessageChannel();
      mine.ports.add(port1);
      const ended = new AbortController();
      port1.on("close", () => ended.abort());
      mine.worker.postMessage({ wanted, port: port2 } satisfies ToExportWorker, [port2]);
      try {
        for (;;) {
          const heard = once(port1, "message", { signal: ended.signal });
          port1.postMessage("more");
          const [answer] = (await heard.catch(() => {
            throw lost(mine.cause);
          })) as [FromExportWorker];
          if ("failed" in answer) throw fromTold(answer.failed);
          if (!answer.part) return;
          yield answer.part;
        }
      } finally {
        port1.close();
        mine.ports.delete(port1);
        if (mine.ports.size === 0) {
          leave(mine);
          mine.worker.postMessage("end" satisfies ToExportWorker);
        }
      }
    },
  };
}

function lost(cause: unknown): ChatError {
  return new ChatError("internal", "The thread that made this file has ended.", {
    cause,
    hint: "The chats are as they were. Export them one by one if it happens again.",
  });
}

function startWorker(workerData: ExportThreadData): Worker {
  const file = programFile("export-worker", import.meta.url);
  const worker = new Worker(file, { workerData, name: "export-worker" });
  worker.unref();
  return worker;
}

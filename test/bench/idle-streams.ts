// What an open stream costs on which nothing comes: ten thousand of them on one companion.
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { median } from "./hot-path-goals.ts";
import { type MeasuredCompanion, startMeasured } from "./measured-companion.ts";
import type { Result } from "./result.ts";

const ROUND = 1_000;
/** A session has a bounded number of readers. */
const SESSIONS = 170;
/** Pages that a collection has emptied go back a moment later. */
const SETTLING_MS = 700;

/** `database`: a path or URL; undefined: a SQLite file. */
export async function memoryOfIdleStreams(
  database: string | undefined,
  quick: boolean,
): Promise<Result> {
  const companion = await startMeasured({ database });
  const rounds = quick ? 4 : 9;
  const sockets: Socket[] = [];
  try {
    const ids: string[] = [];
    let opened = 0;
    for (let n = 0; n < SESSIONS; n++) ids.push(await newSession(companion));
    const open = async () => {
      for (let n = 0; n < ROUND; n += 50) {
        const opening = Array.from({ length: 50 }, async () => {
          sockets.push(await readIdle(companion, ids[opened++ % SESSIONS] ?? ""));
        });
        await Promise.all(opening);
      }
      await companion.memory();
      await delay(SETTLING_MS);
      return await companion.memory();
    };
    // What comes with the first of them is no stream's own: code, buffers.
    const first = await open();
    const processes: number[] = [];
    let last = first;
    for (let round = 0; round < rounds; round++) {
      const now = await open();
      processes.push((now.rss - last.rss) / ROUND / 1024);
      last = now;
    }
    const heap = (last.heap - first.heap) / rounds / ROUND / 1024;
    const rss = (last.rss - first.rss) / rounds / ROUND / 1024;
    const each = `median of thousands ${median(processes).toFixed(1)}, most ${Math.max(...processes).toFixed(1)}`;
    return {
      what: `memory of an idle open stream, one of ${((rounds + 1) * ROUND).toLocaleString("en")}`,
      measured: `${heap.toFixed(1)} KB heap, ${rss.toFixed(1)} KB of the process (${each})`,
      baseline: "–",
      goal: "≤ 20 KB",
      met: rss <= 20,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    await companion.stop();
  }
}

export async function newSession({ url, headers }: MeasuredCompanion): Promise<string> {
  const response = await fetch(`${url}/v1/sessions`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: "{}",
  });
  return ((await response.json()) as { id: string }).id;
}

/** Resolves once its first chunk is there. */
export function readIdle({ url, headers }: MeasuredCompanion, sessionId: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { port, host } = new URL(url);
    const socket = connect(Number(port), "127.0.0.1", () =>
      socket.write(
        `GET /v1/sessions/${sessionId}/stream HTTP/1.1\r\nHost: ${host}\r\n` +
          `Authorization: ${headers.authorization}\r\n\r\n`,
      ),
    );
    let answer = "";
    const read = (data: Buffer) => {
      answer += data.toString();
      if (!answer.startsWith("HTTP/1.1 200")) reject(new Error(answer));
      if (!answer.includes("id: 1\n")) return;
      socket.off("data", read).resume();
      resolve(socket);
    };
    socket.on("data", read).on("error", reject);
  });
}

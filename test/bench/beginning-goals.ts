// A thousand new chats at one moment: when has the last of them its first word?
import { connect, type Socket } from "node:net";
import { type BenchTarget, type MeasuredCompanion, startMeasured } from "./measured-companion.ts";
import type { Result } from "./result.ts";

const GOAL_SECONDS = 3;
/** Three seconds long, so that those that have begun go on while others begin. */
const MODEL = "bench/60x20";

export async function measureBeginnings(
  /** A path or URL of a new one; undefined: a SQLite file. */
  databases: () => Promise<string | undefined>,
  quick: boolean,
): Promise<Result> {
  const chats = quick ? 300 : 1_000;
  const stored = await beginTogether({ database: await databases() }, chats);
  const limit = await beginTogether({ database: await databases(), keep: "none" }, chats);
  return {
    what: `${chats} new chats at one moment: the last of them has its first word`,
    measured: tell(stored),
    baseline: `${tell(limit)}, answers not stored`,
    goal: `≤ ${GOAL_SECONDS} s`,
    met: (stored.at(-1) ?? Number.POSITIVE_INFINITY) <= GOAL_SECONDS,
  };
}

function tell(seconds: readonly number[]): string {
  const [first, half, last] = [0, Math.floor(seconds.length / 2), seconds.length - 1].map((at) =>
    seconds[at]?.toFixed(2),
  );
  return `${last} s (the first ${first}, half ${half})`;
}

/** Seconds to the first word of each, in ascending order. */
async function beginTogether(target: BenchTarget, chats: number): Promise<number[]> {
  const companion = await startMeasured(target);
  const sockets: Socket[] = [];
  try {
    await Promise.all(Array.from({ length: 20 }, () => firstWord(companion, sockets)));
    const began = performance.now();
    const words = await Promise.all(
      Array.from({ length: chats }, () => firstWord(companion, sockets)),
    );
    return words.map((at) => (at - began) / 1_000).toSorted((a, b) => a - b);
  } finally {
    for (const socket of sockets) socket.destroy();
    await companion.stop();
  }
}

/** Resolves with the time of the first word. */
function firstWord({ url, headers }: MeasuredCompanion, sockets: Socket[]): Promise<number> {
  const { host, port } = new URL(url);
  const message = { type: "user_message", content: "go" };
  const body = JSON.stringify({ model: MODEL, request_id: crypto.randomUUID(), message });
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1", () =>
      socket.write(
        `POST /v1/messages/stream HTTP/1.1\r\nHost: ${host}\r\n` +
          `Authorization: ${headers.authorization}\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      ),
    );
    let answer = "";
    const read = (data: Buffer) => {
      answer += data.toString();
      if (!answer.startsWith("HTTP/1.1 200")) reject(new Error(answer));
      if (!answer.includes("event: assistant_message")) return;
      socket.off("data", read).resume();
      resolve(performance.now());
    };
    socket.on("data", read).on("error", reject);
    sockets.push(socket);
  });
}

// A thousand new chats at one moment: when has the last of them its first word?
import { connect, type Socket } from "node:net";
import { type MeasuredCompanion, startMeasured } from "./measured-companion.ts";
import type { Result } from "./result.ts";

const GOAL_SECONDS = 3;
/** Three seconds long, so that those that have begun go on while others begin. */
const MODEL = "bench/60x20";

/** `database`: a path or URL; undefined: a SQLite file. */
export async function measureBeginnings(
  engine: string,
  database: string | undefined,
  quick: boolean,
): Promise<Result> {
  const chats = quick ? 300 : 1_000;
  const companion = await startMeasured({ database });
  const sockets: Socket[] = [];
  try {
    await Promise.all(Array.from({ length: 20 }, () => firstWord(companion, sockets)));
    const began = performance.now();
    const words = await Promise.all(
      Array.from({ length: chats }, () => firstWord(companion, sockets)),
    );
    const seconds = words.map((at) => (at - began) / 1_000).toSorted((a, b) => a - b);
    const last = seconds.at(-1) ?? 0;
    const half = seconds[Math.floor(chats / 2)] ?? 0;
    return {
      engine,
      what: `${chats} new chats at one moment: the last of them has its first word`,
      measured: `${last.toFixed(2)} s (the first ${seconds[0]?.toFixed(2)}, half ${half.toFixed(2)})`,
      baseline: "–",
      goal: `≤ ${GOAL_SECONDS} s`,
      met: last <= GOAL_SECONDS,
    };
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

// A thread that reads many streams and knows the latest delta of each time: whoever asks the
// companion for much has an event loop of its own to read that with.
import { connect } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { nowMicros } from "./paced-provider.ts";

export interface ReaderData {
  port: number;
  authorization: string;
  streams: number;
  model: string;
}

/** Milliseconds; of all deltas that came since it was asked before. */
export interface Lateness {
  most: number;
  deltas: number;
}

const { port, authorization, streams, model } = workerData as ReaderData;
let since: Lateness = { most: 0, deltas: 0 };
let running = 0;

function read(): void {
  const body = JSON.stringify({ model, message: { type: "user_message", content: "go" } });
  const socket = connect(port, "127.0.0.1", () =>
    socket.write(
      `POST /v1/messages/stream HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${authorization}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  let hasBegun = false;
  socket.setEncoding("utf8").on("data", (text: string) => {
    const now = nowMicros();
    for (const [, made] of text.matchAll(/\d+@(\d{6,}) /g)) {
      if (!hasBegun && ++running === streams) parentPort?.postMessage("all run");
      hasBegun = true;
      since.most = Math.max(since.most, (now - Number(made)) / 1_000);
      since.deltas++;
    }
  });
}

parentPort?.on("message", () => {
  parentPort?.postMessage(since);
  since = { most: 0, deltas: 0 };
});
for (let n = 0; n < streams; n++) read();

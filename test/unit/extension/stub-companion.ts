// A stand-in for the companion that does only what its start and end are about: it takes
// the same flags, proves itself, takes keys, and ends as `behaviour.json` in its data
// directory says. A real process.
import { createHmac } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface Behaviour {
  /** End at once, with these words. */
  exit?: { code: number; words: string };
  /** End so long after it was ready, leaving its runtime file behind. */
  crashAfterMs?: number;
  /** Somebody else's token in the proof. */
  wrongToken?: boolean;
  protocol?: number;
  version?: string;
  runningTurns?: number;
  /** Of a build that has no `/v1/drain`. */
  cannotDrain?: boolean;
}

const dataDir = process.argv[process.argv.indexOf("--data-dir") + 1] ?? "";
const path = (name: string) => join(dataDir, name);
const behaviour: Behaviour = existsSync(path("behaviour.json"))
  ? JSON.parse(readFileSync(path("behaviour.json"), "utf8"))
  : {};
const log = (level: string, msg: string) =>
  console.log(JSON.stringify({ level, pid: process.pid, msg }));

appendFileSync(
  path("starts"),
  `${JSON.stringify({ at: Date.now(), argv: process.argv.slice(2), env: process.env })}\n`,
);
if (behaviour.exit) {
  console.error(behaviour.exit.words);
  process.exit(behaviour.exit.code);
}
// The real one waits for the lock, and says so once.
const waits = () => process.argv.includes("--wait") && existsSync(path("server.json"));
if (waits()) log("info", "waits for the companion that runs to end");
while (waits()) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
const token = `token-${process.pid}`;
writeFileSync(path("token"), token, { mode: 0o600 });

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "", "http://x");
  const nonce = url.searchParams.get("nonce");
  if (nonce === null) {
    if (request.headers.authorization !== `Bearer ${token}`) return response.writeHead(401).end();
    let body = "";
    request.on("data", (data) => {
      body += data;
    });
    request.on("end", () => {
      appendFileSync(path("calls"), `${request.method} ${url.pathname} ${body}\n`);
      if (url.pathname === "/v1/drain") {
        if (behaviour.cannotDrain) return response.writeHead(404).end("{}");
        response.on("close", leave);
      }
      response.end(`sse_turns_running ${behaviour.runningTurns ?? 0}\n`);
    });
    return;
  }
  const secret = behaviour.wrongToken ? "another" : token;
  const text = JSON.stringify({
    hmac: createHmac("sha256", secret).update(nonce).digest("hex"),
    version: behaviour.version ?? "0.1.0",
    protocol: behaviour.protocol ?? 1,
    pid: process.pid,
    started_at: new Date().toISOString(),
  });
  response.writeHead(200, { "content-length": text.length }).end(text);
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  const runtime = { pid: process.pid, host: "127.0.0.1", port, version: "0.1.0", protocol: 1 };
  const text = JSON.stringify({ ...runtime, started_at: new Date().toISOString() });
  writeFileSync(path("server.tmp"), text, { mode: 0o600 });
  renameSync(path("server.tmp"), path("server.json"));
  log("info", "ready");
  if (behaviour.crashAfterMs !== undefined)
    setTimeout(() => process.exit(1), behaviour.crashAfterMs);
});
process.on("SIGTERM", leave);
function leave(): void {
  rmSync(path("server.json"), { force: true });
  process.exit(0);
}
// Whatever happens to the test, this ends.
setTimeout(() => process.exit(9), 60_000).unref();

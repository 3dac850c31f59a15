// `npm run bench`: what the way through the companion adds to a model's answer, against reading the model's server
// directly, in the same run. Loopback only, bounded, and it checks what it measures: every delta, in order, no gap.
//   npm run bench               SQLite, and Postgres where one can be started
//   npm run bench -- --quick    fewer streams, shorter
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createParser } from "eventsource-parser";
import { startPostgres } from "../support/postgres.ts";

const { values: flags } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const STREAMS = flags.quick ? [1, 20] : [1, 50, 200];
const SECONDS = flags.quick ? 2 : 5;
const DELTAS_PER_SECOND = 20;

interface Measured {
  name: string;
  streams: number;
  deltas: number;
  p50: number;
  p99: number;
}

const upstream = await startUpstream();
const rows: Measured[] = [];
try {
  for (const streams of STREAMS) rows.push(await measure("direct", streams, readUpstream));
  await withCompanion("SQLite", undefined);
  const postgres = await startPostgres().catch((thrown: unknown) => {
    console.log(`Postgres left out: ${String(thrown)}`);
    return undefined;
  });
  if (postgres) {
    await withCompanion("Postgres", postgres.url);
    await postgres.stop();
  }
} finally {
  upstream.server.closeAllConnections();
  upstream.server.close();
}
print(rows);

async function withCompanion(name: string, database: string | undefined): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "streamkeeper-bench-"));
  const args = ["server/main.ts", "--data-dir", dataDir, "--model", "openai-compatible/bench"];
  if (database) args.push("--database", database);
  const child = spawn(process.execPath, [...args, "--log-level", "error"], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, OPENAI_BASE_URL: `${upstream.url}/v1`, OPENAI_API_KEY: "bench" },
  });
  try {
    const file = join(dataDir, "server.json");
    for (let n = 0; !existsSync(file); n++) {
      if (n > 200) throw new Error("the companion did not start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { port } = JSON.parse(readFileSync(file, "utf8")) as { port: number };
    const token = readFileSync(join(dataDir, "token"), "utf8").trim();
    const read = (onToken: OnToken) => readCompanion(`http://127.0.0.1:${port}`, token, onToken);
    // The adapter is loaded with the first answer.
    await read(() => {});
    for (const streams of STREAMS) rows.push(await measure(name, streams, read));
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  }
}

type OnToken = (text: string) => void;

/** Each delta is the moment it was sent, so its age is known wherever it arrives, alone or merged with others. */
async function measure(
  name: string,
  streams: number,
  read: (onToken: OnToken) => Promise<void>,
): Promise<Measured> {
  const ages: number[] = [];
  const one = async () => {
    let expected = 0;
    await read((text) => {
      const now = performance.now();
      for (const [, index, sent] of text.matchAll(/(\d+)@([\d.]+) /g)) {
        if (Number(index) !== expected++) throw new Error(`${name}: delta ${index} out of order`);
        ages.push(now - Number(sent));
      }
    });
    if (expected !== SECONDS * DELTAS_PER_SECOND) throw new Error(`${name}: ${expected} deltas`);
  };
  await Promise.all(Array.from({ length: streams }, one));
  ages.sort((a, b) => a - b);
  const at = (share: number) => ages[Math.floor(ages.length * share)] ?? 0;
  return { name, streams, deltas: ages.length, p50: at(0.5), p99: at(0.99) };
}

async function readUpstream(onToken: OnToken): Promise<void> {
  const response = await fetch(`${upstream.url}/v1/chat/completions`, {
    method: "POST",
    body: "{}",
  });
  await readEvents(response, (data) => {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data) as { choices: { delta: { content?: string } }[] };
    onToken(chunk.choices[0]?.delta.content ?? "");
  });
}

async function readCompanion(url: string, token: string, onToken: OnToken): Promise<void> {
  const response = await fetch(`${url}/v1/messages/stream`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ message: { type: "user_message", content: "go" } }),
  });
  let seq = 0;
  // A delta may be cut between two chunks; what belongs together is read together.
  let rest = "";
  await readEvents(response, (data) => {
    const chunk = JSON.parse(data) as { seq: number; type: string; token?: string; error?: string };
    if (chunk.seq !== ++seq) throw new Error(`chunk ${chunk.seq} after ${seq - 1}`);
    if (chunk.type === "error") throw new Error(chunk.error);
    const text = rest + (chunk.token ?? "");
    const whole = text.lastIndexOf(" ") + 1;
    rest = text.slice(whole);
    onToken(text.slice(0, whole));
  });
}

async function readEvents(response: Response, onData: (data: string) => void): Promise<void> {
  if (!response.ok || !response.body)
    throw new Error(`${response.status} ${await response.text()}`);
  const parser = createParser({ onEvent: (event) => onData(event.data) });
  const decoder = new TextDecoder();
  for await (const part of response.body) parser.feed(decoder.decode(part, { stream: true }));
}

/** A fake model: a real server that speaks OpenAI's format and says when it said what. */
async function startUpstream(): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    let sent = 0;
    const timer = setInterval(() => {
      const done = sent === SECONDS * DELTAS_PER_SECOND;
      const choice = done
        ? { index: 0, delta: {}, finish_reason: "stop" }
        : { index: 0, delta: { content: `${sent}@${performance.now()} ` }, finish_reason: null };
      sent++;
      const chunk = {
        id: "b",
        object: "chat.completion.chunk",
        created: 0,
        model: "bench",
        choices: [choice],
      };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      if (!done) return;
      clearInterval(timer);
      response.end("data: [DONE]\n\n");
    }, 1000 / DELTAS_PER_SECOND);
    response.on("close", () => clearInterval(timer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function print(measured: readonly Measured[]): void {
  console.log(
    `\nFrom a delta sent by the model's server to the client, ${DELTAS_PER_SECOND} deltas/s per stream, every chunk committed (fsync).`,
  );
  console.log("| way | streams | deltas | p50 ms | p99 ms | added p50 ms | added p99 ms |");
  console.log("|---|---|---|---|---|---|---|");
  for (const row of measured) {
    const direct = measured.find(
      (other) => other.name === "direct" && other.streams === row.streams,
    );
    const added = (mine: number, theirs: number | undefined) =>
      row.name === "direct" ? "" : (mine - (theirs ?? 0)).toFixed(2);
    console.log(
      `| ${row.name} | ${row.streams} | ${row.deltas} | ${row.p50.toFixed(2)} | ${row.p99.toFixed(2)} | ${added(row.p50, direct?.p50)} | ${added(row.p99, direct?.p99)} |`,
    );
  }
}

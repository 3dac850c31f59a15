import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { pipeline, type Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { ErrorBody, type Hello } from "../../server/protocol/responses.ts";
import { parseJson } from "../../server/shared/json.ts";
import { isProblem, Problem } from "../problem.ts";
import { readRuntimeFiles } from "./companion-files.ts";
import { type Address, askHello, authority, createProvenAgent } from "./proven-agent.ts";

const STOP_TIMEOUT_MS = 10_000;
/** Three heartbeats: a stream that is silent for longer is dead, even if no one closed it. */
const SILENCE_MS = 45_000;
const MAX_BODY = 64 * 1024 * 1024;

export interface CompanionRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  /** In the place of `body`: bytes as they come; `headers` say of what type. */
  bytes?: Readable;
  headers?: Record<string, string>;
  /** A status that is an answer too, not a refusal. */
  alsoAnswer?: number;
}

/**
 * A companion that has proved itself. Every connection it gets from here proves itself again
 * before it carries the token.
 */
export interface Companion {
  readonly hello: Hello;
  readonly url: string;
  readonly dataDir: string;
  /** For the link that opens the chat in a browser; goes into no log, argument or setting. */
  readonly token: string;
  /** The answer's head, when its status is good; else rejects with what the body says. */
  send(call: CompanionRequest, signal?: AbortSignal): Promise<IncomingMessage>;
  text(call: CompanionRequest, signal?: AbortSignal): Promise<string>;
  /** Whether no turn runs. */
  isIdle(): Promise<boolean>;
  /** Whether it took its runtime file away when it ended. */
  leftCleanly(): Promise<boolean>;
  /** Closes our connections; the companion lives on. */
  close(): void;
}

/**
 * The companion that runs on this data directory; undefined if what it left behind leads to
 * nobody who knows the token.
 */
export async function findCompanion(dataDir: string): Promise<Companion | undefined> {
  const found = await readRuntimeFiles(dataDir);
  if (!found) return undefined;
  const address = { host: toReachable(found.runtime.host), port: found.runtime.port };
  try {
    const hello = await askHello(address, found.token);
    return createCompanion(dataDir, address, found.token, hello);
  } catch (thrown) {
    if (isProblem(thrown, "companion_lost", "companion_unproven")) return undefined;
    throw thrown;
  }
}

/**
 * Ends it, its running answers as interrupted, and waits until it has ended. The pid is the one
 * it told after its proof.
 */
export async function stopCompanion(companion: Companion): Promise<void> {
  companion.close();
  if (signalProcess(companion.hello.pid, "SIGTERM")) await companionEnd(companion, STOP_TIMEOUT_MS);
}

/**
 * Asks it to take nothing new and to end when its running answers have, which get
 * `graceSeconds` for that.
 */
export async function drainCompanion(companion: Companion, graceSeconds: number): Promise<void> {
  const body = { grace_seconds: graceSeconds };
  try {
    await companion.text({ method: "POST", path: "/v1/drain", body });
  } catch (thrown) {
    if (isProblem(thrown, "companion_lost", "companion_unproven")) return;
    // A build that knows nothing of it, or does not take it.
    signalProcess(companion.hello.pid, "SIGTERM");
  } finally {
    companion.close();
  }
}

/** Resolves when its process is gone; rejects when that takes too long. */
export async function companionEnd({ hello }: Companion, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (signalProcess(hello.pid, 0)) {
    if (performance.now() > deadline) {
      throw Problem.ours("companion_slow", `The companion with pid ${hello.pid} does not end`);
    }
    await delay(25);
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function toReachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function createCompanion(
  dataDir: string,
  address: Address,
  token: string,
  hello: Hello,
): Companion {
  const { agent, isProven } = createProvenAgent(address, token);

  const send = (call: CompanionRequest, signal?: AbortSignal): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const body = call.body === undefined ? undefined : JSON.stringify(call.body);
      const outgoing = request({
        agent,
        host: address.host,
        port: address.port,
        method: call.method,
        path: call.path,
        timeout: SILENCE_MS,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && {
            "content-type": "application/json",
            "content-length": Buffer.byteLength(body),
          }),
          ...call.headers,
        },
      });
      // Not the option `signal`: its error can hit a socket that no one listens
      // to between two requests.
      const stop = (): void => void outgoing.destroy();
      signal?.addEventListener("abort", stop, { once: true });
      outgoing.once("close", () => signal?.removeEventListener("abort", stop));
      // VS Code may put its proxy's agent in the place of ours; what it
      // connects has proved nothing.
      outgoing.once("socket", (socket: Socket) => {
        if (!isProven(socket)) {
          outgoing.destroy(Problem.ours("companion_unproven", "The connection was not ours"));
        }
      });
      outgoing.once("timeout", () => outgoing.destroy(new Error("silent for too long")));
      outgoing.on("error", (error) => reject(toProblem(error, address)));
      outgoing.once("response", (response) => {
        // A reader that has what it wanted no longer listens.
        response.on("error", () => undefined);
        const { statusCode = 0 } = response;
        if (statusCode < 300 || statusCode === call.alsoAnswer) resolve(response);
        else readBody(response, address).then((text) => reject(toRefusal(text)), reject);
      });
      if (signal?.aborted) stop();
      else if (call.bytes) {
        const { bytes } = call;
        // What cannot be read is no fault of the companion's.
        pipeline(bytes, outgoing, () => bytes.errored && reject(bytes.errored));
      } else outgoing.end(body);
    });

  const text = async (call: CompanionRequest, signal?: AbortSignal): Promise<string> =>
    readBody(await send(call, signal), address);

  return {
    hello,
    url: `http://${authority(address)}`,
    dataDir,
    token,
    send,
    text,
    async isIdle() {
      const metrics = await text({ method: "GET", path: "/metrics" });
      return /^sse_turns_running 0$/m.test(metrics);
    },
    async leftCleanly() {
      const found = await readRuntimeFiles(dataDir).catch(() => undefined);
      return found === undefined;
    },
    close: () => agent.destroy(),
  };
}

async function readBody(response: IncomingMessage, address: Address): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > MAX_BODY) throw Problem.ours("companion_malformed", "The answer is too long");
      parts.push(part);
    }
  } catch (thrown) {
    throw toProblem(thrown, address);
  }
  return Buffer.concat(parts).toString("utf8");
}

function toRefusal(text: string): Problem {
  const parsed = ErrorBody.safeParse(parseJson(text));
  if (!parsed.success) {
    return Problem.ours("companion_malformed", "The companion answered in an unknown form");
  }
  const { code, message, hint } = parsed.data.error;
  return Problem.answered(code, message, hint);
}

function toProblem(thrown: unknown, address: Address): Problem {
  if (thrown instanceof Problem) return thrown;
  return Problem.ours("companion_lost", `The connection to ${authority(address)} broke`, {
    cause: thrown,
  });
}

// Another user of this machine may take the companion's port after a crash. So every
// connection first asks for an HMAC of a fresh nonce under the token, and only one that
// answered right ever carries it.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { Hello } from "../../server/protocol/responses.ts";
import { parseJson } from "../../server/shared/json.ts";
import { Problem } from "../problem.ts";

export interface Address {
  host: string;
  port: number;
}

export interface ProvenAgent {
  agent: Agent;
  /** Whether `socket` has proved itself. A request that got any other must not be sent. */
  readonly isProven: (socket: Socket) => boolean;
}

/** As Node calls it; its types ask for a stream even beside an error, and call it optional. */
type ConnectionCallback = (error: Error | null, socket?: Socket) => void;

const PROOF_TIMEOUT_MS = 5_000;
const MAX_ANSWER = 16 * 1024;

/** An agent whose connections have all proved that their other end knows `token`. */
export function createProvenAgent(address: Address, token: string): ProvenAgent {
  const proven = new WeakSet<Socket>();
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 4 });
  agent.createConnection = (_options, callback) => {
    void connectFor(callback as ConnectionCallback);
    return undefined;
  };
  const connectFor = async (callback: ConnectionCallback): Promise<void> => {
    let socket: Socket;
    try {
      ({ socket } = await openProven(address, token));
    } catch (thrown) {
      return callback(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    proven.add(socket);
    callback(null, socket);
  };
  return { agent, isProven: (socket) => proven.has(socket) };
}

/**
 * Asks who is there, without telling anything; rejects unless the answer
 * proves knowledge of `token`.
 */
export async function askHello(address: Address, token: string): Promise<Hello> {
  const { socket, hello } = await openProven(address, token);
  socket.destroy();
  return hello;
}

async function openProven(
  address: Address,
  token: string,
): Promise<{ socket: Socket; hello: Hello }> {
  const nonce = randomBytes(32).toString("hex");
  const socket = connect({ host: address.host, port: address.port, noDelay: true });
  try {
    const hello = Hello.safeParse(await exchange(socket, address, nonce));
    if (!hello.success || !matches(hello.data.hmac, nonce, token)) {
      throw Problem.ours(
        "companion_unproven",
        `Whoever answers on ${authority(address)} does not know the companion's token`,
      );
    }
    return { socket, hello: hello.data };
  } catch (thrown) {
    socket.destroy();
    throw thrown;
  }
}

function matches(hmac: string, nonce: string, token: string): boolean {
  const expected = createHmac("sha256", token).update(nonce).digest();
  const given = Buffer.from(hmac, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * One GET over a bare socket, which stays open. Not through `node:http`: VS Code replaces
 * its agents by its proxy's, and a proof is worth something only on the very connection
 * that is used afterwards.
 */
function exchange(socket: Socket, address: Address, nonce: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let text = "";
    const settle = (outcome: () => void): void => {
      clearTimeout(timer);
      socket.off("data", onData).off("error", onError).off("close", onClose);
      outcome();
    };
    const lost = (cause?: unknown): void =>
      settle(() =>
        reject(Problem.ours("companion_lost", `No answer on ${authority(address)}`, { cause })),
      );
    const onError = (error: Error): void => lost(error);
    const onClose = (): void => lost();
    const onData = (data: Buffer): void => {
      text += data.toString("latin1");
      const answer = parseAnswer(text);
      if (answer === "incomplete" && text.length < MAX_ANSWER) return;
      settle(() => resolve(answer));
    };
    const timer = setTimeout(lost, PROOF_TIMEOUT_MS);
    socket.on("data", onData).on("error", onError).on("close", onClose);
    socket.write(
      `GET /v1/hello?nonce=${nonce} HTTP/1.1\r\nHost: ${authority(address)}\r\nConnection: keep-alive\r\n\r\n`,
    );
  });
}

/** The JSON of a complete 200 answer, "incomplete", or undefined for anything else. */
function parseAnswer(text: string): unknown {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return "incomplete";
  const head = text.slice(0, end);
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
  if (!head.startsWith("HTTP/1.1 200 ") || length === undefined) return undefined;
  const body = text.slice(end + 4);
  if (body.length < Number(length)) return "incomplete";
  if (body.length > Number(length)) return undefined;
  return parseJson(body);
}

export function authority(address: Address): string {
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

// A model's server that is not one: real HTTP on 127.0.0.1, a script instead of a model.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as the fake model's server got it. */
export interface UpstreamRequest {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  /** Parsed JSON, or undefined if there was none. */
  body: unknown;
  /** The client's port: the same for two requests over one connection. */
  clientPort: number | undefined;
  /** Resolves when the connection is closed before the answer has ended. */
  left: Promise<void>;
}

/** Answers one request. What it throws breaks the connection. */
export type Script = (request: UpstreamRequest, response: ServerResponse) => void | Promise<void>;

export interface Upstream {
  /** `http://127.0.0.1:PORT`, without a path. */
  origin: string;
  /** With `/v1`, as OPENAI_BASE_URL has it. */
  url: string;
  /** Every request but those for the list of models. */
  requests: UpstreamRequest[];
  /** The request with this index, as soon as it has come. */
  request(index: number): Promise<UpstreamRequest>;
  close(): Promise<void>;
}

export const FAKE_MODEL = "fake-model";

/**
 * With several scripts each request gets the next, and the last again and again. Lists `fake-model`
 * in OpenAI's and Ollama's way.
 */
export async function startUpstream(...scripts: [Script, ...Script[]]): Promise<Upstream> {
  const requests: UpstreamRequest[] = [];
  const waiting = new Map<number, PromiseWithResolvers<UpstreamRequest>>();
  const waitFor = (index: number): PromiseWithResolvers<UpstreamRequest> => {
    const found = waiting.get(index) ?? Promise.withResolvers<UpstreamRequest>();
    waiting.set(index, found);
    return found;
  };

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const left = new Promise<void>((resolve) => {
      response.once("close", () => {
        if (!response.writableFinished) resolve();
      });
    });
    const request = await read(incoming, left);
    if (request.method === "GET") {
      listModels(request, response);
      return;
    }
    const index = requests.push(request) - 1;
    waitFor(index).resolve(request);
    const script = scripts[Math.min(index, scripts.length - 1)] ?? scripts[0];
    await script(request, response);
  };

  const server = createServer((incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    url: `${origin}/v1`,
    requests,
    request: (index) => waitFor(index).promise,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function read(incoming: IncomingMessage, left: Promise<void>): Promise<UpstreamRequest> {
  const parts: Buffer[] = [];
  for await (const part of incoming as AsyncIterable<Buffer>) parts.push(part);
  const text = Buffer.concat(parts).toString();
  return {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    headers: incoming.headers,
    body: text === "" ? undefined : JSON.parse(text),
    clientPort: incoming.socket.remotePort,
    left,
  };
}

function listModels({ path }: UpstreamRequest, response: ServerResponse): void {
  const lists: Record<string, unknown> = {
    "/v1/models": { object: "list", data: [{ id: FAKE_MODEL, object: "model" }] },
    "/api/tags": { models: [{ name: FAKE_MODEL }] },
  };
  const list = lists[path];
  response.writeHead(list ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify(list ?? { error: { message: "there is nothing here" } }));
}

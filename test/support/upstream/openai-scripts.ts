// What the fake model's server does, in the event format of OpenAI's chat completions.
// No part of it is a model.
import type { ServerResponse } from "node:http";
import { FAKE_MODEL, type Script, type UpstreamRequest } from "./start-upstream.ts";

const EVENT_STREAM = { "content-type": "text/event-stream; charset=utf-8" };
export const DONE = "data: [DONE]\n\n";

/** One event of the stream, as bytes on the wire. */
export function chunk(delta: Record<string, unknown>, finishReason: string | null = null): string {
  return event({ choices: [{ index: 0, delta, finish_reason: finishReason }] });
}

export function event(fields: Record<string, unknown>): string {
  const base = {
    id: "chatcmpl-fake",
    object: "chat.completion.chunk",
    created: 1,
    model: FAKE_MODEL,
  };
  return `data: ${JSON.stringify({ ...base, ...fields })}\n\n`;
}

export const text = (content: string): string => chunk({ content });
export const stop = (reason = "stop"): string => chunk({}, reason);
export const usage = (input: number, output: number): string =>
  event({
    choices: [],
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
  });

export function toolCall(id: string, name: string, args: string, index = 0): string {
  return chunk({
    tool_calls: [{ index, id, type: "function", function: { name, arguments: args } }],
  });
}

export function moreArguments(args: string): string {
  return chunk({ tool_calls: [{ index: 0, function: { arguments: args } }] });
}

/** Exactly these pieces, then the end of the body. */
export function stream(...pieces: (string | Uint8Array)[]): Script {
  return async (_request, response) => {
    response.writeHead(200, EVENT_STREAM);
    for (const piece of pieces) await write(response, piece);
    response.end();
  };
}

/** A whole answer, one event for each word. */
export function normal(answer = "Hello from the fake model."): Script {
  const words = answer.match(/\s*\S+/g) ?? [];
  return stream(
    chunk({ role: "assistant", content: "" }),
    ...words.map(text),
    stop(),
    usage(7, words.length),
    DONE,
  );
}

/** These pieces, then nothing more, with the connection open. */
export function stalls(...pieces: string[]): Script {
  return async (_request, response) => {
    response.writeHead(200, EVENT_STREAM);
    response.flushHeaders();
    for (const piece of pieces) await write(response, piece);
  };
}

/** Takes the request and never says anything. */
export const silent: Script = () => undefined;

/** Ends the connection in the middle, as a closing server (FIN) or a dying one (RST) does. */
export function cut(how: "fin" | "rst", ...pieces: string[]): Script {
  return async (_request, response) => {
    response.writeHead(200, EVENT_STREAM);
    for (const piece of pieces) await write(response, piece);
    if (how === "fin") response.socket?.end();
    else response.socket?.resetAndDestroy();
  };
}

/** An error in OpenAI's form; `headers` for Retry-After. */
export function status(
  code: number,
  message = "the fake model refuses",
  headers: Record<string, string> = {},
  error: Record<string, unknown> = {},
): Script {
  return body(code, "application/json", JSON.stringify({ error: { message, ...error } }), headers);
}

export function body(
  code: number,
  contentType: string,
  content: string,
  headers: Record<string, string> = {},
): Script {
  return (_request, response) => {
    response.writeHead(code, { "content-type": contentType, ...headers });
    response.end(content);
  };
}

/** One line of so many bytes, written as fast as it is taken. Stops when the client leaves. */
export function hugeLine(bytes: number): Script {
  return async (_request, response) => {
    response.writeHead(200, EVENT_STREAM);
    await write(response, text("before"));
    await write(response, "data: ");
    const block = "x".repeat(64 * 1024);
    for (let sent = 0; sent < bytes; sent += block.length) {
      if (!(await write(response, block))) return;
    }
    response.end("\n\n");
  };
}

/** The same piece again and again, until the client leaves. */
export function endless(piece: string): Script {
  const block = piece.repeat(Math.ceil((16 * 1024) / piece.length));
  return async (_request, response) => {
    response.writeHead(200, EVENT_STREAM);
    while (await write(response, block));
  };
}

/** An answer in the test's hands: it says each word when the test says so. */
export function controlled(): {
  script: Script;
  say(words: string): Promise<void>;
  finish(): Promise<void>;
  /** Breaks the connection. */
  break(): Promise<void>;
  request: Promise<UpstreamRequest>;
} {
  const begun = Promise.withResolvers<{ request: UpstreamRequest; response: ServerResponse }>();
  return {
    request: begun.promise.then(({ request }) => request),
    script(request, response) {
      response.writeHead(200, EVENT_STREAM);
      begun.resolve({ request, response });
    },
    async say(words) {
      await write((await begun.promise).response, text(words));
    },
    async finish() {
      (await begun.promise).response.end(stop() + DONE);
    },
    async break() {
      (await begun.promise).response.destroy();
    },
  };
}

/**
 * False once the client has left. Each piece leaves in a packet of its own,
 * as far as that can be had.
 */
export async function write(
  response: ServerResponse,
  piece: string | Uint8Array,
): Promise<boolean> {
  if (response.destroyed) return false;
  await new Promise<void>((resolve) => {
    const left = (): void => resolve();
    response.once("close", left);
    response.write(piece, () => {
      response.off("close", left);
      resolve();
    });
  });
  return !response.destroyed;
}

export interface PlannedCall {
  name: string;
  arguments: Record<string, unknown>;
  /** In one answer with the call before it. */
  together?: true;
}

/**
 * Makes the calls that a question stands for, one in each answer, then says
 * what the last of them gave.
 */
export function playsCalls(callsOf: (question: string) => readonly PlannedCall[]): Script {
  return async (request, response) => {
    const { messages } = request.body as { messages: { role: string; content: unknown }[] };
    const at = messages.findLastIndex(({ role }) => role === "user");
    const planned = callsOf(textOf(messages[at]?.content));
    const results = messages.slice(at + 1).filter(({ role }) => role === "tool");
    const rest = planned.slice(results.length);
    const alone = rest.slice(1).findIndex(({ together }) => !together);
    const step = alone < 0 ? rest : rest.slice(0, alone + 1);
    const script = step.length
      ? stream(
          ...step.map((one, index) =>
            toolCall(
              `call_${at}_${results.length + index}`,
              one.name,
              JSON.stringify(one.arguments),
              index,
            ),
          ),
          stop("tool_calls"),
          usage(7, 3),
          DONE,
        )
      : normal(`Result: ${textOf(results.at(-1)?.content)}`);
    await script(request, response);
  };
}

/** Of a message in either of the format's forms. */
export function textOf(content: unknown): string {
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  return content.map((part: { text?: string }) => part.text ?? "").join("");
}

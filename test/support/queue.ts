// What tests of messages that wait have in common.
import assert from "node:assert/strict";
import type { AcceptedTurn, Chat } from "../../server/chat/chat.ts";
import { ChatError } from "../../server/errors.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import type { MessageRequest, WhenBusy } from "../../server/protocol/requests.ts";
import type { QueuedMessage } from "../../server/protocol/stream-events.ts";
import type { ProviderRequest } from "../../server/providers/provider.ts";
import { FINISH, type Script, stall, text } from "./chat.ts";

/** Answers each question with its last words; `wait…` goes on when it is let. */
export function patient(): { script: Script; go(): void } {
  let go = () => {};
  const script: Script = async function* (request, signal) {
    const last = lastWords(request);
    yield text(`re: ${last}`);
    if (last.startsWith("wait")) {
      const let_on = new Promise<void>((resolve) => {
        go = resolve;
      });
      await Promise.race([let_on, stall(signal)]);
    }
    if (last.startsWith("fail")) throw new ChatError("upstream_failed", "no");
    yield FINISH;
  };
  return { script, go: () => go() };
}

export function lastWords({ messages }: ProviderRequest): string {
  const last = messages.findLast(({ role }) => role === "user");
  return (last?.content ?? "").split("\n\n").at(-1) ?? "";
}

export function request(session_id: string, content: string, when_busy: WhenBusy = "queue") {
  return {
    session_id,
    request_id: `r-${session_id}-${content}`,
    when_busy,
    message: { type: "user_message", content },
  } as const satisfies MessageRequest;
}

export async function queue(
  chat: Chat,
  { session_id }: AcceptedTurn,
  content: string,
  when_busy?: WhenBusy,
): Promise<QueuedMessage> {
  const queued = await chat.queueMessage(request(session_id, content, when_busy));
  assert.ok(queued, `${content} need not wait`);
  return queued.message;
}

/** What a session says until `isLast`, each chunk checked against the one before. */
export async function until(
  chat: Chat,
  sessionId: string,
  isLast: (chunk: StreamChunk) => boolean,
): Promise<StreamChunk[]> {
  const seen: StreamChunk[] = [];
  const options = { after: 0, until: "left" } as const;
  for await (const batch of chat.stream(sessionId, options, AbortSignal.timeout(15_000))) {
    for (const { chunk } of batch) {
      seen.push(chunk);
      if (isLast(chunk)) return seen;
    }
  }
  throw new Error(`it did not come: ${told(seen).join(", ")}`);
}

export const saying = (words: string) => (chunk: StreamChunk) => chunk.token === words;

/** The end of the turn that a message is in. */
export function endAfter(words: string): (chunk: StreamChunk) => boolean {
  let turn: string | undefined;
  return (chunk) => {
    if (chunk.type === "user_message" && chunk.content === words) turn = chunk.turn_id;
    return chunk.is_final && chunk.turn_id === turn;
  };
}

/** Questions and ends, in their order. */
export function told(chunks: readonly StreamChunk[]): string[] {
  return chunks.flatMap(({ type, content, is_final }) =>
    type === "user_message" ? [content ?? ""] : is_final ? [`(${type})`] : [],
  );
}

export const waiting = async (chat: Chat, sessionId: string) =>
  (await chat.listQueue(sessionId)).messages.map(({ content, held }) =>
    held === undefined ? content : `${content} (${held})`,
  );

export async function begin(chat: Chat, content = "wait"): Promise<AcceptedTurn> {
  const turn = await chat.startTurn({ message: { type: "user_message", content } });
  await until(chat, turn.session_id, saying(`re: ${content}`));
  return turn;
}

import { createHash } from "node:crypto";
import type { WholeChat } from "../../protocol/stored/chat-file.ts";

/**
 * The same chat under ids of its own. They follow from `seed`: the same copy made twice has the
 * same ids. What anybody said or stored as text stays as it is, also where it names an id.
 */
export function copyChat(chat: WholeChat, seed: string): WholeChat {
  const { head, turns, messages, plans, summaries } = chat;
  const owned = [head, ...turns, ...messages, ...plans, ...summaries];
  const ids = new Map(owned.map(({ id }) => [id, derivedId(seed, id)]));
  const to = (id: string): string => ids.get(id) ?? id;
  const row = <Row extends { id: string }>(line: Row): Row => ({ ...line, id: to(line.id) });
  const ofTurn = <Row extends { turn_id: string }>(line: Row): Row => ({
    ...line,
    turn_id: to(line.turn_id),
  });
  return {
    head: row(head),
    turns: turns.map((turn) => {
      const { replaced_by } = turn;
      return { ...row(turn), replaced_by: replaced_by === null ? null : to(replaced_by) };
    }),
    messages: messages.map((message) => ({
      ...ofTurn(row(message)),
      metadata: JSON.stringify(renamed(JSON.parse(message.metadata), to, MESSAGE_IDS)),
    })),
    tool_calls: chat.tool_calls.map(ofTurn),
    plans: plans.map((plan) => ofTurn(row(plan))),
    subtasks: chat.subtasks.map((line) => ({ ...line, plan_id: to(line.plan_id) })),
    summaries: summaries.map((line) => ({ ...row(line), until_turn_id: to(line.until_turn_id) })),
    instructions: chat.instructions,
    attachments: chat.attachments,
    chunks: chat.chunks.map((chunk) => ({
      ...chunk,
      turn_id: chunk.turn_id === null ? null : to(chunk.turn_id),
      payload: renamedPayload(chunk.payload, to),
    })),
  };
}

/** What in a message's metadata is an id of the chat; the rest is text of people and models. */
const MESSAGE_IDS = ["plan_id"];

function renamedPayload(
  payload: Record<string, unknown>,
  to: (id: string) => string,
): Record<string, unknown> {
  const { metadata, ...rest } = payload;
  const named = renamed(rest, to, ["plan_id"]);
  if (typeof metadata !== "object" || metadata === null) return { ...payload, ...named };
  const keys = Object.keys(metadata).filter((key) => key.endsWith("_id"));
  // In its old place, so that the chunk reads as it did.
  return { ...payload, ...named, metadata: renamed(metadata, to, keys) };
}

function renamed(
  value: unknown,
  to: (id: string) => string,
  keys: readonly string[],
): Record<string, unknown> {
  const entries = Object.entries(value ?? {}).map(([key, of]: [string, unknown]) =>
    keys.includes(key) && typeof of === "string" ? [key, to(of)] : [key, of],
  );
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** A UUID of version 8 (RFC 9562, section 5.8), made of a hash. */
function derivedId(seed: string, id: string): string {
  const hex = createHash("sha256").update(`${seed}\n${id}`).digest("hex");
  const variant = ((Number.parseInt(hex[16] ?? "0", 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

import { hashOfContent } from "../../db/tables/attachments.ts";
import { hashOf } from "../../db/tables/instructions.ts";
import type { WholeChat } from "../../protocol/stored/chat-file.ts";

/**
 * Why the chat cannot be stored, for people; undefined: it can. A hash says that a file is whole,
 * not that it makes sense.
 */
export function problemOf(chat: WholeChat): string | undefined {
  const { turns, messages, tool_calls, plans, subtasks, summaries, chunks } = chat;
  const { instructions, attachments } = chat;
  const turnIds = new Set(turns.map(({ id }) => id));
  const planIds = new Set(plans.map(({ id }) => id));
  const unknownTurn =
    [...messages, ...tool_calls, ...plans].some(({ turn_id }) => !turnIds.has(turn_id)) ||
    summaries.some(({ until_turn_id }) => !turnIds.has(until_turn_id)) ||
    chunks.some(({ turn_id }) => turn_id !== null && !turnIds.has(turn_id)) ||
    subtasks.some(({ plan_id }) => !planIds.has(plan_id));
  if (unknownTurn) return "It speaks of a turn or a plan that it does not have.";
  const isTwice =
    hasTwice(turns, ({ id }) => id) ||
    hasTwice(messages, ({ id }) => id) ||
    hasTwice(messages, ({ position }) => String(position)) ||
    hasTwice(tool_calls, ({ call_id }) => call_id) ||
    hasTwice(plans, ({ id }) => id) ||
    hasTwice(subtasks, ({ plan_id, position }) => `${plan_id} ${position}`) ||
    hasTwice(summaries, ({ id }) => id) ||
    hasTwice(instructions, ({ id }) => id) ||
    hasTwice(attachments, ({ id }) => id);
  if (isTwice) return "It has something twice.";
  if (instructions.some(({ id, content }) => hashOf(content) !== id)) {
    return "Instructions in it are not those that its messages speak of.";
  }
  if (attachments.some((one) => !isItsHash(one)))
    return "What is attached to it is not what it says.";
  if (turns.filter(isOpen).length > 1) return "More than one answer of it is still being written.";
  return undefined;
}

function isItsHash({ id, data, bytes }: WholeChat["attachments"][number]): boolean {
  return Buffer.byteLength(data, "base64") === bytes && hashOfContent(data) === id;
}

export function isOpen({ status }: WholeChat["turns"][number]): boolean {
  return status === "running" || status === "waiting";
}

function hasTwice<Row>(rows: readonly Row[], keyOf: (row: Row) => string): boolean {
  return new Set(rows.map(keyOf)).size < rows.length;
}

/** The last `seq` before something is missing in the log. */
export function continuousUntil({ chunks }: WholeChat): number {
  let last = 0;
  for (const { seq, type, payload } of chunks) {
    const { from_seq } = { from_seq: undefined, ...(payload["metadata"] as object | undefined) };
    const from = type === "snapshot" && typeof from_seq === "number" ? from_seq : seq;
    if (from > last + 1 || seq <= last) break;
    last = seq;
  }
  return last;
}

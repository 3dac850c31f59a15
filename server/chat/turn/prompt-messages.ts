import { lastMeasured } from "../../db/tables/chunks.ts";
import {
  conversation,
  type MessageMetadata,
  type MessageRow,
  metadataOf,
  type NewMessageRow,
} from "../../db/tables/messages.ts";
import type { Reader } from "../../db/tables/schema.ts";
import { activeSummary, type SummaryRow } from "../../db/tables/summaries.ts";
import { type StoredMessage, toHistory } from "../../domain/history.ts";
import { asStored } from "../../domain/summary.ts";
import type { NewChunk } from "../../protocol/chunks.ts";
import { attachmentTokens, estimateTokens } from "../../shared/tokens.ts";

export interface Told {
  /** Stands for all before `rows`. */
  summary: SummaryRow | undefined;
  rows: MessageRow[];
  /** Both, as the model is told. */
  stored: StoredMessage[];
}

/**
 * The conversation as a model is told of it: a summary of what is before, if there is one, and
 * the rest as it was said.
 */
export async function promptMessages(reader: Reader, sessionId: string): Promise<Told> {
  const summary = await activeSummary(reader, sessionId);
  // Of a chat that goes on for weeks the rest is much the smaller part.
  const after = summary?.until_position;
  return toldOf(await conversation(reader, sessionId, { after }), summary);
}

/** The same of a chat that has just begun. */
export function toldAtFirst(message: NewMessageRow): Told {
  return toldOf([{ ...message, search_id: null }], undefined);
}

function toldOf(rows: MessageRow[], summary: SummaryRow | undefined): Told {
  const stored = rows.map(toStored);
  return { summary, rows, stored: summary ? [asStored(summary.content), ...stored] : stored };
}

function toStored(row: MessageRow): StoredMessage {
  const metadata = metadataOf(row);
  return {
    role: row.role,
    content: row.content + undoneNote(metadata),
    status: row.status,
    context: metadata.context ?? [],
    attachments: metadata.attachments ?? [],
    tool_calls: metadata.tool_calls ?? [],
    call_id: metadata.call_id,
    tool_name: metadata.tool_name,
    ...(metadata.thinking && { thinking: metadata.thinking }),
  };
}

/** Without this it would build on lines that are gone. */
function undoneNote({ decided = {} }: MessageMetadata): string {
  const undone = Object.values(decided).filter((decision) => decision === "undo").length;
  if (undone === 0) return "";
  const where = undone === 1 ? "one place" : `${undone} places`;
  return `\n[The user has undone this turn's changes in ${where} of this file since. Read it before you change it again.]`;
}

/**
 * As the last turn's model counted it, and an estimate of what came since: an estimate
 * alone may be far too low.
 */
export async function knownSize(reader: Reader, sessionId: string): Promise<number> {
  const measured = await lastMeasured(reader, sessionId);
  if (!measured) return 0;
  const { rows } = await promptMessages(reader, sessionId);
  const fresh = rows.filter(({ position }) => position > measured.seq);
  return fresh.reduce((sum, row) => sum + sizeOf(row), measured.tokens);
}

export function sizeOf(row: MessageRow): number {
  const { thinking, ...rest } = metadataOf(row);
  const text = row.content + (thinking ? JSON.stringify(rest) : row.metadata);
  return estimateTokens(text) + attachmentTokens(rest.attachments ?? []);
}

export function estimateHistory(stored: StoredMessage[]): number {
  const attached = attachmentTokens(stored.flatMap(({ attachments }) => attachments));
  return estimateTokens(JSON.stringify(toHistory(stored))) + attached;
}

/** What the conversation measures now. */
export async function sizeNow(reader: Reader, sessionId: string): Promise<number> {
  const known = await knownSize(reader, sessionId);
  return known || estimateHistory((await promptMessages(reader, sessionId)).stored);
}

/**
 * The end of a turn in which no model was asked, once all else of it is stored.
 * `since`: of `performance.now()`.
 */
export async function doneUnasked(
  reader: Reader,
  sessionId: string,
  { since, ...said }: { model: string; agent_type: string; since: number },
): Promise<Extract<NewChunk, { type: "done" }>> {
  const context_tokens = await sizeNow(reader, sessionId);
  const elapsed_ms = Math.round(performance.now() - since);
  return { type: "done", metadata: { ...said, finish_reason: "stop", elapsed_ms, context_tokens } };
}

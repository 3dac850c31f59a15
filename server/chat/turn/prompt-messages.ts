import { conversation, type MessageRow, metadataOf } from "../../db/tables/messages.ts";
import type { Reader } from "../../db/tables/schema.ts";
import { activeSummary, type Summary } from "../../db/tables/summaries.ts";
import type { StoredMessage } from "../../domain/history.ts";
import { asStored } from "../../domain/summary.ts";

export interface Told {
  /** Stands for all before `rows`. */
  summary: Summary | undefined;
  rows: MessageRow[];
  /** Both, as the model is told. */
  stored: StoredMessage[];
}

/** The conversation as a model is told of it: a summary of what is before, if there is one, and the rest as it was said. */
export async function toldMessages(reader: Reader, sessionId: string): Promise<Told> {
  const [all, summary] = await Promise.all([
    conversation(reader, sessionId),
    activeSummary(reader, sessionId),
  ]);
  const rows = summary ? all.filter(({ position }) => position > summary.until_position) : all;
  const stored = rows.map(toStored);
  return { summary, rows, stored: summary ? [asStored(summary.content), ...stored] : stored };
}

function toStored(row: MessageRow): StoredMessage {
  const metadata = metadataOf(row);
  return {
    role: row.role,
    content: row.content,
    status: row.status,
    context: metadata.context ?? [],
    tool_calls: metadata.tool_calls ?? [],
    call_id: metadata.call_id,
    tool_name: metadata.tool_name,
    ...(metadata.thinking && { thinking: metadata.thinking }),
  };
}

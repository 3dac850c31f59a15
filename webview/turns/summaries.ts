import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { textOf } from "./values.ts";

/** Stands for a turn and all before it in what the model is told. */
export interface Summary {
  id: string;
  untilTurnId: string;
  text: string;
}

/** After a `summarised`, which names its last turn, or a `summary_undone`, which names none. */
export function withSummary(
  summaries: readonly Summary[],
  { content = "", metadata = {} }: StreamChunk,
): readonly Summary[] {
  const id = textOf(metadata["summary_id"]) ?? "";
  const untilTurnId = textOf(metadata["until_turn_id"]);
  const others = summaries.filter((summary) => summary.id !== id);
  return untilTurnId === null ? others : [...others, { id, untilTurnId, text: content }];
}

/** Stands for a turn and all before it in what the model is told. */
export interface Summary {
  id: string;
  untilTurnId: string;
  text: string;
}

/** After a `summarised`, which names its last turn, or a `summary_undone`, which names none. */
export function withSummary(
  summaries: readonly Summary[],
  text: string,
  {
    summary_id: id = "",
    until_turn_id: untilTurnId,
  }: { summary_id?: string; until_turn_id?: string },
): readonly Summary[] {
  const others = summaries.filter((summary) => summary.id !== id);
  return untilTurnId === undefined ? others : [...others, { id, untilTurnId, text }];
}

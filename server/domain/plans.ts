import type { PlanSubtask, SubtaskView } from "../protocol/plans.ts";

/** Why these subtasks cannot be carried out in any order; undefined if they can. */
export function planFault(subtasks: readonly PlanSubtask[]): string | undefined {
  const ids = new Set<string>();
  for (const { id } of subtasks) {
    if (ids.has(id)) return `subtasks: ${id} is there twice`;
    ids.add(id);
  }
  for (const { id, depends_on = [] } of subtasks) {
    const unknown = depends_on.find((name) => !ids.has(name));
    if (unknown !== undefined) return `subtasks: ${id} depends on ${unknown}, which is not there`;
  }
  return inOrder(subtasks) ? undefined : "subtasks: they depend on each other in a circle";
}

/** The subtasks, each after all it depends on, else in the order given; undefined for a circle. */
export function inOrder<T extends Pick<PlanSubtask, "id" | "depends_on">>(
  subtasks: readonly T[],
): T[] | undefined {
  const ordered: T[] = [];
  const placed = new Set<string>();
  let left = [...subtasks];
  while (left.length > 0) {
    const next = left.find(({ depends_on = [] }) => depends_on.every((id) => placed.has(id)));
    if (!next) return undefined;
    ordered.push(next);
    placed.add(next.id);
    left = left.filter((subtask) => subtask !== next);
  }
  return ordered;
}

/** What the agent of a subtask is told. */
export function subtaskMessage(plan: {
  summary: string;
  subtask: Pick<SubtaskView, "title" | "description">;
  number: number;
  of: number;
}): string {
  const { summary, subtask, number, of } = plan;
  return [
    `Subtask ${number} of ${of} of the approved plan (${summary}):`,
    subtask.title,
    ...(subtask.description === "" ? [] : [subtask.description]),
    "Do this subtask only, then say in a few words what you did.",
  ].join("\n\n");
}

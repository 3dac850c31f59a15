import type { ChunkOf } from "../../server/protocol/chunks.ts";

export interface Subtask {
  id: string;
  title: string;
  agent: string;
  state: "pending" | "running" | "done";
}

export interface Plan {
  id: string;
  summary: string;
  /** `returned`: to be changed, with a person's word. */
  state: "proposed" | "runs" | "stopped" | "done" | "rejected" | "returned";
  subtasks: readonly Subtask[];
}

/** Of a `plan_created` chunk. */
export function toPlan({ plan_id, plan_summary, metadata }: ChunkOf<"plan_created">): Plan {
  return {
    id: plan_id ?? "",
    summary: plan_summary ?? "",
    state: "proposed",
    subtasks: (metadata?.subtasks ?? []).map(({ id, title, agent_type: agent }) => {
      return { id, title, agent, state: "pending" };
    }),
  };
}

export function withSubtask(plan: Plan, id: string | undefined, state: Subtask["state"]): Plan {
  const subtasks = plan.subtasks.map((one) => (one.id === id ? { ...one, state } : one));
  const isDone = subtasks.every((one) => one.state === "done");
  return { ...plan, state: isDone ? "done" : "runs", subtasks };
}

export function paused(plan: Plan): Plan {
  const subtasks = plan.subtasks.map((one) =>
    one.state === "running" ? { ...one, state: "pending" as const } : one,
  );
  return { ...plan, state: plan.state === "runs" ? "stopped" : plan.state, subtasks };
}

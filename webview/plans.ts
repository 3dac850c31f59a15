import type { StreamChunk } from "../server/protocol/chunks.ts";

export interface Subtask {
  id: string;
  title: string;
  agent: string;
  state: "pending" | "running" | "done";
}

export interface Plan {
  id: string;
  summary: string;
  subtasks: readonly Subtask[];
}

/** Of a `plan_created` chunk. */
export function toPlan({ plan_id, plan_summary, metadata }: StreamChunk): Plan {
  const listed = metadata?.["subtasks"];
  return {
    id: plan_id ?? "",
    summary: plan_summary ?? "",
    subtasks: (Array.isArray(listed) ? listed : []).map((item: Record<string, unknown>) => ({
      id: String(item["id"]),
      title: String(item["title"]),
      agent: String(item["agent_type"]),
      state: "pending",
    })),
  };
}

export function withSubtask(plan: Plan, id: unknown, state: Subtask["state"]): Plan {
  const subtasks = plan.subtasks.map((one) => (one.id === id ? { ...one, state } : one));
  return { ...plan, subtasks };
}

export function paused(plan: Plan): Plan {
  const subtasks = plan.subtasks.map((one) =>
    one.state === "running" ? { ...one, state: "pending" as const } : one,
  );
  return { ...plan, subtasks };
}

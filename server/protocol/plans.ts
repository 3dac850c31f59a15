// A plan as a model writes it and a person changes it: the arguments of `create_plan`.
import * as z from "zod/mini";
import { AgentType, Text } from "./fields.ts";

export const SUBTASK_STATUSES = ["pending", "running", "done"] as const;
export type SubtaskStatus = (typeof SUBTASK_STATUSES)[number];

const MAX_SUBTASKS = 50;

const PlanSubtask = z.object({
  id: Text.check(z.minLength(1), z.maxLength(64)),
  title: Text.check(z.trim(), z.minLength(1), z.maxLength(200)),
  description: z.optional(Text.check(z.maxLength(10_000))),
  agent_type: z.optional(AgentType),
  depends_on: z.optional(z.array(z.string()).check(z.maxLength(MAX_SUBTASKS))),
});
export type PlanSubtask = z.infer<typeof PlanSubtask>;

export const PlanArguments = z.object({
  summary: Text.check(z.trim(), z.minLength(1), z.maxLength(2_000)),
  subtasks: z.array(PlanSubtask).check(z.minLength(1), z.maxLength(MAX_SUBTASKS)),
});
export type PlanArguments = z.infer<typeof PlanArguments>;

/** A subtask as `metadata.subtasks` of a `plan_created` chunk has it. */
export const SubtaskView = z.object({
  id: z.string(),
  title: z.string(),
  description: z.string(),
  agent_type: z.string(),
  depends_on: z.array(z.string()),
  status: z.enum(SUBTASK_STATUSES),
});
export type SubtaskView = z.infer<typeof SubtaskView>;

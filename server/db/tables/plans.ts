import type { Selectable } from "kysely";
import type { SubtaskView } from "../../protocol/plans.ts";
import type { PlanStatus, PlansTable, Reader, SubtasksTable, Trx } from "./schema.ts";

export type PlanRow = Selectable<PlansTable>;
type SubtaskRow = Selectable<SubtasksTable>;

export type NewPlan = Omit<PlanRow, "status" | "created_at">;
export type NewSubtask = Omit<SubtaskView, "status">;

/** A plan that waits for its approval; its subtasks are given in the order they will run. */
export async function insertPlan(
  trx: Trx,
  plan: NewPlan,
  subtasks: readonly NewSubtask[],
): Promise<void> {
  await trx
    .insertInto("plans")
    .values({ ...plan, status: "waiting", created_at: Date.now() })
    .execute();
  await insertSubtasks(trx, plan.id, subtasks);
}

/** Puts a person's version in the place of the model's. */
export async function rewritePlan(
  trx: Trx,
  planId: string,
  summary: string,
  subtasks: readonly NewSubtask[],
): Promise<void> {
  await trx.updateTable("plans").set({ summary }).where("id", "=", planId).execute();
  await trx.deleteFrom("subtasks").where("plan_id", "=", planId).execute();
  await insertSubtasks(trx, planId, subtasks);
}

async function insertSubtasks(
  trx: Trx,
  planId: string,
  subtasks: readonly NewSubtask[],
): Promise<void> {
  await trx
    .insertInto("subtasks")
    .values(
      subtasks.map((subtask, position) => ({
        ...subtask,
        plan_id: planId,
        position,
        depends_on: JSON.stringify(subtask.depends_on),
        status: "pending" as const,
      })),
    )
    .execute();
}

export async function setPlan(
  trx: Trx,
  planId: string,
  changes: { status: PlanStatus; turn_id?: string },
): Promise<void> {
  await trx.updateTable("plans").set(changes).where("id", "=", planId).execute();
}

export async function setSubtask(
  trx: Trx,
  subtask: Pick<SubtaskRow, "plan_id" | "position">,
  status: SubtaskRow["status"],
): Promise<void> {
  await trx
    .updateTable("subtasks")
    .set({ status })
    .where("plan_id", "=", subtask.plan_id)
    .where("position", "=", subtask.position)
    .execute();
}

export async function findPlan(reader: Reader, planId: string): Promise<PlanRow | undefined> {
  return await reader.selectFrom("plans").selectAll().where("id", "=", planId).executeTakeFirst();
}

export async function planOfCall(
  reader: Reader,
  call: { session_id: string; call_id: string },
): Promise<PlanRow | undefined> {
  return await reader
    .selectFrom("plans")
    .selectAll()
    .where("session_id", "=", call.session_id)
    .where("call_id", "=", call.call_id)
    .executeTakeFirst();
}

/** The plan that this turn is carrying out. */
export async function runningPlan(reader: Reader, turnId: string): Promise<PlanRow | undefined> {
  return await reader
    .selectFrom("plans")
    .selectAll()
    .where("turn_id", "=", turnId)
    .where("status", "=", "running")
    .orderBy("created_at")
    .executeTakeFirst();
}

export async function subtasksOf(reader: Reader, planId: string): Promise<SubtaskRow[]> {
  return await reader
    .selectFrom("subtasks")
    .selectAll()
    .where("plan_id", "=", planId)
    .orderBy("position")
    .execute();
}

/** The turn ended: what it was carrying out can be resumed, what nobody approved is over. */
export async function pausePlans(trx: Trx, turnId: string): Promise<void> {
  const plans = await trx
    .selectFrom("plans")
    .select(["id", "status"])
    .where("turn_id", "=", turnId)
    .where("status", "in", ["running", "waiting"])
    .execute();
  for (const { id, status } of plans) {
    await setPlan(trx, id, { status: status === "running" ? "paused" : "cancelled" });
    await trx
      .updateTable("subtasks")
      .set({ status: "pending" })
      .where("plan_id", "=", id)
      .where("status", "=", "running")
      .execute();
  }
}

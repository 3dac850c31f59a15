import { replayVersions, toVersionChange } from "../../domain/replay-versions.ts";
import { hashesOf } from "../../protocol/instructions.ts";
import type { WholeChat } from "../../protocol/stored/chat-file.ts";

/**
 * The chat as it was when its log ended at `lastSeq`: exactly what came before, nothing that came
 * later, and the turn that is cut through open. Its own times stay.
 */
export function cutChat(chat: WholeChat, lastSeq: number): WholeChat {
  const chunks = chat.chunks.filter(({ seq }) => seq <= lastSeq);
  const end = chunks.at(-1)?.seq ?? 0;
  const ended = new Set(chunks.filter(isEnd).map(({ turn_id }) => turn_id));
  const begun = chat.turns.filter(({ after_seq }) => after_seq < end);
  const turnIds = new Set(begun.map(({ id }) => id));
  // The versions that were shown then.
  const changes = chunks.flatMap(
    ({ payload, ...chunk }) => toVersionChange({ ...chunk, metadata: payload["metadata"] }) ?? [],
  );
  const { hiddenBy } = replayVersions(begun, changes);
  const isSame = ({ replaced_by: by }: WholeChat["turns"][number]): boolean =>
    end === chat.head.last_seq && (by === null || turnIds.has(by));
  const turns = begun.map((turn) => ({
    ...turn,
    replaced_by: isSame(turn) ? turn.replaced_by : (hiddenBy.get(turn.id) ?? null),
    ...(ended.has(turn.id) ? {} : OPEN),
  }));
  const called = new Set(chunks.map(({ payload }) => payload["call_id"]));
  const calls = chat.tool_calls.filter(
    ({ call_id, turn_id }) => turnIds.has(turn_id) && called.has(call_id),
  );
  const callIds = new Set(calls.map(({ call_id }) => call_id));
  const answered = new Set(
    chunks.flatMap(({ type, payload }) => (type === "tool_result" ? [payload["call_id"]] : [])),
  );
  const plans = chat.plans
    .filter(({ call_id }) => callIds.has(call_id))
    .map((plan) => ({ ...plan, turn_id: carrierOf(plan, turnIds, calls) }));
  const planIds = new Set(plans.map(({ id }) => id));
  const completed = new Set(
    chunks.flatMap(({ type, payload }) =>
      type === "subtask_completed"
        ? [`${String(payload["plan_id"])} ${String(metadataOf(payload)["subtask_id"])}`]
        : [],
    ),
  );
  const summarised = new Set(chunks.map(({ payload }) => metadataOf(payload)["summary_id"]));
  const texts = new Set(
    chunks.flatMap(({ payload }) => hashesOf(metadataOf(payload)["instructions"])),
  );
  const messages = chat.messages.filter(({ position }) => position <= end);
  const attached = new Set(
    messages.flatMap(({ metadata }) => {
      const { attachments = [] } = JSON.parse(metadata) as { attachments?: { hash: unknown }[] };
      return Array.isArray(attachments) ? attachments.map(({ hash }) => hash) : [];
    }),
  );
  return {
    head: { ...chat.head, last_seq: end },
    turns,
    messages,
    attachments: chat.attachments.filter(({ id }) => attached.has(id)),
    tool_calls: calls.map((call) =>
      ended.has(call.turn_id) || answered.has(call.call_id) ? call : { ...call, ...UNANSWERED },
    ),
    plans,
    subtasks: chat.subtasks
      .filter(({ plan_id }) => planIds.has(plan_id))
      .map((subtask) =>
        subtask.status !== "done" || completed.has(`${subtask.plan_id} ${subtask.id}`)
          ? subtask
          : { ...subtask, status: "pending" },
      ),
    summaries: chat.summaries.filter(
      ({ id, until_turn_id }) => summarised.has(id) && turnIds.has(until_turn_id),
    ),
    instructions: chat.instructions.filter(({ id }) => texts.has(id)),
    chunks,
  };
}

const OPEN = { status: "running", ended_at: null, error_code: null } as const;
const UNANSWERED = { status: "waiting_result", result: null, error: null, ended_at: null } as const;

function isEnd({ type }: WholeChat["chunks"][number]): boolean {
  return type === "done" || type === "error" || type === "interrupted";
}

/** The turn that a plan ran in last, of those that are here; first it was that of its call. */
function carrierOf(
  plan: WholeChat["plans"][number],
  turnIds: ReadonlySet<string>,
  calls: WholeChat["tool_calls"],
): string {
  if (turnIds.has(plan.turn_id)) return plan.turn_id;
  return calls.find(({ call_id }) => call_id === plan.call_id)?.turn_id ?? plan.turn_id;
}

function metadataOf(payload: Record<string, unknown>): Record<string, unknown> {
  const { metadata } = payload;
  return typeof metadata === "object" && metadata !== null ? { ...metadata } : {};
}

// A hole in a session's log would make every reader wait for ever at its edge, and the numbers it had cannot be given
// again. So it is filled: with what the messages still say, and else with a `snapshot` that says that something is lost.
import type { Trx } from "../db/tables/schema.ts";
import { lockSession } from "../db/tables/sessions.ts";
import { type ChunkType, FINAL_TYPES } from "../protocol/chunks.ts";
import type { Gap } from "./find-faults.ts";

interface Filler {
  seq: number;
  turn_id: string | null;
  type: ChunkType;
  payload: Record<string, unknown>;
}

interface TurnSpan {
  id: string;
  status: string;
  after_seq: number;
}

interface Said {
  turn_id: string;
  position: number;
  role: "user" | "assistant" | "tool";
  content: string;
}

/** Fills the gaps of one session; call it in a unit of work. Returns how many places have lost their words for good. */
export async function fillGaps(
  trx: Trx,
  sessionId: string,
  gaps: readonly Pick<Gap, "from_seq" | "to_seq">[],
): Promise<number> {
  const session = await lockSession(trx, sessionId);
  const turns = await trx
    .selectFrom("turns")
    .select(["id", "status", "after_seq"])
    .where("session_id", "=", sessionId)
    .orderBy("after_seq")
    .execute();
  const messages = await trx
    .selectFrom("messages")
    .select(["turn_id", "position", "role", "content"])
    .where("session_id", "=", sessionId)
    .orderBy("position")
    .execute();
  const marks = await trx
    .selectFrom("chunks")
    .select(["turn_id", "type"])
    .distinct()
    .where("session_id", "=", sessionId)
    .where("type", "in", [...FINAL_TYPES, "assistant_message", "snapshot"])
    // What a command said is no part of the answer. In a text these marks would be escaped.
    .where("payload", "not like", '%"of":"tool_output"%')
    .execute();
  const turnsWith = (types: readonly string[]) =>
    new Set(marks.filter(({ type }) => types.includes(type)).map(({ turn_id }) => turn_id));
  const log = {
    session,
    turns,
    messages,
    closed: turnsWith(FINAL_TYPES),
    spoken: turnsWith(["assistant_message", "snapshot"]),
  };
  const rows = gaps.flatMap((gap) => fill(gap, log));
  for (const { payload, ...row } of rows) {
    await trx
      .insertInto("chunks")
      .values({ session_id: sessionId, ...row, payload: JSON.stringify(payload) })
      .execute();
  }
  return rows.filter(({ type, payload }) => type === "snapshot" && payload["content"] === "")
    .length;
}

interface Log {
  session: { title: string; agent_type: string; model: string | null; last_seq: number };
  turns: readonly TurnSpan[];
  messages: readonly Said[];
  /** Turns whose end is in the log. */
  closed: Set<string | null>;
  /** Turns of whose answer a part is in the log: it must not be said twice. */
  spoken: Set<string | null>;
}

function fill({ from_seq, to_seq }: Pick<Gap, "from_seq" | "to_seq">, log: Log): Filler[] {
  const within = (seq: number) => seq >= from_seq && seq <= to_seq;
  const known = new Map<number, Filler>();
  const put = (filler: Filler) => within(filler.seq) && known.set(filler.seq, filler);
  if (from_seq === 1) {
    const { title, agent_type, model } = log.session;
    put({
      seq: 1,
      turn_id: null,
      type: "session_info",
      payload: { metadata: { title, agent_type, model } },
    });
  }
  for (const [index, turn] of log.turns.entries()) {
    const end = finalTypeOf(turn);
    if (!end || log.closed.has(turn.id)) continue;
    const last = log.turns[index + 1]?.after_seq ?? log.session.last_seq;
    put({ seq: last, turn_id: turn.id, type: end, payload: { metadata: { lost: true } } });
  }
  // What was said goes before what is concluded.
  for (const { turn_id, position, role, content } of log.messages) {
    if (role === "user") {
      put({ seq: position, turn_id, type: "user_message", payload: { content } });
    }
  }

  const starts = [...known.keys(), ...log.turns.map(({ after_seq }) => after_seq + 1)];
  const rows = [...known.values()];
  for (const run of runsBetween(from_seq, to_seq, known, starts)) {
    const turn_id = log.turns.findLast(({ after_seq }) => after_seq < run.from)?.id ?? null;
    // Stored with the chunk that comes right after the words of the answer.
    const said = log.messages.find(
      (message) =>
        message.role === "assistant" &&
        message.turn_id === turn_id &&
        message.position >= run.from &&
        message.position <= run.to + 1,
    );
    const content = said && !log.spoken.has(turn_id) ? said.content : undefined;
    if (content !== undefined) log.spoken.add(turn_id);
    rows.push({
      seq: run.to,
      turn_id,
      type: "snapshot",
      payload: {
        content: content ?? "",
        metadata: {
          from_seq: run.from,
          of: "assistant_message",
          ...(content === undefined ? { lost: true } : {}),
        },
      },
    });
  }
  return rows.toSorted((a, b) => a.seq - b.seq);
}

/** The numbers of a gap that nothing is known of, as runs that belong to one turn each. */
function runsBetween(
  from: number,
  to: number,
  known: ReadonlyMap<number, Filler>,
  starts: readonly number[],
): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (let seq = from; seq <= to; seq++) {
    if (known.has(seq)) continue;
    const run = runs.at(-1);
    if (run && run.to === seq - 1 && !starts.includes(seq)) run.to = seq;
    else runs.push({ from: seq, to: seq });
  }
  return runs;
}

function finalTypeOf({ status }: TurnSpan): ChunkType | undefined {
  return FINAL_TYPES.find((type) => type === status);
}

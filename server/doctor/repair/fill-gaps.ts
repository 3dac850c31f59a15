// A hole in a session's log would make every reader wait for ever at its edge, and the numbers it
// had cannot be given again. So it is filled: with what the messages still say, and else with a
// `snapshot` that says that something is lost.
import { conversation, type MessageRow } from "../../db/tables/messages.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { lockSession } from "../../db/tables/sessions.ts";
import type { TurnRow } from "../../db/tables/turns.ts";
import { FINAL_TYPES, type NewChunk } from "../../protocol/chunks.ts";
import { ERROR_CODES } from "../../protocol/errors.ts";
import { estimateTokens } from "../../shared/tokens.ts";
import type { Gap } from "../check/find-faults.ts";

type Said = Pick<MessageRow, "turn_id" | "position" | "role" | "content" | "status">;

interface Filler {
  seq: number;
  turn_id: string | null;
  chunk: NewChunk;
}

/**
 * Fills the gaps of one session; call it in a unit of work. Returns how many places have
 * lost their words for good.
 */
export async function fillGaps(
  trx: Trx,
  sessionId: string,
  gaps: readonly Pick<Gap, "from_seq" | "to_seq">[],
): Promise<number> {
  const session = await lockSession(trx, sessionId);
  const turns = await trx
    .selectFrom("turns")
    .selectAll()
    .where("session_id", "=", sessionId)
    .orderBy("after_seq")
    .execute();
  const messages = await trx
    .selectFrom("messages")
    .select(["turn_id", "position", "role", "content", "status"])
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
    size: await wordsIn(trx, sessionId),
    closed: turnsWith(FINAL_TYPES),
    spoken: turnsWith(["assistant_message", "snapshot"]),
  };
  const rows = gaps.flatMap((gap) => fill(gap, log));
  for (const { chunk, ...row } of rows) {
    const { type, ...payload } = chunk;
    await trx
      .insertInto("chunks")
      .values({ session_id: sessionId, ...row, type, payload: JSON.stringify(payload) })
      .execute();
  }
  return rows.filter(({ chunk }) => chunk.type === "snapshot" && chunk.metadata.lost).length;
}

interface Log {
  session: { title: string; agent_type: string; model: string | null; last_seq: number };
  turns: readonly TurnRow[];
  messages: readonly Said[];
  /** What the conversation measures, in tokens. */
  size: number;
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
    const metadata = { title, agent_type, model };
    put({ seq: 1, turn_id: null, chunk: { type: "session_info", metadata } });
  }
  for (const [index, turn] of log.turns.entries()) {
    const own = log.messages.filter(({ turn_id }) => turn_id === turn.id);
    const chunk = lostEnd(turn, own, log.size);
    if (!chunk || log.closed.has(turn.id)) continue;
    const last = log.turns[index + 1]?.after_seq ?? log.session.last_seq;
    put({ seq: last, turn_id: turn.id, chunk });
  }
  // What was said goes before what is concluded.
  for (const { turn_id, position, role, content } of log.messages) {
    const turn = log.turns.find(({ id }) => id === turn_id);
    if (role === "user" && turn) {
      const metadata = { model: turn.model, agent_type: turn.agent_type };
      put({ seq: position, turn_id, chunk: { type: "user_message", content, metadata } });
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
    const lost = content === undefined ? ({ lost: true } as const) : {};
    const metadata = { from_seq: run.from, of: "assistant_message", ...lost } as const;
    const chunk = { type: "snapshot", content: content ?? "", metadata } as const;
    rows.push({ seq: run.to, turn_id, chunk });
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

/**
 * An estimate of the whole conversation, in tokens, of nothing but its words: the
 * rest may be what is damaged.
 */
export async function wordsIn(trx: Trx, sessionId: string): Promise<number> {
  const said = await conversation(trx, sessionId);
  return estimateTokens(said.map(({ content }) => content).join("\n"));
}

/**
 * In the place of an end that is lost: what the turn's row still says of it. Undefined of a
 * turn that has not ended.
 */
export function lostEnd(
  { status, agent_type, model, error_code, started_at, ended_at }: TurnRow,
  messages: readonly Pick<MessageRow, "role" | "status" | "content">[],
  context_tokens: number,
): NewChunk | undefined {
  const lost = true;
  if (status === "done") {
    const elapsed_ms = Math.max(0, (ended_at ?? started_at) - started_at);
    const metadata = { model, agent_type, finish_reason: "other", elapsed_ms } as const;
    return { type: "done", metadata: { ...metadata, context_tokens, lost } };
  }
  if (status !== "error" && status !== "interrupted") return undefined;
  const kept = messages.findLast((one) => one.role === "assistant" && one.status === "partial");
  const usual = status === "error" ? "storage_corrupt" : "server_restarted";
  const code = ERROR_CODES.find((known) => known === error_code) ?? usual;
  const metadata = { code, kept_chars: kept?.content.length ?? 0, retryable: true, lost } as const;
  const told = "What was said of how this turn ended is lost; what is above was kept.";
  return status === "error"
    ? { type: "error", error: told, metadata }
    : { type: "interrupted", content: told, metadata };
}

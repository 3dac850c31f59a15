// A database as it is after years: a session of 10,000 messages, and 100,000 messages in others.
// Written through the program's own repositories and compacted by them.
import { v7 as uuid } from "uuid";
import { RecentTransactions } from "../../server/db/commit/recent-transactions.ts";
import { SSEUnitOfWork, type UnitOfWorkDeps } from "../../server/db/commit/unit-of-work.ts";
import { openDatabase } from "../../server/db/open.ts";
import type { DatabaseSource, OpenedDatabase } from "../../server/db/opened-database.ts";
import { appendChunks } from "../../server/db/tables/chunks.ts";
import { compactStep, STEP_ROWS, turnsToCompact } from "../../server/db/tables/compaction.ts";
import { insertMessage } from "../../server/db/tables/messages.ts";
import { insertSession } from "../../server/db/tables/sessions.ts";
import { endTurn, insertTurn } from "../../server/db/tables/turns.ts";
import { createLog } from "../../server/log.ts";
import { createMetrics } from "../../server/observe/metrics.ts";
import type { NewChunk } from "../../server/protocol/chunks.ts";

export const LONG_SESSION = uuid();

const WORDS =
  "the stream of a server keeps every word that was committed before anyone has seen it while readers come and go with their cursors and nothing is lost when power disk network or process end in the middle of an answer because one transaction holds what belongs together".split(
    " ",
  );

/** Deterministic, so that each run searches the same text. */
export function createText(): (words: number) => string {
  let state = 42;
  const next = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state;
  };
  return (words) =>
    Array.from({ length: words }, () =>
      next() % 7 === 0 ? next().toString(36) : (WORDS[next() % WORDS.length] ?? ""),
    ).join(" ");
}

/** `where`: a path or the URL of a database without anything in it. */
export async function withEmpty(
  where: string,
  write: (database: OpenedDatabase, deps: UnitOfWorkDeps) => Promise<void>,
): Promise<void> {
  const log = createLog("error");
  const database = await openDatabase(sourceOf(where), log, "balanced");
  const { writer: db, commitGroup: group, appendLog, insertGroup, tail, health } = database;
  const metrics = createMetrics("bench");
  const recent = new RecentTransactions(60);
  try {
    const deps = { db, group, appendLog, insertGroup, tail, health, metrics, log, recent };
    await write(database, deps);
  } finally {
    await database.close();
  }
}

export function sourceOf(where: string): DatabaseSource {
  return where.startsWith("postgres")
    ? { engine: "postgres", url: where }
    : { engine: "sqlite", path: where };
}

export async function writeHistory(
  database: OpenedDatabase,
  deps: UnitOfWorkDeps,
  messages: number,
): Promise<void> {
  const textOf = createText();
  const perSession = 50;
  await writeSession(deps, LONG_SESSION, 5_000, textOf);
  for (let n = 0; n < messages / perSession; n++) {
    await writeSession(deps, uuid(), perSession / 2, textOf);
  }
  const uow = new SSEUnitOfWork(deps);
  for (;;) {
    const turnsLeft = await turnsToCompact(database.reader, Date.now() + 1_000, 50);
    if (turnsLeft.length === 0) break;
    await uow.commit("compact_turn", async (trx) => {
      for (const turn of turnsLeft) await compactStep(trx, turn, STEP_ROWS);
    });
  }
  uow.close();
}

async function writeSession(
  deps: UnitOfWorkDeps,
  id: string,
  turns: number,
  textOf: (words: number) => string,
): Promise<void> {
  const uow = new SSEUnitOfWork(deps);
  await uow.commit("create_session", async (trx) => {
    await insertSession(trx, { id, title: textOf(4), agent_type: "universal", model: "bench/1x1" });
  });
  for (let start = 0; start < turns; start += 50) {
    await uow.commit("import_messages", async (trx) => {
      for (let n = start; n < Math.min(start + 50, turns); n++) {
        const turn_id = uuid();
        const writer = { sessionId: id, turnId: turn_id, fence: undefined };
        const question = textOf(12);
        const answer = textOf(90);
        const by = { model: "bench/1x1", agent_type: "universal" };
        const end = { ...by, finish_reason: "stop", elapsed_ms: 0, context_tokens: 0 } as const;
        const chunks: NewChunk[] = [
          { type: "user_message", content: question, metadata: by },
          { type: "assistant_message", token: answer },
          { type: "done", metadata: end },
        ];
        const { chunks: stored } = await appendChunks(trx, writer, chunks, turn_id);
        const first = stored[0]?.seq ?? 1;
        const common = { session_id: id, turn_id, status: "complete" as const, metadata: {} };
        await insertTurn(trx, {
          id: turn_id,
          session_id: id,
          agent_type: "universal",
          model: "bench/1x1",
          after_seq: first - 1,
        });
        await insertMessage(trx, { ...common, position: first, role: "user", content: question });
        await insertMessage(trx, {
          ...common,
          position: first + 2,
          role: "assistant",
          content: answer,
        });
        await endTurn(trx, turn_id, { status: "done" });
      }
    });
  }
  uow.close();
}

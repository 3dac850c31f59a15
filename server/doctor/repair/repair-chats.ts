// Mends what find-faults.ts finds, session by session, each step a transaction of its own. No words
// that can be read are removed or changed.
import { sql } from "kysely";
import type { ChatDeps } from "../../chat/deps.ts";
import { closeTurn, ENDINGS } from "../../chat/turn/close-turn.ts";
import { recoverTurns } from "../../chat/turn/recover-turns.ts";
import { farFence } from "../../db/tables/epochs.ts";
import { insertMessage, turnMessages } from "../../db/tables/messages.ts";
import { removeQueued } from "../../db/tables/queue.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { lockSession } from "../../db/tables/sessions.ts";
import { findTurn } from "../../db/tables/turns.ts";
import { DEFAULT_AGENT } from "../../domain/agents.ts";
import type { Operation } from "../../observe/operations.ts";
import { findWrongMessages, mendMessage } from "../check/compare-messages.ts";
import { findWrongVersions, mendVersions } from "../check/compare-versions.ts";
import {
  countUnsearchable,
  type Engine,
  findDangling,
  findGaps,
  findLostMessages,
  findOrphans,
  findSentTwice,
  findShortCursors,
  findStray,
  findStuck,
  findUnended,
  findUnreadable,
  type LostMessage,
} from "../check/find-faults.ts";
import { counted } from "../check/report.ts";
import { fillGaps, lostEnd, wordsIn } from "./fill-gaps.ts";
import { rebuildSearch } from "./repair-search.ts";

export type RepairDeps = Pick<ChatDeps, "newUnitOfWork"> &
  Parameters<typeof recoverTurns>[0] & { engine: Engine };

/**
 * Returns what it has done, in words. Call it under the leader lock on SQLite; on Postgres
 * each step locks its session.
 */
export async function repairChats(deps: RepairDeps): Promise<string[]> {
  return [
    ...(await adoptOrphans(deps)),
    ...(await raiseCursors(deps)),
    ...(await fillLogs(deps)),
    ...(await endTurns(deps)),
    ...(await sayEnds(deps)),
    ...(await closeCalls(deps)),
    ...(await unqueueSent(deps)),
    ...(await restoreMessages(deps)),
    ...(await showVersions(deps)),
    ...(await mendSearch(deps)),
  ];
}

/** In the place of a session's row that is gone. */
export function recoveredSession(id: string, now: number) {
  const times = { created_at: now, updated_at: now };
  const place = { last_seq: 0, lease_fence: farFence() };
  return {
    id,
    title: "Recovered chat",
    agent_type: DEFAULT_AGENT,
    model: null,
    ...times,
    ...place,
  };
}

/**
 * Rows without the row they belong to get one: better a chat without its name than
 * words that nobody finds.
 */
async function adoptOrphans(deps: RepairDeps): Promise<string[]> {
  const { sessions, turns } = await findOrphans(deps.reader);
  if (sessions.length + turns.length === 0) return await removeStray(deps);
  const now = Date.now();
  await commit(deps, async (trx) => {
    for (const id of sessions) {
      await trx.insertInto("sessions").values(recoveredSession(id, now)).execute();
    }
    for (const { turn_id, session_id, after_seq } of turns) {
      await trx
        .insertInto("turns")
        .values({
          id: turn_id,
          session_id,
          status: "interrupted",
          agent_type: DEFAULT_AGENT,
          model: "",
          after_seq: Math.max(after_seq, 0),
          started_at: now,
          ended_at: now,
        })
        .execute();
    }
  });
  return [
    `Made ${counted(sessions.length, "session")} and ${counted(turns.length, "turn")} anew that rows belong to.`,
    ...(await removeStray(deps)),
  ];
}

/**
 * What refers to a row that nothing else needs: which request made which turn,
 * what a client once offered.
 */
async function removeStray(deps: RepairDeps): Promise<string[]> {
  const stray = await findStray(deps.reader, deps.engine);
  for (const { table, rowid } of stray) {
    await commit(deps, async (trx) => {
      await sql`delete from ${sql.table(table)} where rowid = ${rowid}`.execute(trx);
    });
  }
  return told(stray.length, `Removed ${counted(stray.length, "row")} of bookkeeping.`);
}

async function raiseCursors(deps: RepairDeps): Promise<string[]> {
  const short = await findShortCursors(deps.reader, deps.engine);
  for (const { session_id, newest } of short) {
    await commit(deps, async (trx) => {
      await trx
        .updateTable("sessions")
        .set({ last_seq: newest })
        .where("id", "=", session_id)
        .where("last_seq", "<", newest)
        .execute();
    });
  }
  return told(short.length, `Set ${counted(short.length, "session")} to the end of their log.`);
}

async function fillLogs(deps: RepairDeps): Promise<string[]> {
  const unreadable = await findUnreadable(deps.reader, deps.engine);
  for (const { session_id, seq } of unreadable) {
    await commit(deps, async (trx) => {
      await trx
        .deleteFrom("chunks")
        .where("session_id", "=", session_id)
        .where("seq", "=", seq)
        .execute();
    });
  }
  const bySession = Map.groupBy(await findGaps(deps.reader, deps.engine), (gap) => gap.session_id);
  let lost = 0;
  for (const [sessionId, gaps] of bySession) {
    lost += await commit(deps, (trx) => fillGaps(trx, sessionId, gaps));
  }
  const rest = lost === 0 ? "all from their messages" : `${counted(lost, "place")} marked as lost`;
  return told(bySession.size, `Closed the gaps of ${counted(bySession.size, "log")}: ${rest}.`);
}

async function endTurns(deps: RepairDeps): Promise<string[]> {
  const recovered = await recoverTurns(deps);
  const stuck = await findStuck(deps.reader);
  for (const { session_id: sessionId, turn_id: turnId } of stuck) {
    await deps.write({ operation: OPERATION, sessionId, turnId }, async ({ trx, append }) => {
      await closeTurn(trx, append, { sessionId, turnId }, ENDINGS.server_restarted);
    });
  }
  const ended = recovered + stuck.length;
  return told(ended, `Ended ${counted(ended, "turn")} as interrupted, with the words kept.`);
}

async function sayEnds(deps: RepairDeps): Promise<string[]> {
  const unended = await findUnended(deps.reader);
  for (const { session_id: sessionId, turn_id: turnId } of unended) {
    await deps.write({ operation: OPERATION, sessionId, turnId }, async ({ trx, append }) => {
      const turn = await findTurn(trx, turnId);
      const end =
        turn && lostEnd(turn, await turnMessages(trx, turnId), await wordsIn(trx, sessionId));
      if (end) await append([end]);
    });
  }
  return told(unended.length, `Said in the log that ${counted(unended.length, "turn")} had ended.`);
}

async function closeCalls(deps: RepairDeps): Promise<string[]> {
  const dangling = await findDangling(deps.reader);
  for (const { session_id, call_id } of dangling) {
    await commit(deps, async (trx) => {
      await trx
        .updateTable("tool_calls")
        .set({
          status: "cancelled",
          error: "The call was closed before it had a result.",
          ended_at: Date.now(),
        })
        .where("session_id", "=", session_id)
        .where("call_id", "=", call_id)
        .execute();
    });
  }
  return told(dangling.length, `Closed ${counted(dangling.length, "tool call")}.`);
}

async function unqueueSent(deps: RepairDeps): Promise<string[]> {
  const twice = await findSentTwice(deps.reader);
  for (const row of twice) await commit(deps, (trx) => removeQueued(trx, row));
  return told(twice.length, `Let ${counted(twice.length, "message")} that was sent wait no more.`);
}

async function restoreMessages(deps: RepairDeps): Promise<string[]> {
  let restored = 0;
  for (const lost of await findLostMessages(deps.reader)) {
    if (await commit(deps, (trx) => restoreQuestion(trx, lost))) restored++;
  }
  let changed = 0;
  for (const wrong of await findWrongMessages(deps.reader)) {
    if (!(await commit(deps, (trx) => mendMessage(trx, wrong)))) continue;
    if (wrong.is === "missing") restored++;
    else changed++;
  }
  // Postgres keeps its index itself.
  if (changed > 0 && deps.engine === "sqlite") await rebuildIndex(deps);
  return [
    ...told(restored, `Took ${counted(restored, "message")} from the log.`),
    ...told(changed, `Let ${counted(changed, "message")} say what the log says.`),
  ];
}

async function restoreQuestion(trx: Trx, lost: LostMessage): Promise<boolean> {
  const { session_id, turn_id, position } = lost;
  await lockSession(trx, session_id);
  const content = await askedAt(trx, lost);
  if (content === "") return false;
  const question = { role: "user", status: "complete", metadata: {} } as const;
  await insertMessage(trx, { session_id, turn_id, position, content, ...question });
  return true;
}

/** Empty once compaction has made it refer to the message that is lost. */
async function askedAt(trx: Trx, { session_id, position }: LostMessage): Promise<string> {
  const row = await trx
    .selectFrom("chunks")
    .select("payload")
    .where("session_id", "=", session_id)
    .where("seq", "=", position)
    .executeTakeFirst();
  const { content = "" } = JSON.parse(row?.payload ?? "{}") as { content?: string };
  return content;
}

async function showVersions(deps: RepairDeps): Promise<string[]> {
  const wrong = await findWrongVersions(deps.reader);
  for (const one of wrong) await commit(deps, (trx) => mendVersions(trx, one));
  const said = `Let models be told the version that is shown, in ${counted(wrong.length, "chat")}.`;
  return told(wrong.length, said);
}

async function mendSearch(deps: RepairDeps): Promise<string[]> {
  if ((await countUnsearchable(deps.reader, deps.engine)) === 0) return [];
  await rebuildIndex(deps);
  return ["Built the index of the search anew."];
}

export async function rebuildIndex(deps: RepairDeps): Promise<void> {
  await rebuildSearch(deps.newUnitOfWork());
}

/** All indexes anew from their tables. */
export async function reindex(deps: RepairDeps): Promise<void> {
  await commit(deps, async (trx) => {
    await sql`reindex`.execute(trx);
  });
}

const OPERATION: Operation = "repair";

async function commit<T>(deps: RepairDeps, work: (trx: Trx) => Promise<T>): Promise<T> {
  return await deps.newUnitOfWork().commit(OPERATION, work);
}

function told(count: number, words: string): string[] {
  return count === 0 ? [] : [words];
}

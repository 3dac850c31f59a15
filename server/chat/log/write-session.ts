import { v7 as uuid } from "uuid";
import { insertRows, type NewRows } from "../../db/commit/new-rows.ts";
import type { AfterCommit, SSEUnitOfWork } from "../../db/commit/unit-of-work.ts";
import type { UnitsOfWork } from "../../db/commit/units-of-work.ts";
import {
  appendChunks,
  begunAt,
  chunkRow,
  committedAt,
  type Numbered,
  numberedFrom,
  toAppend,
} from "../../db/tables/chunks.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { lockLeased, lockSession, type SessionState } from "../../db/tables/sessions.ts";
import type { Operation } from "../../observe/operations.ts";
import type { NewChunk, StreamChunk } from "../../protocol/chunks.ts";
import type { Hub } from "./hub.ts";

const WRITER = uuid();
let commits = 0;

/** Unique like a UUID, but without random bytes for each of thousands a second. */
function nextCommitId(): string {
  return `${WRITER}-${++commits}`;
}

export interface Step {
  operation: Operation;
  sessionId: string;
  turnId?: string;
  /**
   * The fencing number of the lease this step writes under; absent for steps that
   * take the lease themselves.
   */
  fence?: number;
  /** It makes the session. */
  begins?: boolean;
}

/**
 * Stores chunks as the session's next ones, of the step's turn or of the one named (a message
 * closes the turn before it in its own step); they are published once the step has committed.
 */
export type Append = (
  chunks: readonly NewChunk[],
  ofTurnId?: string,
) => Promise<{
  chunks: StreamChunk[];
  /** A turn of this session that somebody asked to stop. */
  cancelTurnId: string | null;
}>;

/** Chunks that a step stores with its other rows. */
export interface NumberedChunks {
  chunks: StreamChunk[];
  rows: ReturnType<typeof chunkRow>[];
  /** What the session's row has to say of them, for the step to write. */
  columns: { last_seq: number; last_commit: string; updated_at: number };
}

/**
 * Numbers the session's next chunks, each of its turn or of none; published once the step has
 * committed. The session's row is locked, or made by this step.
 */
export type NumberChunks = (lastSeq: number, said: Said) => NumberedChunks;
type Said = readonly { chunk: NewChunk; turnId?: string }[];

/** What a step works with. `session`: its row, locked; `append` moves its `last_seq` on. */
export interface Writing {
  trx: Trx;
  append: Append;
  number: NumberChunks;
  session: SessionState;
}

/**
 * One step of a session as one transaction; see `writeSession`. Rejects with `not_found`
 * where the session is gone.
 */
export type Write = <T>(
  step: Omit<Step, "fence">,
  work: (writing: Writing) => Promise<T>,
) => Promise<T>;

/**
 * The way every step is written that holds no lease: its session is locked
 * before `work` reads anything.
 */
export function sessionWriter(hub: Hub, newUnitOfWork: UnitsOfWork): Write {
  return (step, work) =>
    writeSession(hub, newUnitOfWork(step), step, async (trx, append, number) => {
      const session = await lockSession(trx, step.sessionId);
      const appending: Append = async (chunks, ofTurnId) => {
        const appended = await append(chunks, ofTurnId);
        session.last_seq += chunks.length;
        return appended;
      };
      return await work({ trx, append: appending, number, session });
    });
}

/**
 * The step that makes a session with its first chunks, with which it resolves, and only inserts.
 * `more`: what cannot be inserted with others' rows.
 */
export async function beginSession(
  hub: Hub,
  uow: SSEUnitOfWork,
  { operation, sessionId }: Pick<Step, "operation" | "sessionId">,
  rowsWith: (number: (said: Said) => NumberedChunks) => NewRows,
  more?: (trx: Trx) => Promise<void>,
): Promise<readonly StreamChunk[]> {
  const commitId = nextCommitId();
  let chunks: readonly StreamChunk[] = [];
  const rows = rowsWith((said) => {
    const numbered = numberAfter(0, sessionId, said, commitId);
    chunks = numbered.chunks;
    return numbered;
  });
  const publish = () => hub.publish(sessionId, chunks);
  const readBack = (trx: Trx) => begunAt(trx, sessionId, commitId);
  const work = async (trx: Trx, afterCommit: AfterCommit) => {
    afterCommit(publish);
    await insertRows(trx, rows);
    await more?.(trx);
  };
  if (more) await uow.commit(operation, work, readBack);
  else await uow.insert(operation, rows, publish, readBack);
  return chunks;
}

function numberAfter(
  lastSeq: number,
  sessionId: string,
  said: Said,
  commitId: string,
): NumberedChunks {
  const chunks = said.flatMap(({ chunk, turnId }, index) =>
    numberedFrom({ sessionId, turnId }, [chunk], lastSeq + index + 1),
  );
  const last_seq = lastSeq + said.length;
  const columns = { last_seq, last_commit: commitId, updated_at: Date.now() };
  return { chunks, rows: chunks.map(chunkRow), columns };
}

/**
 * One step of a session as one transaction: `work` writes its rows and appends its chunks; readers
 * see the chunks after the commit and never before. Under a lease the row is locked before `work`
 * reads anything: what it concludes from the log stays true, since an append that was given up on
 * either came before, or finds the lease's number changed or the log grown. If the connection
 * breaks during COMMIT, the session's row tells whether the step took effect.
 */
export async function writeSession<T>(
  hub: Hub,
  uow: SSEUnitOfWork,
  step: Step,
  work: (trx: Trx, append: Append, number: NumberChunks, lastSeq: number) => Promise<T>,
): Promise<T> {
  const { operation, sessionId, turnId, fence, begins } = step;
  const commitId = nextCommitId();
  let appended = false;
  return await uow.commit(
    operation,
    async (trx, afterCommit) => {
      const lastSeq = fence === undefined ? 0 : await lockLeased(trx, sessionId, fence);
      const append: Append = async (chunks, ofTurnId = turnId) => {
        appended = true;
        const writer = { sessionId, turnId: ofTurnId, fence };
        const result = await appendChunks(trx, writer, chunks, commitId);
        afterCommit(() => hub.publish(sessionId, result.chunks));
        return result;
      };
      const number: NumberChunks = (after, said) => {
        appended = true;
        const numbered = numberAfter(after, sessionId, said, commitId);
        afterCommit(() => hub.publish(sessionId, numbered.chunks));
        return numbered;
      };
      return await work(trx, append, number, lastSeq);
    },
    async (trx) =>
      appended &&
      (begins
        ? await begunAt(trx, sessionId, commitId)
        : (await committedAt(trx, sessionId, commitId)) !== undefined),
  );
}

/**
 * Appends a running turn's chunks, under its lease, in a commit shared with other streams; see
 * `SSEUnitOfWork.put` for `settle`. It is told of the turn of this session that somebody asked to
 * stop, if any, and of where the log stands. `writer.lastSeq`: as far as it knew.
 */
export function appendToSession(
  hub: Hub,
  uow: SSEUnitOfWork,
  writer: { sessionId: string; turnId: string; fence: number; lastSeq: number },
  chunks: readonly NewChunk[],
  settle: (numbered: Numbered | undefined, error?: unknown) => void,
): void {
  const { sessionId, turnId, fence, lastSeq: after } = writer;
  const append = toAppend({ sessionId, turnId, fence, after }, chunks, nextCommitId());
  const publish = ({ lastSeq }: Numbered) =>
    hub.publish(sessionId, numberedFrom(writer, chunks, lastSeq), append.rows);
  uow.put("append_chunks", append, publish, settle);
}

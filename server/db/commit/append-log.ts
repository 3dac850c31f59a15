// The hot path: what a model says is appended to the logs of many sessions in one physical commit.
import { ChatError } from "../../errors.ts";
import type { PhysicalCommit } from "./commit-group.ts";
import type { Tail } from "./tail.ts";

/** Chunks to be stored as the next ones of a session, by the holder of its lease. */
export interface AppendRequest {
  sessionId: string;
  turnId: string;
  fence: number;
  /**
   * The newest `seq` that the writer knows of: it says what comes right after. So a statement
   * that was given up on, and is carried out later by a server that has not noticed, writes in
   * its own place or not at all: never a second time, never behind what was said meanwhile.
   */
  after: number;
  /** On SQLite it tells whether a commit took effect whose answer was lost. */
  commitId: string;
  rows: { type: string; payload: string }[];
}

/**
 * The appends of a group as columns: a thread is handed some lists much sooner
 * than many small objects.
 */
export interface PackedAppends {
  sessionIds: string[];
  turnIds: string[];
  fences: number[];
  commitIds: string[];
  /** Where each session's log ends, as far as its row does not say so yet. */
  lastSeqs: number[];
  /** In the tail, of the first row of all. */
  firstPosition: number;
  /** Where the rows of each append begin in `types` and `payloads`. */
  starts: number[];
  types: string[];
  payloads: string[];
}

export function pack(
  appends: readonly AppendRequest[],
  tail: Pick<Tail, "newestSeq" | "take">,
): PackedAppends {
  const packed: PackedAppends = {
    sessionIds: [],
    turnIds: [],
    fences: [],
    commitIds: [],
    lastSeqs: [],
    firstPosition: tail.take(appends.reduce((count, { rows }) => count + rows.length, 0)),
    starts: [],
    types: [],
    payloads: [],
  };
  for (const { sessionId, turnId, fence, commitId, rows } of appends) {
    packed.sessionIds.push(sessionId);
    packed.turnIds.push(turnId);
    packed.fences.push(fence);
    packed.commitIds.push(commitId);
    packed.lastSeqs.push(tail.newestSeq(sessionId, 0));
    packed.starts.push(packed.types.length);
    for (const { type, payload } of rows) {
      packed.types.push(type);
      packed.payloads.push(payload);
    }
  }
  return packed;
}

/**
 * `began` and `worked`: `performance.now()` when its transaction began and when
 * only the COMMIT was left.
 */
export type AppendResult = { began: number; worked: number } & PhysicalCommit &
  (
    | { status: "committed"; lastSeq: number; cancelTurnId: string | null }
    /** Nothing stored; or, in stage `commit` with the connection lost, nobody knows. */
    | { status: "failed"; stage: "work" | "commit"; error: unknown }
  );

/**
 * Appends for many streams at once. Each succeeds or fails alone: a lost lease fails
 * its own append, and if a statement or the COMMIT of the whole group fails, each
 * append is tried again on its own.
 */
export interface AppendLog {
  append(append: AppendRequest): Promise<AppendResult>;
  /** `append` without a promise; undefined: it would have rejected. */
  put(
    append: AppendRequest,
    settle: (result: AppendResult | undefined, error?: unknown) => void,
  ): void;
  /** Milliseconds of the last so many in which a checkpoint ran. */
  checkpointMs(lastMs: number): number;
  close(): Promise<void>;
}

export function refusalOf(sessionExists: boolean): ChatError {
  return sessionExists
    ? new ChatError("lease_lost", "Another companion has taken over this session.", {
        hint: "What was shown is saved. Reload the session to go on.",
      })
    : new ChatError("not_found", "This session was deleted.");
}

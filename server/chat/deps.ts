import type { RecentTransactions } from "../db/commit/recent-transactions.ts";
import type { UnitsOfWork } from "../db/commit/units-of-work.ts";
import type { OpenedDatabase } from "../db/opened-database.ts";
import type { NewMessageRow } from "../db/tables/messages.ts";
import type { Reader } from "../db/tables/schema.ts";
import type { Instruction } from "../domain/instructions.ts";
import type { Offer } from "../domain/offer.ts";
import type { ChatError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { PageAccess } from "../pages/page-connections.ts";
import type { ModelList, Ready } from "../protocol/responses.ts";
import type { Sampling } from "../protocol/sampling.ts";
import type { ResolvedModel } from "../providers/catalog.ts";
import type { HeldAnswer, Usage } from "../providers/provider.ts";
import type { Repeating } from "../shared/every.ts";
import type { Hub } from "./log/hub.ts";
import type { Peers } from "./log/peer-notify.ts";
import type { SessionLock } from "./log/session-lock.ts";
import type { Write } from "./log/write-session.ts";

/** The part of the model catalog that clients see. */
export interface ModelDirectory {
  list(): Promise<ModelList>;
  setKey(provider: string, key: string | undefined, baseUrl: string | undefined): void;
  removeKey(provider: string): void;
}

/** Whether storing works, asked for or not. */
export interface StorageWatch extends Repeating {
  /** Why nothing can be stored, as found out a moment ago; undefined if it can. */
  check(): Promise<ChatError | undefined>;
  /** For who looks all the time, so that they see it soon. */
  glance(): void;
}

/** The turns that this companion runs. */
export interface RunningTurns {
  readonly count: number;
  readonly draining: boolean;
  isRunning(sessionId: string): boolean;
  /** Rejects new work once `retire` or `drain` was called. */
  refuseWhenDraining(): void;
  /** How far the log of each running turn's session has come, as its writer knows. */
  written(): Iterable<readonly [sessionId: string, seq: number]>;
  /**
   * Does the work that may launch a turn, so that `retire` waits for that, too. Rejects like
   * `refuseWhenDraining`.
   */
  begin<T>(work: () => Promise<T>): Promise<T>;
  /** Lets a turn whose lease was taken run in the background. */
  launch(turn: LeasedTurn): void;
  /** Stops the session's turn, wherever it runs, and resolves when its end is committed. */
  cancel(sessionId: string): Promise<{ turn_id: string | null }>;
  /**
   * Stops what somebody asked to stop at another companion, before the next heartbeat would tell.
   */
  stopIfAsked(sessionIds: readonly string[]): Promise<void>;
  /**
   * After a sleep: a heartbeat at once, or the end of what somebody else has taken over meanwhile.
   */
  wake(): Promise<void>;
  /** Takes nothing new, and resolves when all that runs has ended by itself. */
  retire(): Promise<void>;
  /** Ends all turns as interrupted and resolves when that is committed. */
  drain(): Promise<void>;
}

/** The calls that companions run themselves. */
export interface CompanionCalls {
  /** Runs what waits in a session. Never rejects. */
  look(sessionId: string): Promise<void>;
  /** Whoever ran it has not come back. */
  again(sessionId: string, callId: string): Promise<void>;
  /** Nobody waits for them any more. */
  stop(sessionId: string): void;
}

/** What the rooms of the chat need: one record, put together in compose.ts. */
export interface ChatDeps {
  database: OpenedDatabase;
  reader: Reader;
  /** A fresh unit of work for one stream. */
  newUnitOfWork: UnitsOfWork;
  /** A step of a session that holds no lease, in one transaction. */
  write: Write;
  hub: Hub;
  metrics: Metrics;
  log: Log;
  recent: RecentTransactions;
  models: ModelDirectory;
  /** Rejects with `model_unknown` or `key_missing`. */
  resolveModel(id: string | null): ResolvedModel;
  /** This companion's name on the leases it holds. */
  owner: string;
  /** Aborts when this companion shuts down for good. */
  closing: AbortSignal;
  /** The other companions on the same database. */
  peers: Peers;
  /** No other companion can use this database (SQLite, under the leader lock). */
  soleCompanion: boolean;
  /** Whether an answer whose companion has died is continued by another. */
  continuesAnswers: boolean;
  /** One request for a session after the other. */
  lock: SessionLock;
  turns: RunningTurns;
  companionCalls: CompanionCalls;
  /** Which pages of the web may be fetched. */
  pages: PageAccess;
  storage: StorageWatch;
  /** The newest database file that was damaged and set aside. */
  setAside(): Ready["set_aside"];
  /** For so long a deleted chat can be brought back; 0: never. */
  keepDeletedDays: number;
  /** Whether models are asked for titles. */
  titles: boolean;
}

/** A turn whose lease this companion holds. */
export interface LeasedTurn {
  sessionId: string;
  turnId: string;
  fence: number;
  /**
   * The newest chunk of the session's log that its writer knows of: what it
   * says next comes right after.
   */
  lastSeq: number;
  agentType: string;
  model: string;
  offer: Offer;
  /** What people have written down for the model, in the order in which it is told. */
  instructions: readonly Instruction[];
  sampling: Sampling | null;
  /** The client that sent the message, and where its tools work. */
  clientId: string | null;
  workspace: string | null;
  /** What the turn has done before a pause. */
  steps: number;
  switches: number;
  usage: Usage | undefined;
  /** `performance.now()` when its message was accepted. */
  acceptedAt: number;
  /** The answer in whose middle another companion went away, where its vendor holds it. */
  held?: HeldAnswer | undefined;
  /** The same where nobody holds it: the model is asked to go on behind what is stored. */
  continues?: boolean;
  /** The one message of a chat that begins with this turn: nothing more need be read of it. */
  begins?: NewMessageRow;
  /** Somebody asked to stop it while nobody ran it. */
  isCancelled?: boolean;
}

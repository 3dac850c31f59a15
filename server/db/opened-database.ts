// A database that is open, as the rest of the program knows it, whatever its engine.
import type { Kysely } from "kysely";
import type { AppendLog } from "./commit/append-log.ts";
import type { CommitGroup } from "./commit/commit-group.ts";
import type { InsertGroup } from "./commit/insert-group.ts";
import type { Tail } from "./commit/tail.ts";
import type { NotifyChannel } from "./engine/notify-channel.ts";
import type { Away } from "./engine/postgres-servers.ts";
import type { Level, SecondMachine } from "./engine/second-machine.ts";
import type { StorageHealth } from "./engine/storage-health.ts";
import type { Database, Reader } from "./tables/schema.ts";

/**
 * `directUrl`: of the server itself, where `url` leads to a proxy that pools transactions.
 * `patienceSeconds`: how long an answer waits for a database that is away. `shown`: what somebody
 * wants, or declares: nothing is shown that one machine alone has, or the storage below keeps it on
 * two.
 */
export type DatabaseSource =
  | { engine: "sqlite"; path: string }
  | {
      engine: "postgres";
      url: string;
      directUrl?: string;
      patienceSeconds?: number;
      shown?: (typeof SHOWN)[number];
    };

export const SHOWN = ["two_machines", "replicated_storage"] as const;

/**
 * `full`: every commit is on the disk before anyone hears of it. `balanced`: so is every step but
 * the deltas of an answer, which survive a crash of any program but not a power cut until the next
 * step.
 */
export const DURABILITIES = ["full", "balanced"] as const;
export type Durability = (typeof DURABILITIES)[number];

export interface OpenedDatabase {
  engine: "sqlite" | "postgres";
  /** For a thread that opens it once more; throws where another file is in its place by now. */
  source(): DatabaseSource;
  durability: Durability;
  schemaVersion: number;
  health: StorageHealth;
  /** For units of work only. */
  writer: Kysely<Database>;
  /** For the renewal of leases and looks at them, which wait behind no step and no read. */
  leaseWriter: Kysely<Database>;
  /** Shares physical commits among units of work, where that pays. */
  commitGroup: CommitGroup | undefined;
  /** Where the deltas of all streams are committed together. */
  appendLog: AppendLog;
  /** Where new chats are committed together, where that pays. */
  insertGroup: InsertGroup | undefined;
  /** Where the deltas are that are not in their session's log yet; undefined: there are none. */
  tail: Tail | undefined;
  /** To other companions on the same database; undefined where there can be none. */
  peerChannel: NotifyChannel | undefined;
  /** For reads outside of transactions; never waits for a writer. */
  reader: Reader;
  /** The same for who would rather wait for a database that is away than be told. */
  patientReader: Reader;
  /** The same for what may take long, a search or an export: no stream waits for it. */
  slowReader: Reader;
  /**
   * A connection of its own for what may wait behind nobody; undefined where no
   * promotion can cut a log.
   */
  atOnce: { reader: Reader; writer: Kysely<Database> } | undefined;
  /** Where what is shown lies; null: the database does not say. */
  level(): Promise<Level>;
  /** Where nothing is shown that one machine alone has; undefined: a commit is enough. */
  secondMachine: SecondMachine | undefined;
  /** How long an answer waits for that. */
  patienceSeconds: number;
  /** Where the database may go away and come back: when it did. */
  away: Away;
  /**
   * Resolves if the database answers a read and a write lock can be had; rejects with `ChatError`.
   */
  ping(): Promise<void>;
  close(): Promise<void>;
}

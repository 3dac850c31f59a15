import type { Subject } from "../db/commit/metering.ts";
import type { SSEUnitOfWork } from "../db/commit/unit-of-work.ts";
import type { Reader } from "../db/tables/schema.ts";
import type { Offer } from "../domain/offer.ts";
import type { Tool } from "../domain/tools.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Sampling } from "../protocol/sampling.ts";
import type { Provider, Usage } from "../providers/provider.ts";
import type { Hub } from "./log/hub.ts";
import type { Others } from "./log/peer-notify.ts";
import type { Write } from "./log/write-session.ts";

/** A model id made usable. */
export interface ResolvedModel {
  provider: Provider;
  /** The provider's name as a metric label; from a closed list. */
  providerName: string;
  /** The model's name at its provider. */
  model: string;
  /** The whole id. */
  id: string;
  /** How many tokens the model can read and write in one go. */
  contextWindow: number;
}

/** What a turn needs. */
export interface TurnDeps {
  /** A fresh unit of work for one stream. */
  newUnitOfWork(subject?: Subject): SSEUnitOfWork;
  /** A step of a session that holds no lease, in one transaction. */
  write: Write;
  reader: Reader;
  hub: Hub;
  metrics: Metrics;
  log: Log;
  /** Rejects with `model_unknown` or `key_missing`. */
  resolveModel(id: string | null): ResolvedModel;
  /** The companion's own tools for models of this provider. */
  toolsFor(providerName: string): readonly Tool[];
  /** This companion's name on the leases it holds. */
  owner: string;
  /** Aborts when this companion shuts down for good. */
  closing: AbortSignal;
  /** The other companions on the same database. */
  others: Others;
  /** No other companion can use this database (SQLite, under the leader lock). */
  soleCompanion: boolean;
}

/** A turn whose lease this companion holds. */
export interface LeasedTurn {
  sessionId: string;
  turnId: string;
  fence: number;
  /** The newest chunk of the session's log that its writer knows of: what it says next comes right after. */
  lastSeq: number;
  agentType: string;
  model: string;
  offer: Offer;
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
}

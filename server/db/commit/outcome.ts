// What became of one attempt at a unit of work.
import type { Phase } from "../../observe/metrics.ts";
import type { Trx } from "../tables/schema.ts";

/** Seconds. The wait of a transaction that was tried again includes its failed attempts. */
export type Phases = Record<Phase, number>;

export function toPhases(started: number, began: number, worked: number, ended: number): Phases {
  return {
    wait: (began - started) / 1000,
    body: (worked - began) / 1000,
    commit: (ended - worked) / 1000,
  };
}

/** A transaction, or a savepoint in that of somebody else. */
export interface Scope {
  trx: Trx;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export interface Succeeded<T> {
  status: "success";
  value: T;
  hooks: (() => void)[];
  phases: Phases;
}

export interface Failed {
  /** `rollback`: the work failed; `error`: the COMMIT did. Nothing was stored. */
  status: "rollback" | "error";
  error: unknown;
  phases: Phases;
}

export interface Unknown<T> {
  status: "unknown";
  error: unknown;
  /** Reads what came of it; undefined if nothing did, or if nobody said how to read it. */
  recover: ((trx: Trx) => Promise<{ value: T; hooks: (() => void)[] } | undefined>) | undefined;
  phases: Phases;
}

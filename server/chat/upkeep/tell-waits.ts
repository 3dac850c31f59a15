// While the database is away answers wait for it, and whoever reads them is told so once a second.

import type { Away } from "../../db/engine/postgres-servers.ts";
import type { SecondMachine } from "../../db/engine/second-machine.ts";
import type { StorageHealth } from "../../db/engine/storage-health.ts";
import { WAIT_OVER, type Waiting } from "../../protocol/sse.ts";
import { every, type Repeating, unexpected } from "../../shared/every.ts";

const TELL_MS = 1_000;

/**
 * What a Postgres that is away, or whose synchronous standby is, lets a step run into while it
 * waits.
 */
const WAITS: ReadonlySet<string | undefined> = new Set([
  "database_unavailable",
  "storage_readonly",
  "commit_outcome_unknown",
]);

/** `tell` hears for how many seconds which of both has been away, and 0 once it is back. */
export function tellWaits(
  {
    engine,
    away,
    health,
    secondMachine,
  }: {
    engine: string;
    away: Away;
    health: StorageHealth;
    secondMachine: Pick<SecondMachine, "isAway"> | undefined;
  },
  tell: (waiting: Waiting) => void,
): Repeating {
  let told = false;
  /** Of the wait that is told of: what is away may change before it is over. */
  let began: number | undefined;
  const sinceWhen = (): number | undefined =>
    away.awaySince ?? (WAITS.has(health.problem) ? health.failingSince : undefined);
  const back = (): void => {
    if (told) tell(WAIT_OVER);
    told = false;
    began = undefined;
  };
  const look = (): void => {
    const since = engine === "postgres" ? sinceWhen() : undefined;
    if (since === undefined) return back();
    began = Math.min(since, began ?? since);
    const seconds = Math.round((performance.now() - began) / 1000);
    if (seconds === 0) return;
    told = true;
    const isThere = away.awaySince === undefined;
    tell({ seconds, second_machine: isThere && secondMachine?.isAway === true });
  };
  // At once, not with the next second.
  health.listen(() => {
    if (told && sinceWhen() === undefined) back();
  });
  return every(TELL_MS, look, unexpected);
}

import type { Away } from "../../db/engine/postgres-servers.ts";
import { LEASE_MS } from "../../db/tables/sessions.ts";

/**
 * A companion's name on the leases it holds: `INSTALLATION/HOST/PID/START`. The installation is
 * the data directory on this machine, which has one companion at a time: whoever serves it now
 * knows that every other start of the same installation is dead. Host and process are for the
 * person who looks for it.
 */
export function leaseOwner(of: {
  installation: string;
  host: string;
  pid: number;
  start: string;
}): string {
  return [of.installation, of.host, of.pid, of.start].join("/");
}

export function installationOf(owner: string): string {
  return owner.slice(0, Math.max(owner.indexOf("/"), 0));
}

export function describeOwner(owner: string): string {
  const [, host, pid, start] = owner.split("/");
  return start === undefined ? `companion ${owner}` : `the companion on ${host} (process ${pid})`;
}

/**
 * A database that was away took no sign of life: leases that ended meanwhile stay
 * with who renews them now.
 */
const GRACE_MS = LEASE_MS + 1_000;

function isJustBack(away: Away | undefined): boolean {
  const backAt = away?.backAt;
  return backAt !== undefined && performance.now() - backAt < GRACE_MS;
}

function isOver(overMs: number | null): boolean {
  return overMs === null || overMs > 0;
}

/** Whether nobody alive holds this lease. `lease_over_ms` is by the database's clock. */
export function isAbandoned(
  {
    owner,
    soleCompanion,
    database,
  }: { owner: string; soleCompanion: boolean; database?: { away: Away } },
  lease: { lease_owner: string | null; lease_over_ms: number | null },
): boolean {
  if (lease.lease_owner === null) return true;
  if (lease.lease_owner === owner) return false;
  const installation = installationOf(owner);
  return (
    soleCompanion ||
    (isOver(lease.lease_over_ms) && !isJustBack(database?.away)) ||
    (installation !== "" && installationOf(lease.lease_owner) === installation)
  );
}

/**
 * A companion's name on the leases it holds: `HOUSE/HOST/PID/START`. The house is the data directory on this machine,
 * which has one companion at a time: whoever serves it now knows that every other start of the same house is dead.
 * Host and process are for the person who looks for it.
 */
export function leaseOwner(of: {
  house: string;
  host: string;
  pid: number;
  start: string;
}): string {
  return [of.house, of.host, of.pid, of.start].join("/");
}

export function houseOf(owner: string): string {
  return owner.slice(0, Math.max(owner.indexOf("/"), 0));
}

export function describeOwner(owner: string): string {
  const [, host, pid, start] = owner.split("/");
  return start === undefined ? `companion ${owner}` : `the companion on ${host} (process ${pid})`;
}

/** Whether nobody alive holds this lease. `lease_expired` is by the database's clock. */
export function isAbandoned(
  { owner, soleCompanion }: { owner: string; soleCompanion: boolean },
  lease: { lease_owner: string | null; lease_expired: boolean },
): boolean {
  if (lease.lease_owner === null) return true;
  if (lease.lease_owner === owner) return false;
  const house = houseOf(owner);
  return (
    soleCompanion || lease.lease_expired || (house !== "" && houseOf(lease.lease_owner) === house)
  );
}

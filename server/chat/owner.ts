/** A companion's name on the leases it holds: unlike any other's, and of use to a person who looks for it. */
export function ownerOf(companion: { host: string; pid: number; id: string }): string {
  const { host, pid, id } = companion;
  return `${host}/${pid}/${id}`;
}

export function describeOwner(owner: string): string {
  const [host, pid, id] = owner.split("/");
  return id === undefined ? `companion ${owner}` : `the companion on ${host} (process ${pid})`;
}

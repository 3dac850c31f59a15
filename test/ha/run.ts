// `npm run test:ha [-- --rounds N --kinds leader,etcd --proxied N --lossy N]`: three companions
// behind HAProxy on a cluster of Patroni. First it is synchronous, and its leader, standby, etcd
// and the companions are killed in turn while answers run; then its leader once more, with
// PgBouncer and HAProxy in between; then it is asynchronous, and each failover loses what was
// shown. What came of it goes into docs/reliability.md, after each round.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startPacedUpstream } from "../faults/support/paced-upstream.ts";
import {
  COLUMNS,
  isBad,
  KINDS,
  type Kills,
  type Kind,
  killRound,
  noKills,
  STREAMS,
  toCells,
} from "./kills.ts";
import { isBadLoss, LAG_MS, LOSS_COLUMNS, lossRound, noLosses, toLossCells } from "./losses.ts";
import { makeHome, missingPrograms, type PatroniCluster, startPatroni } from "./patroni.ts";
import { type Proxies, startProxies } from "./proxies.ts";
import { report } from "./report.ts";
import { startTeam, type Team } from "./team.ts";

const TWO_MACHINES = { STREAMKEEPER_DURABILITY: "two_machines" };

/** Ends after the round that goes on, with nothing left over. */
let isOver = false;
process.once("SIGTERM", () => (isOver = true));

const missing = missingPrograms();
if (missing !== undefined) {
  console.error(`These programs are needed, from Debian's packages:\n  ${missing}`);
  process.exit(2);
}
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "50" },
    kinds: { type: "string", default: KINDS.join(",") },
    proxied: { type: "string", default: "5" },
    lossy: { type: "string", default: "5" },
  },
});
const kinds = KINDS.filter((kind) => values.kinds.split(",").includes(kind));
const upstream = await startPacedUpstream();
const isGood = [
  await kill(Number(values.rounds)).catch(failed),
  await killBehindProxies(Number(values.proxied)).catch(failed),
  await lose(Number(values.lossy)).catch(failed),
];
await upstream.close();
process.exit(isGood.every(Boolean) ? 0 : 1);

function failed(thrown: unknown): boolean {
  console.error(thrown);
  return false;
}

async function kill(rounds: number): Promise<boolean> {
  if (rounds === 0 || isOver) return true;
  const rows = new Map<Kind, Kills>();
  await withTeam({ synchronous: true }, TWO_MACHINES, async (...on) => {
    for (let n = 0; n < rounds && !isOver; n++) {
      const kind = kinds[n % kinds.length] ?? "leader";
      const row = rows.get(kind) ?? noKills();
      rows.set(kind, row);
      await killRound(...on, kind, row);
      tell("ha", n + 1, COLUMNS, Array.from(rows, toCells));
    }
  });
  return ![...rows.values()].some(isBad);
}

async function killBehindProxies(rounds: number): Promise<boolean> {
  if (rounds === 0 || isOver) return true;
  const row = noKills();
  await withTeam({ synchronous: true, proxied: true }, TWO_MACHINES, async (...on) => {
    for (let n = 0; n < rounds && !isOver; n++) {
      await killRound(...on, "leader", row);
      tell("proxied", n + 1, COLUMNS, [toCells(["leader", row])]);
    }
  });
  return !isBad(row);
}

async function lose(rounds: number): Promise<boolean> {
  if (rounds === 0 || isOver) return true;
  const row = noLosses();
  await withTeam({ synchronous: false, lagMs: LAG_MS }, {}, async (...on) => {
    for (let n = 0; n < rounds && !isOver; n++) {
      await lossRound(...on, row);
      tell("lossy", n + 1, LOSS_COLUMNS, [toLossCells(row)]);
    }
  });
  return !isBadLoss(row);
}

function tell(name: string, rounds: number, columns: string[], rows: string[][]): void {
  report(name, `${rounds} rounds of ${STREAMS} answers`, columns, rows);
}

async function withTeam(
  { proxied = false, ...options }: Parameters<typeof startPatroni>[1] & { proxied?: boolean },
  env: NodeJS.ProcessEnv,
  use: (cluster: PatroniCluster, team: Team) => Promise<void>,
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "streamkeeper-patroni-"));
  makeHome(home);
  console.log("starting Patroni …");
  const cluster = await startPatroni(home, options);
  let proxies: Proxies | undefined;
  try {
    await cluster.query("create database streamkeeper");
    const direct = cluster.url("streamkeeper");
    if (proxied) proxies = await startProxies(home, cluster);
    const database: NodeJS.ProcessEnv = proxies
      ? { STREAMKEEPER_DATABASE: proxies.url("streamkeeper"), STREAMKEEPER_DATABASE_DIRECT: direct }
      : { STREAMKEEPER_DATABASE: direct };
    const team = await startTeam(home, { upstream: upstream.url, env: { ...database, ...env } });
    try {
      await use(cluster, team);
    } finally {
      team.stop();
    }
  } finally {
    proxies?.stop();
    await cluster.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

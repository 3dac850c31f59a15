// `npm run test:ha [-- --rounds N --kinds leader,etcd --lossy N]`: three companions behind HAProxy
// on a cluster of Patroni. First it is synchronous, and its leader, standby, etcd and the
// companions are killed in turn while answers run; then it is not, and each failover loses what
// was shown. What came of it goes into docs/reliability.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startPacedUpstream } from "../faults/support/paced-upstream.ts";
import { COLUMNS, isBad, KINDS, type Kind, killRound, noKills, STREAMS, toCells } from "./kills.ts";
import { isBadLoss, LAG_MS, LOSS_COLUMNS, lossRound, noLosses, toLossCells } from "./losses.ts";
import { makeHome, missingPrograms, type PatroniCluster, startPatroni } from "./patroni.ts";
import { report } from "./report.ts";
import { startTeam, type Team } from "./team.ts";

const missing = missingPrograms();
if (missing !== undefined) {
  console.error(`These programs are needed, from Debian's packages:\n  ${missing}`);
  process.exit(2);
}
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "50" },
    kinds: { type: "string", default: KINDS.join(",") },
    lossy: { type: "string", default: "5" },
  },
});
const kinds = KINDS.filter((kind) => values.kinds.split(",").includes(kind));
const upstream = await startPacedUpstream();
const isGood = [
  await kill(Number(values.rounds)).catch(failed),
  await lose(Number(values.lossy)).catch(failed),
];
await upstream.close();
process.exit(isGood.every(Boolean) ? 0 : 1);

function failed(thrown: unknown): boolean {
  console.error(thrown);
  return false;
}

async function kill(rounds: number): Promise<boolean> {
  if (rounds === 0) return true;
  const rows = new Map<Kind, ReturnType<typeof noKills>>();
  await withTeam(
    { synchronous: true },
    { STREAMKEEPER_DURABILITY: "two_machines" },
    async (...on) => {
      for (let n = 0; n < rounds; n++) {
        const kind = kinds[n % kinds.length] ?? "leader";
        const row = rows.get(kind) ?? noKills();
        rows.set(kind, row);
        await killRound(...on, kind, row);
      }
    },
  );
  const cells = [...rows].map(([kind, row]) => toCells(kind, row));
  report("ha", `${rounds} rounds of ${STREAMS} answers`, COLUMNS, cells);
  return ![...rows.values()].some(isBad);
}

async function lose(rounds: number): Promise<boolean> {
  if (rounds === 0) return true;
  const row = noLosses();
  await withTeam({ synchronous: false, lagMs: LAG_MS }, {}, async (...on) => {
    for (let n = 0; n < rounds; n++) await lossRound(...on, row);
  });
  report("lossy", `${rounds} rounds of ${STREAMS} answers`, LOSS_COLUMNS, [toLossCells(row)]);
  return !isBadLoss(row);
}

async function withTeam(
  options: Parameters<typeof startPatroni>[1],
  env: NodeJS.ProcessEnv,
  use: (cluster: PatroniCluster, team: Team) => Promise<void>,
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "streamkeeper-patroni-"));
  makeHome(home);
  console.log("starting Patroni …");
  const cluster = await startPatroni(home, options);
  try {
    await cluster.query("create database streamkeeper");
    const database = { STREAMKEEPER_DATABASE: cluster.url("streamkeeper") };
    const team = await startTeam(home, { upstream: upstream.url, env: { ...database, ...env } });
    try {
      await use(cluster, team);
    } finally {
      team.stop();
    }
  } finally {
    await cluster.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

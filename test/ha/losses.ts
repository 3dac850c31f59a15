// One round on a cluster that replicates behind the commits: the leader dies, words that were shown
// are gone, and everybody is told.
import { setTimeout as delay } from "node:timers/promises";
import { Ready } from "../../server/protocol/responses.ts";
import { Conversation } from "../faults/support/conversation.ts";
import { answering, until } from "../faults/support/lab.ts";
import { dataOf, EpochReader } from "./epoch-reader.ts";
import { STREAMS, storedOf } from "./kills.ts";
import type { PatroniCluster } from "./patroni.ts";
import { inSeconds } from "./report.ts";
import type { Team } from "./team.ts";

export const LAG_MS = 400;
const WISH = { words: 1_000, gap_ms: 40 };
const TOLD_S = 2;
/** A reader of a running answer that hears nothing for so long, with the database back. */
const HUNG_MS = 60_000;

export interface Losses {
  times: number;
  readers: number;
  /** Said of itself before, by each companion that did not say `one_machine`. */
  wrongLevel: number;
  /** Words that were shown and are gone. */
  gone: number;
  told: number;
  /** Readers that were told later than they may be. */
  late: number;
  /** Frames that a reader still takes for stored and that are not, and holes. */
  untold: number;
  hung: number;
  /** Sessions whose next message was not answered. */
  stuck: number;
  /** Seconds after a new leader could be written, until the last of them was told. */
  longest: number;
}

export const LOSS_COLUMNS = [
  ...["times", "readers", "companions that did not say `one_machine`", "chunks gone"],
  ...["readers told", "told after more than 2 s", "gone or a hole, not told", "hung"],
  ...["next message not answered", "the last one told after, s"],
];

export function noLosses(): Losses {
  return {
    ...{ times: 0, readers: 0, wrongLevel: 0, gone: 0, told: 0, late: 0 },
    ...{ untold: 0, hung: 0, stuck: 0, longest: 0 },
  };
}

export function toLossCells(row: Losses): string[] {
  const { times, readers, wrongLevel, gone, told, late, untold, hung, stuck, longest } = row;
  const counts = [times, readers, wrongLevel, gone, told, late, untold, hung, stuck].map(String);
  return [...counts, inSeconds(longest)];
}

/** A run in which nothing was lost has shown nothing. */
export function isBadLoss(row: Losses): boolean {
  const { wrongLevel, gone, late, untold, hung, stuck } = row;
  return wrongLevel + late + untold + hung + stuck > 0 || gone === 0;
}

export async function lossRound(cluster: PatroniCluster, team: Team, row: Losses): Promise<void> {
  await cluster.healthy();
  await delay(2_000);
  for (const { now } of team.members) {
    const ready = Ready.safeParse(await (await now?.request("GET", "/readyz"))?.json());
    if (ready.data?.level !== "one_machine") row.wrongLevel += 1;
  }
  const leaving = new AbortController();
  const sent = Array.from({ length: STREAMS }, () => new Conversation(WISH));
  const sending = new AbortController();
  for (const one of sent) void one.run(team.front, sending.signal);
  await until("words", answering(sent), 60);
  sending.abort();
  for (const one of sent) one.leave();
  const readers = sent.map(({ sessionId }) => new EpochReader(sessionId ?? ""));
  const ended = Promise.all(readers.map((one) => one.run(team.front, leaving.signal)));
  await delay(3_000);
  const old = await cluster.leader();
  old.kill();
  const promoted = await writable(cluster, old.port);
  await Promise.race([ended, allSilent(readers)]);
  leaving.abort();
  old.start();
  row.times += 1;
  row.readers += readers.length;
  for (const one of readers) {
    if (!one.final) row.hung += 1;
    row.gone += one.gone;
    row.untold += one.complaints.length + (await untoldOf(team, one));
    if (one.toldAt === undefined) continue;
    const took = (one.toldAt - promoted) / 1000;
    row.told += 1;
    row.longest = Math.max(row.longest, took);
    if (took > TOLD_S) row.late += 1;
  }
  row.stuck += await stuckOf(team, readers);
  console.log("lossy", JSON.stringify(row));
}

/** Resolves when nobody hears anything any more; what is slow is not hung. */
async function allSilent(readers: readonly EpochReader[]): Promise<void> {
  const hears = ({ final, heardAt }: EpochReader) =>
    !final && performance.now() - heardAt < HUNG_MS;
  while (readers.some(hears)) await delay(500, undefined, { ref: false });
}

/** Resolves with the moment at which another leader than that takes writes. */
async function writable(cluster: PatroniCluster, oldPort: number): Promise<number> {
  while ((await cluster.leader()).port === oldPort) await delay(20);
  for (;;) {
    const rows = await cluster
      .query<{ no: boolean }>("select pg_is_in_recovery() as no")
      .catch(() => []);
    if (rows[0]?.no === false) return performance.now();
    await delay(20);
  }
}

async function untoldOf(team: Team, { sessionId, frames }: EpochReader): Promise<number> {
  const stored = await storedOf(team, sessionId);
  const isStored = (seq: number, data: string) => {
    const block = stored.get(seq);
    return block !== undefined && dataOf(block) === data;
  };
  return [...frames].filter(([seq, data]) => !isStored(seq, data)).length;
}

async function stuckOf(team: Team, readers: readonly EpochReader[]): Promise<number> {
  const leaving = new AbortController();
  const next = readers.map(({ sessionId }) => new Conversation({ words: 3, gap_ms: 1 }, sessionId));
  const late = delay(HUNG_MS, undefined, { ref: false });
  await Promise.race([Promise.all(next.map((one) => one.run(team.front, leaving.signal))), late]);
  leaving.abort();
  return next.filter(({ text, final }) => final?.type !== "done" || text !== "w0 w1 w2 ").length;
}

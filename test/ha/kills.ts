// One round: answers run, something is killed, and nobody may notice more than a pause.
import { setTimeout as delay } from "node:timers/promises";
import { Conversation, chunkOf } from "../faults/support/conversation.ts";
import { answering, until } from "../faults/support/lab.ts";
import type { PatroniCluster } from "./patroni.ts";
import { inSeconds } from "./report.ts";
import type { Team } from "./team.ts";

export const STREAMS = 40;
/** Longer than a failover, so that each answer is in its middle. */
const WISH = { words: 1_000, gap_ms: 40 };
const ANSWER = Array.from({ length: WISH.words }, (_, index) => `w${index} `).join("");
/** Beyond the time that the answer itself takes. */
const HUNG_MS = 90_000;
const BACK_MS = 5_000;
/** What a reader may wait beyond the cluster's own time, or a dead companion's lease. */
const GRACE_S = 2;
const LEASE_S = 5;
const STANDBYS =
  "select application_name as name from pg_stat_replication where state = 'streaming' and sync_state = 'sync'";

export const KINDS = ["leader", "standby", "etcd", "companion", "rolling update"] as const;
export type Kind = (typeof KINDS)[number];

export interface Kills {
  times: number;
  answers: number;
  ended: number;
  lost: number;
  doubles: number;
  hung: number;
  refused: number;
  /** Answers whose reader heard nothing for longer than the cluster itself took, and the grace. */
  late: number;
  /** Seconds. */
  silence: number;
  takeover: number;
}

export const COLUMNS = [
  ...["killed", "times", "answers", "ended by it", "shown, not stored", "doubles", "hung"],
  ...["refused", "silent for longer", "the cluster's own time, s", "longest silence, s"],
];

export function toCells([kind, row]: readonly [Kind, Kills]): string[] {
  const { times, answers, ended, lost, doubles, hung, refused, late, takeover, silence } = row;
  const counts = [times, answers, ended, lost, doubles, hung, refused, late].map(String);
  return [kind, ...counts, inSeconds(takeover), inSeconds(silence)];
}

export function isBad({ ended, lost, doubles, hung, refused, late }: Kills): boolean {
  return ended + lost + doubles + hung + refused + late > 0;
}

export function noKills(): Kills {
  return {
    ...{ times: 0, answers: 0, ended: 0, lost: 0, doubles: 0, hung: 0, refused: 0, late: 0 },
    ...{ silence: 0, takeover: 0 },
  };
}

export async function killRound(
  cluster: PatroniCluster,
  team: Team,
  kind: Kind,
  row: Kills,
): Promise<void> {
  await cluster.healthy();
  await team.startAll();
  await delay(2_000);
  const leaving = new AbortController();
  const all = Array.from({ length: STREAMS }, () => new Conversation(WISH));
  const ended = Promise.all(all.map((one) => one.run(team.front, leaving.signal)));
  await until("words", answering(all), 60);
  await delay(1_000);
  const killed = performance.now();
  const killedAt = process.hrtime.bigint();
  const takeover = await kill(cluster, team, kind);
  const late = delay(WISH.words * WISH.gap_ms + HUNG_MS, "late", { ref: false });
  const isLate = (await Promise.race([ended, late])) === "late";
  leaving.abort();
  if (isLate) for (const one of all) one.leave();
  row.times += 1;
  row.answers += all.length;
  row.takeover = Math.max(row.takeover, takeover);
  const allowed = (kind === "companion" ? LEASE_S : takeover) + GRACE_S;
  for (const one of all) {
    if (!one.final) row.hung += 1;
    else if (one.final.type !== "done") row.ended += 1;
    else if (one.text !== ANSWER) row.lost += 1;
    row.doubles += one.complaints.length;
    row.refused += one.refusals.length;
    row.lost += await missingOf(team, one);
    const silence = silenceOf(one, killedAt);
    row.silence = Math.max(row.silence, silence);
    if (silence > allowed) row.late += 1;
    if (one.final?.type !== "done") console.log(one.sessionId, JSON.stringify(one.final));
  }
  const seconds = Math.round((performance.now() - killed) / 1000);
  console.log(kind, `${seconds} s`, JSON.stringify(row));
}

/** Resolves with how long the cluster itself took, in seconds; 0: it had nothing to do. */
async function kill(cluster: PatroniCluster, team: Team, kind: Kind): Promise<number> {
  switch (kind) {
    case "leader":
    case "standby": {
      const old = await cluster.leader();
      const node = kind === "leader" ? old : cluster.nodes.find((one) => one !== old);
      const since = performance.now();
      node?.kill();
      while (kind === "leader" && (await cluster.leader()) === old) await delay(50);
      // The connection of one that was killed may be there for a moment.
      const took = await writableAfter(cluster, since, node?.name);
      setTimeout(() => node?.start(), BACK_MS);
      return took;
    }
    case "etcd": {
      const since = performance.now();
      cluster.killEtcd();
      await delay(BACK_MS);
      cluster.startEtcd();
      await delay(2_000);
      return await writableAfter(cluster, since);
    }
    case "companion": {
      const one = team.members[Math.floor(Math.random() * team.members.length)];
      await one?.now?.kill();
      if (one) one.now = undefined;
      return 0;
    }
    case "rolling update":
      for (const one of team.members) {
        await one.now?.request("POST", "/v1/drain", { grace_seconds: 120 });
        await one.now?.ended;
        await team.start(one);
        await delay(2_000);
      }
      return 0;
  }
}

/** Seconds from `since` until there is a leader with another synchronous standby than `killed`. */
async function writableAfter(
  cluster: PatroniCluster,
  since: number,
  killed?: string,
): Promise<number> {
  for (;;) {
    // Nothing can be shown before, whatever the companions do.
    const standbys = await cluster.query<{ name: string }>(STANDBYS).catch(() => []);
    if (standbys.some(({ name }) => name !== killed)) return (performance.now() - since) / 1000;
    await delay(50);
  }
}

/** How many of the frames that it was shown are not stored as they were. */
async function missingOf(team: Team, { sessionId, frames }: Conversation): Promise<number> {
  const stored = await storedOf(team, sessionId ?? "");
  return [...frames].filter(([seq, block]) => stored.get(seq) !== block).length;
}

/** The log as a new reader gets it, by number. */
export async function storedOf(team: Team, sessionId: string): Promise<Map<number, string>> {
  const { port, token } = await team.front();
  const response = await fetch(
    `http://127.0.0.1:${port}/v1/sessions/${sessionId}/stream?until=turn_end`,
    { headers: { authorization: `Bearer ${token}` } },
  );
  const blocks = (await response.text()).split("\n\n").filter((block) => block.startsWith("id: "));
  return new Map(blocks.map((block) => [chunkOf(block).seq, block]));
}

/** In seconds, the longest that ended after `since`: before it the answers only began. */
function silenceOf({ shownAt }: Conversation, since: bigint): number {
  const times = [...shownAt.values()];
  const gaps = times.map((time, index) => (time < since ? 0n : time - (times[index - 1] ?? time)));
  return Math.max(0, ...gaps.map((gap) => Number(gap) / 1e9));
}

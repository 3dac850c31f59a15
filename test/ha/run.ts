// `npm run test:ha [-- --rounds N]`: three companions behind HAProxy on a cluster of Patroni, whose
// leader, standby, etcd and companions are killed in turn while answers run. What came of it goes
// into docs/reliability.md.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Conversation, chunkOf } from "../faults/support/conversation.ts";
import { answering, until } from "../faults/support/lab.ts";
import { PACED_MODEL, startPacedUpstream } from "../faults/support/paced-upstream.ts";
import { type Companion, startCompanion } from "../support/companion.ts";
import { freePort } from "../support/free-port.ts";
import { makeHome, missingPrograms, startPatroni } from "./patroni.ts";

const PROXY = "haproxy";
const STREAMS = 40;
/** Longer than a failover, so that each answer is in its middle. */
const WISH = { words: 1_000, gap_ms: 40 };
const ANSWER = Array.from({ length: WISH.words }, (_, index) => `w${index} `).join("");
/** Beyond the time that the answer itself takes. */
const HUNG_MS = 90_000;
const BACK_MS = 5_000;
const STANDBY =
  "select 1 from pg_stat_replication where state = 'streaming' and sync_state = 'sync'";
/** What a reader may wait beyond the cluster's own time, or a dead companion's lease. */
const GRACE_S = 2;
const LEASE_S = 5;
const KINDS = ["leader", "standby", "etcd", "companion", "rolling update"] as const;
type Kind = (typeof KINDS)[number];

interface Row {
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

const missing = missingPrograms();
if (missing !== undefined) {
  console.error(`These programs are needed, from Debian's packages:\n  ${missing}`);
  process.exit(2);
}
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "50" },
    kinds: { type: "string", default: KINDS.join(",") },
  },
});
const rounds = Number(values.rounds);
const kinds = KINDS.filter((kind) => values.kinds.split(",").includes(kind));
const home = mkdtempSync(join(tmpdir(), "streamkeeper-patroni-"));
makeHome(home);
const rows = new Map<Kind, Row>();
const upstream = await startPacedUpstream();
console.log("starting Patroni …");
const cluster = await startPatroni(home, { synchronous: true });
await cluster.query("create database streamkeeper");
const token = "A".repeat(43);
const companions: { port: number; dataDir: string; now: Companion | undefined }[] = [];
for (let n = 0; n < 3; n++) {
  const dataDir = join(home, `companion${n}`);
  makeHome(dataDir);
  writeFileSync(join(dataDir, "token"), `${token}\n`, { mode: 0o600 });
  companions.push({ port: await freePort(), dataDir, now: undefined });
}
const start = async (one: (typeof companions)[number]): Promise<void> => {
  one.now = await startCompanion({
    dataDir: one.dataDir,
    args: ["--model", PACED_MODEL, "--log-level", "warn", "--port", String(one.port)],
    env: {
      STREAMKEEPER_DATABASE: cluster.url("streamkeeper"),
      STREAMKEEPER_DURABILITY: "two_machines",
      OPENAI_BASE_URL: upstream.url,
      OPENAI_API_KEY: "paced",
    },
  });
};
const front = await freePort();
const proxy = await startProxy();
try {
  for (const one of companions) await start(one);
  for (let n = 0; n < rounds; n++) await round(kinds[n % kinds.length] ?? "leader");
  report();
} finally {
  proxy.kill("SIGKILL");
  for (const { now } of companions) now?.process.kill("SIGKILL");
  await cluster.stop();
  await upstream.close();
  rmSync(home, { recursive: true, force: true });
}
const bad = [...rows.values()].some((row) => row.ended + row.lost + row.doubles + row.hung + row.refused + row.late > 0);
process.exit(bad ? 1 : 0);

/** As docs/team.md has it, with the addresses of this run. */
async function startProxy() {
  const [, documented = ""] =
    /```haproxy\n([\s\S]*?)```/.exec(readFileSync("docs/team.md", "utf8")) ?? [];
  const places = companions.map(({ port }) => `127.0.0.1:${port}`);
  const lines = documented
    .replace(/bind .*/, `bind 127.0.0.1:${front}`)
    .split("\n")
    .filter((line) => !/^ +server /.test(line));
  const file = join(home, "haproxy.cfg");
  const servers = places.map((place) => `  server ${place} ${place} check`);
  writeFileSync(file, `${[...lines, ...servers].join("\n")}\n`);
  const child = spawn(PROXY, ["-f", file], {
    stdio: "ignore",
    env: { ...process.env, STREAMKEEPER_TOKEN: token },
  });
  await delay(500);
  return child;
}

async function round(kind: Kind): Promise<void> {
  await cluster.healthy();
  for (const one of companions) if (!one.now) await start(one);
  await delay(2_000);
  const where = () => Promise.resolve({ port: front, token });
  const leaving = new AbortController();
  const all = Array.from({ length: STREAMS }, () => new Conversation(WISH));
  const ended = Promise.all(all.map((one) => one.run(where, leaving.signal)));
  await until("words", answering(all), 60);
  await delay(1_000);
  const killed = performance.now();
  const takeover = await kill(kind);
  const late = delay(WISH.words * WISH.gap_ms + HUNG_MS, "late", { ref: false });
  const isLate = (await Promise.race([ended, late])) === "late";
  leaving.abort();
  if (isLate) for (const one of all) one.leave();
  const row = rows.get(kind) ?? {
    ...{ times: 0, answers: 0, ended: 0, lost: 0, doubles: 0, hung: 0, refused: 0, late: 0 },
    ...{ silence: 0, takeover: 0 },
  };
  rows.set(kind, row);
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
    row.lost += await missingOf(one);
    const silence = silenceOf(one);
    row.silence = Math.max(row.silence, silence);
    if (silence > allowed) row.late += 1;
    if (one.final?.type !== "done") console.log(one.sessionId, JSON.stringify(one.final));
  }
  const seconds = Math.round((performance.now() - killed) / 1000);
  console.log(kind, `${seconds} s`, JSON.stringify(row));
}

/** Resolves with how long the cluster itself took, in seconds; 0: it had nothing to do. */
async function kill(kind: Kind): Promise<number> {
  switch (kind) {
    case "leader":
    case "standby": {
      const old = await cluster.leader();
      const node = kind === "leader" ? old : cluster.nodes.find((one) => one !== old);
      const since = performance.now();
      node?.kill();
      while (kind === "leader" && (await cluster.leader()) === old) await delay(50);
      const took = kind === "leader" ? await writableAfter(since) : 0;
      setTimeout(() => node?.start(), BACK_MS);
      return took;
    }
    case "etcd": {
      const since = performance.now();
      cluster.killEtcd();
      await delay(BACK_MS);
      cluster.startEtcd();
      await delay(2_000);
      return await writableAfter(since);
    }
    case "companion": {
      const one = companions[Math.floor(Math.random() * companions.length)];
      await one?.now?.kill();
      if (one) one.now = undefined;
      return 0;
    }
    case "rolling update":
      for (const one of companions) {
        await one.now?.request("POST", "/v1/drain", { grace_seconds: 120 });
        await one.now?.ended;
        await start(one);
        await delay(2_000);
      }
      return 0;
  }
}

async function writableAfter(since: number): Promise<number> {
  for (;;) {
    // Nothing can be shown before, whatever the companions do.
    const isThere = await cluster.query(STANDBY).then(
      (rows) => rows.length > 0,
      () => false,
    );
    if (isThere) return (performance.now() - since) / 1000;
    await delay(50);
  }
}

/** How many of the frames that it was shown are not stored as they were. */
async function missingOf({ sessionId, frames }: Conversation): Promise<number> {
  const response = await fetch(
    `http://127.0.0.1:${front}/v1/sessions/${sessionId}/stream?until=turn_end`,
    { headers: { authorization: `Bearer ${token}` } },
  );
  const blocks = (await response.text()).split("\n\n").filter((block) => block.startsWith("id: "));
  const stored = new Map(blocks.map((block) => [chunkOf(block).seq, block]));
  return [...frames].filter(([seq, block]) => stored.get(seq) !== block).length;
}

function silenceOf({ shownAt }: Conversation): number {
  const times = [...shownAt.values()];
  const gaps = times.slice(1).map((time, index) => Number(time - (times[index] ?? time)) / 1e9);
  return Math.max(0, ...gaps);
}

function report(): void {
  const seconds = (value: number) => (value === 0 ? "–" : value.toFixed(1));
  const lines = [...rows].map(
    ([kind, row]) =>
      `| ${kind} | ${row.times} | ${row.answers} | ${row.ended} | ${row.lost} | ${row.doubles} | ${row.hung} | ${row.refused} | ${row.late} | ${seconds(row.takeover)} | ${seconds(row.silence)} |`,
  );
  const head =
    "| killed | times | answers | ended by it | shown, not stored | doubles | hung | refused | silent for longer | the cluster's own time, s | longest silence, s |\n|---|---|---|---|---|---|---|---|---|---|---|";
  const made = `Last made on ${new Date().toISOString().slice(0, 10)} by \`npm run test:ha\`, ${rounds} rounds of ${STREAMS} answers, ${cpus().length} cores.`;
  const table = `${made}\n\n${head}\n${lines.join("\n")}`;
  console.log(table);
  const document = "docs/reliability.md";
  const marks = ["<!-- ha: made by npm run test:ha -->", "<!-- end of ha -->"] as const;
  const text = readFileSync(document, "utf8");
  const [before, rest = ""] = text.split(marks[0]);
  const [, after] = rest.split(marks[1]);
  if (after === undefined) throw new Error(`${document} has lost its marks`);
  writeFileSync(document, `${before}${marks[0]}\n\n${table}\n\n${marks[1]}${after}`);
}

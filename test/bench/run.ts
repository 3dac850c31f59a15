// `npm run bench`: the goals for speed, measured on SQLite and Postgres against their baselines in
// the same run, since machines are noisy. Loopback only, bounded, and each stream is checked while
// it is measured: every delta, in order, no gap.
//   npm run bench                           one to two hours; writes docs/performance.md
//   npm run bench -- --quick                four minutes; prints only
//   npm run bench -- "sqlite paced" chat    the cases with these words in their names; prints only
//   npm run bench -- --write "sqlite paced" the same, and writes the rows of these cases
//   npm run bench -- --list                 their names
import { parseArgs } from "node:util";
import pg from "pg";
import { startPostgres } from "../support/postgres.ts";
import { measureBeginnings } from "./beginning-goals.ts";
import { measureFairShare } from "./fair-share-goals.ts";
import { measureHistory } from "./history-goals.ts";
import { measureFullSpeed, measureLone, measurePaced, measureSlowSyncs } from "./hot-path-goals.ts";
import { memoryOfIdleStreams } from "./idle-streams.ts";
import { measureLateness } from "./lateness-goals.ts";
import { BENCH_FORMATS } from "./model-formats.ts";
import { measureModels } from "./model-goals.ts";
import { makeLogFiles } from "./postgres-work.ts";
import { measureRendering, RENDERED } from "./rendering-goals.ts";
import type { Result } from "./result.ts";
import { HEAD, rowOf, writeRows } from "./results-table.ts";
import { measureSearch } from "./search-goals.ts";
import { measureSizes } from "./size-goals.ts";
import { measureStart } from "./start-goals.ts";
import { measureTeam } from "./team-goals.ts";
import { measureUpstream, UPSTREAM_STREAMS } from "./upstream-goals.ts";

const { values: flags, positionals: wanted } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const { quick } = flags;
/** A case that is too quick says little. */
const isWritten = !quick && (flags.write || wanted.length === 0);

interface BenchCase {
  name: string;
  measure(): Promise<Result[]>;
}

type Databases = () => Promise<string | undefined>;

const servers: Awaited<ReturnType<typeof startPostgres>>[] = [];
let made = 0;

/** `elsewhere`: on another server. */
function casesOn(
  engine: "SQLite" | "Postgres",
  databases: Databases,
  elsewhere = databases,
): BenchCase[] {
  const of = (name: string, measure: BenchCase["measure"]): BenchCase => ({
    name: `${engine.toLowerCase()} ${name}`,
    measure,
  });
  return [
    of("paced", () => measurePaced(engine, databases, quick)),
    of("full speed", () => measureFullSpeed(databases, quick)),
    of("lone stream", () => measureLone(databases, quick)),
    of("slow syncs", () => measureSlowSyncs(engine, databases, quick)),
    of("beginnings", async () => [await measureBeginnings(databases, quick)]),
    of("idle streams", async () => [await memoryOfIdleStreams(await databases(), quick)]),
    of("history", async () => await measureHistory(await databases(), quick)),
    of("search", async () => await measureSearch(await databases(), quick)),
    of("lateness", () => measureLateness(databases, elsewhere, quick)),
    of("start", async () => [await measureStart(engine, databases, quick)]),
    of("fair share", async () => await measureFairShare(await databases(), quick)),
    ...BENCH_FORMATS.flatMap((format) =>
      UPSTREAM_STREAMS.map((streams) =>
        of(`upstream ${format.name.toLowerCase()} ${streams}`, () =>
          measureUpstream(databases, format, streams, quick),
        ),
      ),
    ),
  ];
}

const onPostgres = async (which = 0) => {
  const server = (servers[which] ??= await startServer());
  return await createDatabase(server.url, `bench_${++made}`);
};
async function startServer() {
  const server = await startPostgres();
  await makeLogFiles(server.url);
  return server;
}

const cases: BenchCase[] = [
  ...casesOn("SQLite", () => Promise.resolve(undefined)),
  ...casesOn(
    "Postgres",
    () => onPostgres(),
    () => onPostgres(1),
  ),
  { name: "postgres team", measure: () => measureTeam(onPostgres, quick) },
  { name: "models", measure: () => measureModels(quick) },
  ...RENDERED.map((kind) => ({
    name: `rendering ${kind}`,
    measure: () => measureRendering(kind, quick),
  })),
  { name: "sizes", measure: measureSizes },
];

const NAMES = cases.map(({ name }) => name);
if (flags.list) for (const name of NAMES) console.log(name);
else await measureAll(cases.filter(isWanted));

/** By its words; of the upstream's cases, twelve on each engine, a quick run takes the shortest. */
function isWanted({ name }: BenchCase): boolean {
  if (wanted.length > 0) return wanted.some((words) => name.includes(words));
  const isShort = name.startsWith("sqlite") && name.endsWith(" 250");
  return !quick || isShort || !name.includes("upstream");
}

async function measureAll(chosen: readonly BenchCase[]): Promise<void> {
  if (chosen.length === 0) throw new Error("no such case: --list names them");
  console.log(HEAD);
  const results: Result[] = [];
  try {
    for (const { name, measure } of chosen) {
      const measured = await measure();
      const rows = measured.map((one) => rowOf(name, one));
      for (const row of rows) console.log(row);
      results.push(...measured);
      if (isWritten) writeRows(NAMES, name, rows);
    }
  } finally {
    for (const server of servers) await server?.stop();
  }
  const missed = results.filter(({ met }) => !met);
  console.log(`\n${results.length - missed.length} of ${results.length} goals met`);
}

async function createDatabase(at: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: at });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(at);
  url.pathname = `/${name}`;
  return url.href;
}

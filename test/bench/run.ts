// `npm run bench`: the goals for speed, measured on SQLite and Postgres against their baselines in
// the same run, since machines are noisy. Loopback only, bounded, and each stream is checked while
// it is measured: every delta, in order, no gap. Writes docs/performance.md.
//   npm run bench               about twelve minutes
//   npm run bench -- --quick    two minutes; prints only

import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import pg from "pg";
import { startPostgres } from "../support/postgres.ts";
import { measureFairShare } from "./fair-share-goals.ts";
import { measureHistory } from "./history-goals.ts";
import { measureHotPath } from "./hot-path-goals.ts";
import { memoryOfIdleStreams } from "./idle-streams.ts";
import { measureModels } from "./model-goals.ts";
import type { Result } from "./result.ts";
import { measureSizes } from "./size-goals.ts";

const { values: flags } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const results: Result[] = [];
const add = (...more: Result[]) => {
  for (const one of more) console.log(rowOf(one));
  results.push(...more);
};

console.log(HEAD());
add(...(await measureHotPath("SQLite", () => Promise.resolve(undefined), flags.quick)));
add(await memoryOfIdleStreams("SQLite", undefined, flags.quick));
add(...(await measureHistory("SQLite", undefined, flags.quick)));
add(...(await measureFairShare("SQLite", undefined, flags.quick)));
const postgres = await startPostgres();
try {
  let databases = 0;
  const fresh = () => createDatabase(postgres.url, `bench_${++databases}`);
  add(...(await measureHotPath("Postgres", fresh, flags.quick)));
  add(await memoryOfIdleStreams("Postgres", await fresh(), flags.quick));
  add(...(await measureHistory("Postgres", await fresh(), flags.quick)));
  add(...(await measureFairShare("Postgres", await fresh(), flags.quick)));
} finally {
  await postgres.stop();
}
add(...(await measureModels(flags.quick)));
add(...(await measureSizes()));

const missed = results.filter(({ met }) => !met);
console.log(`\n${results.length - missed.length} of ${results.length} goals met`);
if (!flags.quick) write();

async function createDatabase(server: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

function HEAD(): string {
  return "| on | what | measured | baseline in the same run | goal | |\n|---|---|---|---|---|---|";
}

function rowOf({ engine, what, measured, baseline, goal, met }: Result): string {
  return `| ${engine} | ${what} | ${measured} | ${baseline} | ${goal} | ${met ? "met" : "**missed**"} |`;
}

function write(): void {
  const file = "docs/performance.md";
  const marks = ["<!-- results: made by npm run bench -->", "<!-- end of results -->"] as const;
  const [before = "", rest = ""] = readFileSync(file, "utf8").split(marks[0]);
  const after = rest.split(marks[1])[1];
  if (after === undefined) throw new Error(`${file} has lost its marks`);
  const { model } = cpus()[0] ?? { model: "unknown processor" };
  const machine = `${process.platform}, ${cpus().length} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GB`;
  const made = `Made on ${new Date().toISOString().slice(0, 10)} by \`npm run bench\` on ${machine}, Node ${process.versions.node}.`;
  const table = [HEAD(), ...results.map(rowOf)].join("\n");
  writeFileSync(file, `${before}${marks[0]}\n\n${made}\n\n${table}\n\n${marks[1]}${after}`);
}

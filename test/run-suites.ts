// Sets up what the suites need, runs them in two lanes, and ends with one line of counts.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { findChromium } from "./setup/chromium.ts";
import { findPrometheus } from "./setup/prometheus.ts";
import { killLeftovers, runProgram, stopPrograms } from "./setup/run-program.ts";
import { findDesktopVscode, installCodeServer, VSCODE_HOME } from "./setup/vscode.ts";
import type { Failure } from "./support/failure.ts";
import { startPostgres } from "./support/postgres.ts";

interface Suite {
  name: string;
  needs: readonly Need[];
  /** Mocha's arguments, or a program of its own. */
  mocha?: readonly string[];
  program?: readonly string[];
  /** It draws, which needs processors; what runs companions mostly waits. */
  draws?: true;
  /** Its tests go on from where those before them in their block left the window. */
  leans?: true;
  /** It makes the machine busy on purpose, so nothing else runs beside it. */
  alone?: true;
  /** Three times what it takes on two quiet cores, or more: cores can be lent elsewhere, too. */
  minutes: number;
}

type Need =
  | "package"
  | "build"
  | "postgres"
  | "chromium"
  | "prometheus"
  | "extension-host"
  | "code-server";

/** Setting up what is needed gives the environment of the suites. */
const NEEDS: Record<Need, () => Promise<Record<string, string>>> = {
  async package() {
    await runStep(["extension/scripts/package.mjs"]);
    return {};
  },
  async build() {
    await runStep(["esbuild.mjs"]);
    return {};
  },
  async postgres() {
    if (process.env["TEST_DATABASE_URL"]) return {};
    const server = await startPostgres();
    cleanUps.push(() => server.stop());
    return { TEST_DATABASE_URL: server.url };
  },
  async chromium() {
    return { CHROMIUM: await findChromium() };
  },
  async prometheus() {
    const { prometheus, promtool } = await findPrometheus();
    return { PROMETHEUS: prometheus, PROMTOOL: promtool };
  },
  async "extension-host"() {
    const executable = await findDesktopVscode();
    if (executable) return { VSCODE_EXECUTABLE: executable };
    return await NEEDS["code-server"]();
  },
  async "code-server"() {
    await installCodeServer();
    return { VSCODE_HOME };
  },
};

/** Quick checks first, then the longest, so that the short ones fill the end of both lanes. */
const SUITES: readonly Suite[] = [
  { name: "tidy", needs: [], mocha: ["test/*.test.ts"], minutes: 8 },
  {
    name: "server",
    needs: ["build", "postgres"],
    mocha: ["test/server/**/*.test.ts"],
    minutes: 80,
  },
  {
    name: "security",
    needs: ["build", "postgres", "chromium"],
    mocha: ["test/security/**/*.test.ts"],
    minutes: 20,
  },
  {
    name: "unit",
    needs: ["postgres"],
    mocha: ["test/unit/**/*.test.ts"],
    minutes: 15,
  },
  {
    name: "cluster",
    needs: [],
    mocha: ["test/cluster/*.test.ts"],
    minutes: 20,
  },
  {
    name: "monitoring",
    needs: ["prometheus"],
    mocha: ["test/monitoring/**/*.test.ts"],
    minutes: 15,
  },
  {
    name: "webview",
    needs: ["build", "chromium"],
    mocha: ["test/webview/**/*.test.ts"],
    draws: true,
    minutes: 60,
  },
  {
    name: "extension",
    needs: ["build", "chromium", "extension-host"],
    program: ["test/support/run-extension-host.ts"],
    draws: true,
    minutes: 40,
  },
  {
    name: "workbench",
    needs: ["package", "chromium", "code-server"],
    mocha: ["test/workbench/**/*.test.ts"],
    draws: true,
    leans: true,
    minutes: 45,
  },
  {
    name: "faults",
    needs: ["build", "postgres"],
    mocha: ["test/faults/*.test.ts"],
    alone: true,
    minutes: 60,
  },
];

interface Counts {
  passes: number;
  /** Their titles. */
  passed: string[];
  failures: number;
  pending: number;
  failed: Failure[];
}

/** So much longer the long rounds take. */
const LONG = 4;

/** More than these fail for a reason, which does not go away. */
const MAX_TRIED_AGAIN = 10;

const require = createRequire(import.meta.url);
const cleanUps: (() => Promise<void>)[] = [];
/**
 * Short, because the paths of sockets are; open to pass through, because
 * Postgres runs as another user.
 */
const scratch = mkdtempSync(join(tmpdir(), "sk-"));
chmodSync(scratch, 0o711);

const { values, positionals } = parseArgs({
  options: { grep: { type: "string", short: "g" }, full: { type: "boolean", default: false } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(
    `No suite ${unknown.join(", ")}. There are: ${SUITES.map((s) => s.name).join(", ")}`,
  );
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // What runs then ends, nothing more can start, and the way out is the one of every run.
  process.on(signal, () => void stopPrograms());
}

const NOTHING: Counts = { passes: 0, passed: [], failures: 0, pending: 0, failed: [] };
const total = { passes: 0, failures: 0, pending: 0 };
/** Said again at the end, where a long output is read first. */
const complaints: string[] = [];
/** Of tests that failed once and then passed. */
const unsteady: string[] = [];
try {
  const chosen = SUITES.filter(
    (suite) => positionals.length === 0 || positionals.includes(suite.name),
  );
  const environment = await prepare(chosen);
  const beside = chosen.filter(({ alone }) => !alone);
  const alone = chosen.filter((suite) => suite.alone);
  for (const lanes of [lanesOf(beside), lanesOf(alone)]) {
    const runs = lanes.map((lane) => runLane(lane, environment, chosen.length > 1));
    // Each to its end: what is set up for all is taken away after the last.
    for (const run of await Promise.allSettled(runs)) {
      if (run.status === "rejected") throw run.reason;
    }
  }
  if (total.passes + total.failures === 0) throw new Error("No test was run.");
} catch (thrown) {
  console.error(thrown);
  total.failures++;
  complaints.push(String(thrown));
} finally {
  await cleanUp();
}
if (unsteady.length > 0) {
  console.error(`\nUnsteady, failed once and then passed:\n${unsteady.join("\n")}`);
}
if (complaints.length > 0) console.error(`\nFailed:\n${complaints.join("\n")}`);
console.log(`\n${total.passes} passed, ${total.failures} failed, ${total.pending} skipped`);
process.exit(total.failures > 0 ? 1 : 0);

/**
 * In this order: the package is a production build, and the build that the
 * tests use must come after it.
 */
async function prepare(chosen: readonly Suite[]): Promise<NodeJS.ProcessEnv> {
  const environment = withOwnNode(process.env);
  for (const need of Object.keys(NEEDS) as Need[]) {
    if (!chosen.some((suite) => suite.needs.includes(need))) continue;
    Object.assign(environment, await NEEDS[need]());
  }
  return environment;
}

/**
 * One at a time of the suites that draw, beside one at a time of the others: that fills
 * two cores. More, and tests that measure seconds fail. When nothing is left to draw, that
 * lane helps with the others.
 */
function lanesOf(chosen: readonly Suite[]): (() => Suite | undefined)[] {
  const drawing = chosen.filter(({ draws }) => draws);
  const others = chosen.filter(({ draws }) => !draws);
  const lane = () => others.shift();
  return drawing.length === 0 ? [lane] : [lane, () => drawing.shift() ?? others.shift()];
}

/** `beside`: its lines stand among those of other suites, so each says whose it is. */
async function runLane(
  next: () => Suite | undefined,
  environment: NodeJS.ProcessEnv,
  beside: boolean,
): Promise<void> {
  for (let suite = next(); suite; suite = next()) {
    const begun = performance.now();
    console.log(`\n── ${suite.name} ──`);
    const counts = await runSuite(suite, environment, beside ? suite.name : undefined);
    total.passes += counts.passes;
    total.failures += counts.failures;
    total.pending += counts.pending;
    complaints.push(...counts.failed.map((failure) => tell(suite, failure)));
    const { passes, failures } = counts;
    const seconds = Math.round((performance.now() - begun) / 1000);
    console.log(`── ${suite.name}: ${passes} passed, ${failures} failed, ${seconds} s ──`);
  }
}

/** The second may only be what came of the first. */
function withFirstError(again: Failure, failed: readonly Failure[]): Failure {
  const first = failed.find(({ title }) => title === again.title);
  if (!first || first.error === again.error) return again;
  return { ...again, error: `${first.error}\n  Then, once more: ${again.error}` };
}

function tell(suite: Suite, { title, error }: Failure): string {
  return `${suite.name}: ${title}\n  ${error}`;
}

/**
 * What failed is tried once more, by itself, or with its block where tests lean on others: what a
 * busy machine made late passes then, what is broken does not. Neither is silent, since a test that
 * is unsteady is to be mended.
 */
async function runSuite(
  suite: Suite,
  environment: NodeJS.ProcessEnv,
  mark: string | undefined,
): Promise<Counts> {
  const first = await runOnce(suite, environment, mark, values.grep);
  const { failed, failures } = first;
  if (failures !== failed.length || failures === 0 || failures > MAX_TRIED_AGAIN) return first;
  console.log(`\n── ${suite.name}: what failed once more ──`);
  const patterns = failed.map((one) => (suite.leans ? one.blockPattern : one.pattern));
  const again = await runOnce(suite, environment, mark, [...new Set(patterns)].join("|"));
  if (again.passes + again.failures === 0) return first;
  // One that was not reached again, as its hook failed, has passed no more than that.
  const isUnsteady = ({ title }: Failure) => again.passed.includes(title);
  unsteady.push(...failed.filter(isUnsteady).map((one) => tell(suite, one)));
  const passed = new Set(first.passed);
  return {
    passes: first.passes + again.passed.filter((title) => !passed.has(title)).length,
    passed: [...passed, ...again.passed],
    failures: again.failures,
    pending: first.pending,
    failed: again.failed.map((one) => withFirstError(one, failed)),
  };
}

async function runOnce(
  suite: Suite,
  environment: NodeJS.ProcessEnv,
  mark: string | undefined,
  grep: string | undefined,
): Promise<Counts> {
  const file = join(scratch, `${suite.name}.json`);
  rmSync(file, { force: true });
  const args = suite.program ?? [
    join(dirname(require.resolve("mocha/package.json")), "bin/mocha.js"),
    "--require=test/support/hooks.ts",
    "--reporter=test/support/counting-reporter.cjs",
    // Of hooks; tests have the patience of hooks.ts.
    "--timeout=60000",
    "--forbid-only",
    ...(grep ? [`--grep=${grep}`] : []),
    ...(suite.mocha ?? []),
  ];
  const temporary = join(scratch, suite.name);
  mkdirSync(temporary, { recursive: true });
  const env = {
    ...environment,
    ...{ TMPDIR: temporary, TMP: temporary, TEMP: temporary },
    ...{ TEST_COUNTS: file, TEST_GREP: grep },
    ...(values.full ? { TEST_LENGTH: "full" } : {}),
  };
  const minutes = values.full ? LONG * suite.minutes : suite.minutes;
  const code = await runProgram(process.execPath, args, env, minutes, mark);
  const failed = (counts: Counts, why: string): Counts => {
    complaints.push(`${suite.name}: ${why}`);
    return { ...counts, failures: counts.failures + 1 };
  };
  const left = await killLeftovers(temporary);
  const counts = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Counts) : undefined;
  if (!counts) return failed(NOTHING, `ended with ${code} before its tests did.`);
  // A test that failed need not have come to its end.
  if (left.length > 0 && counts.failures === 0) {
    return failed(counts, `left running:\n${left.join("\n")}`);
  }
  // A run that died after its last test, or a host that was killed, is no success.
  if (code !== 0 && counts.failures === 0) return failed(counts, `exited with ${code}.`);
  if (counts.passes + counts.failures === 0 && !values.grep) return failed(counts, "ran no test.");
  return counts;
}

async function runStep(args: readonly string[]): Promise<void> {
  const code = await runProgram(process.execPath, args, withOwnNode(process.env), 10);
  if (code !== 0) throw new Error(`${args.join(" ")} exited with ${code}`);
}

function withOwnNode(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const bin = join(process.cwd(), "node_modules/.bin");
  return {
    ...environment,
    PATH: `${bin}${delimiter}${environment["PATH"]}`,
    // Hundreds of companions start from the same sources: half of the time of
    // a start is reading them.
    NODE_COMPILE_CACHE: join(scratch, "compiled"),
  };
}

async function cleanUp(): Promise<void> {
  for (const clean of cleanUps.splice(0).toReversed()) await clean();
  rmSync(scratch, { recursive: true, force: true });
}

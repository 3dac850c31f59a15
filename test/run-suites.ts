// Sets up what the suites need, runs them, and ends with one line of counts.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { findChromium } from "./setup/chromium.ts";
import { findPrometheus } from "./setup/prometheus.ts";
import { installCodeServer, VSCODE_HOME } from "./setup/vscode.ts";
import { startPostgres } from "./support/postgres.ts";

interface Suite {
  name: string;
  needs: readonly Need[];
  /** Mocha's arguments, or a program of its own. */
  mocha?: readonly string[];
  program?: readonly string[];
  minutes: number;
}

type Need = "build" | "package" | "postgres" | "chromium" | "prometheus" | "vscode";

/** Setting up what is needed gives the environment of the suites. */
const NEEDS: Record<Need, () => Promise<Record<string, string>>> = {
  async package() {
    await run("npm", ["run", "--silent", "package"]);
    return {};
  },
  async build() {
    await run("npm", ["run", "--silent", "build"]);
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
  async vscode() {
    await installCodeServer();
    return { VSCODE_HOME };
  },
};

const SUITES: readonly Suite[] = [
  { name: "tidy", needs: [], mocha: ["test/tidy.test.ts"], minutes: 2 },
  { name: "unit", needs: ["postgres"], mocha: ["test/unit/**/*.test.ts"], minutes: 5 },
  {
    name: "server",
    needs: ["build", "postgres"],
    mocha: ["test/server/**/*.test.ts"],
    minutes: 10,
  },
  {
    name: "monitoring",
    needs: ["build", "prometheus"],
    mocha: ["test/monitoring/**/*.test.ts"],
    minutes: 5,
  },
  {
    name: "webview",
    needs: ["build", "chromium"],
    mocha: ["test/webview/**/*.test.ts"],
    minutes: 10,
  },
  {
    name: "extension",
    needs: ["build", "chromium", "vscode"],
    program: ["test/support/run-extension-host.ts"],
    minutes: 5,
  },
  {
    name: "workbench",
    needs: ["package", "build", "chromium", "vscode"],
    mocha: ["test/workbench/**/*.test.ts"],
    minutes: 15,
  },
];

interface Counts {
  passes: number;
  failures: number;
  pending: number;
}

const require = createRequire(import.meta.url);
const cleanUps: (() => Promise<void>)[] = [];
const children = new Set<ChildProcess>();
const scratch = mkdtempSync(join(tmpdir(), "streamkeeper-tests-"));

const { values, positionals } = parseArgs({
  options: { grep: { type: "string", short: "g" } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(
    `No suite ${unknown.join(", ")}. There are: ${SUITES.map((s) => s.name).join(", ")}`,
  );
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    for (const child of children) child.kill("SIGTERM");
    void cleanUp().finally(() => process.exit(130));
  });
}

const total: Counts = { passes: 0, failures: 0, pending: 0 };
try {
  const chosen = SUITES.filter(
    (suite) => positionals.length === 0 || positionals.includes(suite.name),
  );
  const environment = await prepare(chosen);
  for (const suite of chosen) {
    console.log(`\n── ${suite.name} ──`);
    const counts = await runSuite(suite, environment);
    total.passes += counts.passes;
    total.failures += counts.failures;
    total.pending += counts.pending;
  }
} catch (thrown) {
  console.error(thrown);
  total.failures++;
} finally {
  await cleanUp();
}
console.log(`\n${total.passes} passed, ${total.failures} failed, ${total.pending} skipped`);
process.exit(total.failures > 0 ? 1 : 0);

/** In this order: the package is a production build, and the build that the tests use must come after it. */
async function prepare(chosen: readonly Suite[]): Promise<NodeJS.ProcessEnv> {
  const environment: NodeJS.ProcessEnv = { ...process.env };
  const bin = join(process.cwd(), "node_modules/.bin");
  environment["PATH"] = `${bin}${delimiter}${environment["PATH"]}`;
  for (const need of Object.keys(NEEDS) as Need[]) {
    if (!chosen.some((suite) => suite.needs.includes(need))) continue;
    Object.assign(environment, await NEEDS[need]());
  }
  return environment;
}

async function runSuite(suite: Suite, environment: NodeJS.ProcessEnv): Promise<Counts> {
  const file = join(scratch, `${suite.name}.json`);
  const args = suite.program ?? [
    join(dirname(require.resolve("mocha/package.json")), "bin/mocha.js"),
    "--require=test/support/hooks.ts",
    "--reporter=test/support/counting-reporter.cjs",
    "--timeout=20000",
    "--forbid-only",
    // The counts are written by then; what libraries leave ticking is not waited for.
    "--exit",
    ...(values.grep ? [`--grep=${values.grep}`] : []),
    ...(suite.mocha ?? []),
  ];
  const env = { ...environment, TEST_COUNTS: file };
  const code = await spawned(process.execPath, args, env, suite.minutes);
  const counts = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Counts) : undefined;
  if (!counts || counts.passes + counts.failures === 0) {
    if (values.grep && counts) return counts;
    console.error(`${suite.name}: ended with ${code} and ran no test.`);
    return { passes: 0, failures: 1, pending: 0 };
  }
  // A run that died after its last test, or a host that was killed, is no success.
  if (code !== 0 && counts.failures === 0) {
    console.error(`${suite.name}: exited with ${code}.`);
    return { ...counts, failures: 1 };
  }
  return counts;
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const bin = join(process.cwd(), "node_modules/.bin");
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}` };
  const code = await spawned(command, args, env, 10);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} exited with ${code}`);
}

/** Exit code; a program that takes too long is killed with all it started. */
function spawned(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  minutes: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { env, stdio: ["ignore", "inherit", "inherit"] });
    children.add(child);
    const timer = setTimeout(() => {
      console.error(`${args.join(" ")}: no end after ${minutes} minutes; killed.`);
      child.kill("SIGKILL");
    }, minutes * 60_000);
    child.once("error", reject);
    child.once("exit", (code) => {
      clearTimeout(timer);
      children.delete(child);
      resolve(code ?? 1);
    });
  });
}

async function cleanUp(): Promise<void> {
  for (const clean of cleanUps.splice(0).toReversed()) await clean();
  rmSync(scratch, { recursive: true, force: true });
}

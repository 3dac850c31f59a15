// promtool on what the real companion says, and a real Prometheus that scrapes it with the shipped configuration.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Companion, chunksOf, withCompanion } from "../support/companion.ts";

const SHIPPED = "monitoring/prometheus/prometheus.yml";

describe("monitoring", () => {
  let scratch: string;

  before(() => {
    scratch = mkdtempSync(join(tmpdir(), "streamkeeper-monitoring-"));
  });

  after(() => {
    rmSync(scratch, { recursive: true, force: true });
  });

  it("ships a configuration that promtool accepts", () => {
    const dataDir = join(scratch, "data");
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, "metrics_token"), "token\n");
    const { output, status } = promtool(["check", "config", configFor(dataDir)]);
    assert.equal(status, 0, output);
  });

  it("says metrics that promtool finds nothing wrong with", () =>
    withCompanion({}, async (companion) => {
      await answerOnce(companion);
      const { text, type } = await metricsOf(companion, "text/plain");
      assert.match(type, /^text\/plain; version=0\.0\.4/);
      const { output, status } = promtool(["check", "metrics"], text);
      assert.deepEqual([status, output], [0, ""]);
    }));

  it("says OpenMetrics that end with their mark, with the same series", () =>
    withCompanion({}, async (companion) => {
      await answerOnce(companion);
      const open = await metricsOf(companion, "application/openmetrics-text; version=1.0.0");
      assert.match(open.type, /^application\/openmetrics-text; version=1\.0\.0/);
      assert.equal(open.text.match(/^# EOF$/gm)?.length, 1);
      assert.ok(open.text.endsWith("\n# EOF\n"));
      const plain = await metricsOf(companion, "text/plain");
      assert.deepEqual(seriesOf(open.text), seriesOf(plain.text));
    }));

  it("opens the metrics for the metrics token, and nothing else", () =>
    withCompanion({}, async (companion) => {
      const statusOf = async (path: string, token: string) =>
        (await fetch(`${companion.url}${path}`, { headers: { authorization: `Bearer ${token}` } }))
          .status;
      assert.equal(await statusOf("/metrics", companion.metricsToken), 200);
      assert.equal(await statusOf("/v1/sessions", companion.metricsToken), 403);
      assert.equal(await statusOf("/metrics", "wrong"), 401);
    }));

  it("is scraped by a real Prometheus, wherever its port is", () =>
    withCompanion({ args: ["--port", "0"] }, async (companion) => {
      await answerOnce(companion);
      const prometheus = await startPrometheus(configFor(companion.dataDir), join(scratch, "tsdb"));
      try {
        const sum = 'sum(sse_transaction_commits_total{status="success"})';
        const commits = await valueOf(prometheus.url, sum, (value) => value > 0);
        assert.equal(commits, await commitsOf(companion));
        assert.equal(await valueOf(prometheus.url, 'up{job="streamkeeper"}', Boolean), 1);
        // A later answer is in a later scrape.
        await answerOnce(companion);
        const more = await commitsOf(companion);
        assert.equal(await valueOf(prometheus.url, sum, (value) => value === more), more);
      } finally {
        await prometheus.stop();
      }
    })).timeout(60_000);

  /** The shipped file with nothing changed but the place of the data directory. */
  function configFor(dataDir: string): string {
    const path = join(scratch, "prometheus.yml");
    writeFileSync(path, readFileSync(SHIPPED, "utf8").replaceAll("DATA_DIR", dataDir));
    return path;
  }
});

async function answerOnce({ request }: Companion): Promise<void> {
  const message = { type: "user_message", content: "Hello" };
  const types: string[] = [];
  for await (const chunk of chunksOf(await request("POST", "/v1/messages/stream", { message }))) {
    types.push(chunk.type);
  }
  assert.equal(types.at(-1), "done");
}

async function metricsOf(companion: Companion, accept: string) {
  const response = await fetch(`${companion.url}/metrics`, {
    headers: { accept, authorization: `Bearer ${companion.metricsToken}` },
  });
  assert.equal(response.status, 200);
  return { text: await response.text(), type: response.headers.get("content-type") ?? "" };
}

async function commitsOf(companion: Companion): Promise<number> {
  const { text } = await metricsOf(companion, "text/plain");
  const values = text.matchAll(
    /^sse_transaction_commits_total\{[^}]*status="success"[^}]*\} (\d+)$/gm,
  );
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Ours, without values: what the two forms must agree on. */
function seriesOf(text: string): string[] {
  return [...text.matchAll(/^((?:sse|chat|session|database|streamkeeper)_[^ ]+) /gm)]
    .map(([, series]) => series ?? "")
    .toSorted();
}

function promtool(args: readonly string[], input = "") {
  const { stdout, stderr, status, error } = spawnSync(tool("PROMTOOL"), args, {
    input,
    encoding: "utf8",
  });
  if (error) throw error;
  return { output: stdout + stderr, status };
}

function tool(name: "PROMETHEUS" | "PROMTOOL"): string {
  const path = process.env[name];
  if (!path) throw new Error(`${name} is not set; run the suite by \`npm test -- monitoring\``);
  return path;
}

async function startPrometheus(config: string, storage: string) {
  const port = await freePort();
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${storage}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child: ChildProcess = spawn(tool("PROMETHEUS"), args, {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr?.on("data", (data: Buffer) => {
    log += data.toString();
  });
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const ready = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`Prometheus ended:\n${log}`);
    await delay(50);
  }
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** Prometheus says its port nowhere, so it cannot choose one by itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** The query's one value, as soon as it is what is waited for; mocha's timeout is the bound. */
async function valueOf(
  url: string,
  query: string,
  wanted: (value: number) => boolean,
): Promise<number> {
  for (;;) {
    const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`);
    const body = (await response.json()) as { data?: { result?: { value?: [number, string] }[] } };
    const value = Number(body.data?.result?.[0]?.value?.[1] ?? Number.NaN);
    if (wanted(value)) return value;
    await delay(100);
  }
}

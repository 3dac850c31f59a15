// The shipped scrape configuration with a real Prometheus and a real companion.
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { findPrometheus, type PrometheusTools } from "../setup/prometheus.ts";
import { type Companion, chunksOf, newDataDir, startCompanion } from "../support/companion.ts";
import { freePort } from "../support/free-port.ts";

const SHIPPED = "monitoring/prometheus";
/** Five scrapes. */
const SCRAPED_WITHIN_MS = 25_000;

describe("the companion's metrics", () => {
  let tools: PrometheusTools;
  let dataDir: string;
  /** A copy of the shipped folder, with its `data` as the README says. */
  let folder: string;
  let companion: Companion;

  before(async function () {
    // Prometheus may have to be downloaded.
    this.timeout(300_000);
    tools = await findPrometheus();
    dataDir = newDataDir();
    folder = mkdtempSync(join(tmpdir(), "streamkeeper-prometheus-"));
    cpSync(join(SHIPPED, "prometheus.yml"), join(folder, "prometheus.yml"));
    symlinkSync(dataDir, join(folder, "data"));
    companion = await startCompanion({ dataDir });
    await answerOnce(companion);
  });
  after(async () => {
    await companion?.kill();
    for (const path of [dataDir, folder]) rmSync(path, { recursive: true, force: true });
  });

  it("are scraped by a configuration that promtool accepts", async () => {
    await promisify(execFile)(tools.promtool, ["check", "config", join(folder, "prometheus.yml")]);
  });

  it("pass promtool's check, as they are after an answer", async () => {
    assert.equal(await checkMetrics(tools.promtool, await metricsOf(companion)), "");
  });

  it("would fail promtool's check with a counter that is not named as one", async () => {
    const misnamed = "# HELP commits Commits.\n# TYPE commits counter\ncommits 1\n";
    assert.match(await checkMetrics(tools.promtool, misnamed), /_total/);
  });

  it("open to the metrics token, which opens nothing else", async () => {
    const status = async (path: string, token: string) =>
      (await fetch(companion.url + path, { headers: { authorization: `Bearer ${token}` } })).status;
    assert.equal(await status("/metrics", companion.metricsToken), 200);
    assert.equal(await status("/metrics", "wrong"), 401);
    assert.equal(await status("/v1/sessions", companion.metricsToken), 403);
  });

  it("arrive in Prometheus, and again after a restart on another port", async function () {
    this.timeout(3 * SCRAPED_WITHIN_MS);
    const prometheus = await startPrometheus(tools.prometheus, folder);
    try {
      const commits = 'sse_transaction_commits_total{operation="complete_turn",status="success"}';
      const first = await prometheus.waitFor(commits, (found) => found.value >= 1);
      assert.equal(first.labels["job"], "streamkeeper");
      assert.equal(first.labels["instance"], `127.0.0.1:${companion.port}`);

      const before = companion.port;
      await companion.stop();
      companion = await startCompanion({ dataDir });
      assert.notEqual(companion.port, before);
      const up = `up{instance="127.0.0.1:${companion.port}"}`;
      await prometheus.waitFor(up, (found) => found.value === 1);
    } finally {
      await prometheus.stop();
    }
  });
});

async function answerOnce(companion: Companion): Promise<void> {
  const message = { type: "user_message", content: "Hello" };
  const response = await companion.request("POST", "/v1/messages/stream", { message });
  let last: string | undefined;
  for await (const chunk of chunksOf(response)) last = chunk.type;
  assert.equal(last, "done");
}

async function metricsOf(companion: Companion): Promise<string> {
  const headers = { authorization: `Bearer ${companion.metricsToken}` };
  return await (await fetch(`${companion.url}/metrics`, { headers })).text();
}

/** What promtool complains of; empty if nothing. */
async function checkMetrics(promtool: string, text: string): Promise<string> {
  const child = spawn(promtool, ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      said += data.toString();
    });
  }
  child.stdin.end(text);
  const [code] = await once(child, "close");
  return code === 0 ? said : `${said}exit ${code}`;
}

interface Sample {
  labels: Record<string, string>;
  value: number;
}

interface Prometheus {
  /** The first sample of a query, as soon as it is as wanted. */
  waitFor(query: string, wanted: (found: Sample) => boolean): Promise<Sample>;
  stop(): Promise<void>;
}

async function startPrometheus(binary: string, folder: string): Promise<Prometheus> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "tsdb")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child: ChildProcess = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr?.on("data", (data: Buffer) => {
    log += data.toString();
  });
  const gone = once(child, "exit");
  return {
    async waitFor(query, wanted) {
      const deadline = performance.now() + SCRAPED_WITHIN_MS;
      let found: Sample | undefined;
      while (performance.now() < deadline && child.exitCode === null) {
        found = await firstSample(url, query);
        if (found && wanted(found)) return found;
        await delay(100);
      }
      throw new Error(`${query}: ${JSON.stringify(found)}\n${log}`);
    },
    async stop() {
      child.kill("SIGTERM");
      await gone;
    },
  };
}

async function firstSample(url: string, query: string): Promise<Sample | undefined> {
  // It does not listen at once.
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`).catch(
    () => undefined,
  );
  if (!response?.ok) return undefined;
  const body = (await response.json()) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  const [first] = body.data.result;
  return first && { labels: first.metric, value: Number(first.value[1]) };
}

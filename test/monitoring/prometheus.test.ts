// The shipped scrape configuration with a real Prometheus and a real companion.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { toScrapeConfig } from "../../extension/latency/metrics-report.ts";
import { findPrometheus, type PrometheusTools } from "../setup/prometheus.ts";
import { type Companion, chunksOf, newDataDir, startCompanion } from "../support/companion.ts";
import { hurry, shippedFolder, startPrometheus, withPrometheus } from "../support/prometheus.ts";

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
    folder = shippedFolder(dataDir);
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

  it("are scraped by what the metrics view of the editor gives to copy", async () => {
    const copied = mkdtempSync(join(tmpdir(), "streamkeeper-copied-"));
    const file = join(copied, "prometheus.yml");
    writeFileSync(
      file,
      `global: { scrape_interval: 1s, scrape_timeout: 1s }\n${toScrapeConfig(dataDir)}`,
    );
    await promisify(execFile)(tools.promtool, ["check", "config", file]);
    await withPrometheus(tools.prometheus, copied, async (prometheus) => {
      const up = await prometheus.waitFor("up", ({ value }) => value === 1);
      assert.equal(up.labels["job"], "streamkeeper");
    });
  });

  it("lead from a slow bucket to the trace, in a Prometheus that stores exemplars", async () => {
    const traceId = "ab".repeat(16);
    await answerOnce(companion, { traceparent: `00-${traceId}-${"cd".repeat(8)}-01` });
    const scraping = shippedFolder(dataDir);
    hurry(scraping);
    const flags = ["--enable-feature=exemplar-storage"];
    const prometheus = await startPrometheus(tools.prometheus, scraping, flags);
    try {
      await prometheus.waitFor("up", ({ value }) => value === 1);
      for (const metric of [
        "sse_transaction_duration_seconds",
        "chat_time_to_first_chunk_seconds",
      ]) {
        const found = await prometheus.exemplars(`${metric}_bucket`);
        assert.ok(
          found.some((labels) => labels["trace_id"] === traceId),
          metric,
        );
      }
    } finally {
      await prometheus.stop();
      rmSync(scraping, { recursive: true, force: true });
    }
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

async function answerOnce(
  companion: Companion,
  headers: Record<string, string> = {},
): Promise<void> {
  const response = await fetch(`${companion.url}/v1/messages/stream`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${companion.token}`,
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify({ message: { type: "user_message", content: "Hello" } }),
  });
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

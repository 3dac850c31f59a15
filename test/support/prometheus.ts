// A real Prometheus with the shipped configuration, on a folder of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";

const SHIPPED = "monitoring/prometheus";
/** Five scrapes. */
const SCRAPED_WITHIN_MS = 25_000;

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

export interface Prometheus {
  /** All samples of a query now; rejects if it is none. */
  query(query: string): Promise<Sample[]>;
  /** The first sample of a query, as soon as it is as wanted. */
  waitFor(query: string, wanted: (found: Sample) => boolean): Promise<Sample>;
  /** The alerts that it knows. */
  rules(): Promise<Rule[]>;
  /** The labels of the exemplars that a query has found within the last minute. */
  exemplars(query: string): Promise<Record<string, string>[]>;
  stop(): Promise<void>;
}

export interface Rule {
  name: string;
  state: "inactive" | "pending" | "firing";
  /** Whether its expression could be evaluated. */
  health: "ok" | "err" | "unknown";
}

/**
 * A copy of the shipped folder, with its `data` as the README says; nobody is told of its alerts
 * unless `alertmanager` is.
 */
export function shippedFolder(dataDir: string, alertmanager = "127.0.0.1:9"): string {
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-prometheus-"));
  // An operator's own link stays where it is.
  cpSync(SHIPPED, folder, { recursive: true, filter: (path) => !path.endsWith("/data") });
  symlinkSync(dataDir, join(folder, "data"));
  adapt(folder, "prometheus.yml", { "127.0.0.1:9093": alertmanager });
  return folder;
}

/** Scrapes and evaluates every second, for tests that wait for it. */
export function hurry(folder: string): void {
  adapt(folder, "prometheus.yml", {
    "scrape_interval: 5s": "scrape_interval: 1s",
    "scrape_timeout: 4s": "scrape_timeout: 1s",
    "evaluation_interval: 15s": "evaluation_interval: 1s",
    "refresh_interval: 5s": "refresh_interval: 1s",
  });
}

/**
 * The shipped configuration with other words in places. Each must be there, or the
 * test would test nothing.
 */
function adapt(folder: string, file: string, words: Record<string, string>): void {
  const path = join(folder, file);
  let text = readFileSync(path, "utf8");
  for (const [from, to] of Object.entries(words)) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    text = text.replaceAll(from, to);
  }
  writeFileSync(path, text);
}

export async function startPrometheus(
  binary: string,
  folder: string,
  flags: readonly string[] = [],
): Promise<Prometheus> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "tsdb")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    ...flags,
  ];
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (data: Buffer) => {
    log += data.toString();
  });
  const gone = once(child, "exit");
  const query = (text: string) => ask(url, text);
  return {
    query,
    async waitFor(text, wanted) {
      const deadline = performance.now() + SCRAPED_WITHIN_MS;
      let found: Sample | undefined;
      while (performance.now() < deadline && child.exitCode === null) {
        // It does not listen at once.
        [found] = await query(text).catch(() => []);
        if (found && wanted(found)) return found;
        await delay(100);
      }
      throw new Error(`${text}: ${JSON.stringify(found)}\n${log}`);
    },
    async rules() {
      const response = await fetch(`${url}/api/v1/rules`);
      const answer = (await response.json()) as { data: { groups: { rules: Rule[] }[] } };
      return answer.data.groups.flatMap(({ rules }) => rules);
    },
    async exemplars(query) {
      const now = Date.now() / 1000;
      const range = { query, start: String(now - 60), end: String(now + 1) };
      const response = await fetch(`${url}/api/v1/query_exemplars?${new URLSearchParams(range)}`);
      const { data } = (await response.json()) as ExemplarAnswer;
      return data.flatMap((series) => series.exemplars.map(({ labels }) => labels));
    },
    async stop() {
      child.kill("SIGTERM");
      await gone;
    },
  };
}

/** Lends one that watches the companion of a data directory. */
export async function withPrometheus(
  binary: string,
  folder: string,
  body: (prometheus: Prometheus) => Promise<void>,
): Promise<void> {
  const prometheus = await startPrometheus(binary, folder);
  try {
    await body(prometheus);
  } finally {
    await prometheus.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Answer {
  status: string;
  error?: string;
  data: { result: { metric: Record<string, string>; value: [number, string] }[] };
}

interface ExemplarAnswer {
  data: { exemplars: { labels: Record<string, string> }[] }[];
}

async function ask(url: string, query: string): Promise<Sample[]> {
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`);
  const answer = (await response.json()) as Answer;
  if (answer.status !== "success") throw new Error(`${query}: ${answer.error}`);
  return answer.data.result.map(({ metric, value }) => ({
    labels: metric,
    value: Number(value[1]),
  }));
}

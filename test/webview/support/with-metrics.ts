// Opens the built metrics view in a real Chromium, as VS Code's webview; what the host would
// tell it comes from the test.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { TransactionEntry } from "../../../server/protocol/transactions.ts";
import type { MetricsReport, ToMetrics } from "../../../webview/metrics/messages.ts";
import { ScriptedCompanion } from "./scripted-companion.ts";
import { THEMES, type ThemeName } from "./themes.ts";
import { prepareVsCode, sharedBrowser, watch } from "./with-app.ts";

export interface OpenMetrics {
  page: Page;
  /** What the page asked its host for. */
  posted: unknown[];
  tell(report: MetricsReport): Promise<void>;
}

export async function withMetrics(
  options: { theme?: ThemeName; language?: string; width?: number; height?: number },
  body: (metrics: OpenMetrics) => Promise<void>,
): Promise<void> {
  const { theme = "dark", language = "en", width = 900, height = 1_100 } = options;
  const companion = new ScriptedCompanion();
  await companion.start();
  const context = await (await sharedBrowser()).newContext({
    viewport: { width, height },
    colorScheme: THEMES[theme].kind,
    reducedMotion: "reduce",
  });
  const errors: string[] = [];
  const violations: string[] = [];
  try {
    const page = await context.newPage();
    await watch(page, errors, violations);
    const posted: unknown[] = [];
    const receive = (message: unknown): void => void posted.push(message);
    const state = { value: undefined };
    await prepareVsCode(page, companion, { theme, language, bundle: "metrics" }, receive, state);
    await page.goto(`${companion.origin}/vscode`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    const tell = (report: MetricsReport): Promise<void> => {
      const message: ToMetrics = { type: "report", report };
      return page.evaluate((data) => window.postMessage(data, "*"), message);
    };
    await body({ page, posted, tell });
    assert.deepEqual({ violations, errors }, { violations: [], errors: [] });
  } finally {
    await context.close();
    await companion.stop();
  }
}

const NOW = Date.UTC(2026, 0, 1);

export function entry(number: number, more: Partial<TransactionEntry> = {}): TransactionEntry {
  return {
    id: `0badcafe-${number}`,
    at: new Date(NOW - (50 - number) * 1_300).toISOString(),
    operation: "append_chunks",
    session_id: "session-1",
    turn_id: "turn-1",
    trace_id: null,
    status: "success",
    seconds: 0.0021,
    phases: { wait: 0.0001, body: 0.0004, commit: 0.0016 },
    attempts: 1,
    text_size: 300,
    shared: 1,
    slow: false,
    explanation: null,
    ...more,
  };
}

const SLOW = entry(44, {
  seconds: 0.182,
  phases: { wait: 0.001, body: 0.001, commit: 0.18 },
  slow: true,
  explanation: { phase: "commit", cause: "fsync" },
});
const LOCKED = entry(30, {
  operation: "add_user_message",
  seconds: 0.412,
  phases: { wait: 0.41, body: 0.001, commit: 0.001 },
  attempts: 5,
  slow: true,
  explanation: { phase: "wait", cause: "lock_wait" },
});

export const EMPTY: MetricsReport = {
  companion: "ready",
  message: "The companion server is running.",
  failing: false,
  now: NOW,
  storage: { engine: "sqlite", durability: "full" },
  slow_threshold_seconds: 0.1,
  last_minute: { p50: null, p95: null, p99: null, commits: 0, errors: 0, rollbacks: 0, slow: 0 },
  points: [],
  phases: { wait: 0, body: 0, commit: 0 },
  transactions: [],
  slow: [],
  metrics_url: "http://127.0.0.1:41234/metrics",
  scrape_config: `scrape_configs:
  - job_name: streamkeeper
    authorization:
      credentials_file: "/home/me/.config/Code/User/globalStorage/streamkeeper.streamkeeper/metrics_token"
    file_sd_configs:
      - files: ["/home/me/.config/Code/User/globalStorage/streamkeeper.streamkeeper/prometheus/targets.json"]
        refresh_interval: 5s
`,
};

/** A quarter of an hour with a slow disk in its middle and a pause before. */
export const BUSY: MetricsReport = {
  ...EMPTY,
  last_minute: {
    p50: 0.0012,
    p95: 0.0043,
    p99: 0.182,
    commits: 214,
    errors: 0,
    rollbacks: 1,
    slow: 1,
  },
  points: Array.from({ length: 58 }, (_, index) => {
    const from = 870 - index * 15;
    const quiet = index > 12 && index < 19;
    const slow = index > 30 && index < 36 ? 40 : 1;
    const p50 = 0.0009 * (1 + 0.4 * Math.sin(index / 3)) * slow;
    return {
      from,
      to: from - 15,
      p50: quiet ? null : p50,
      p95: quiet ? null : p50 * 2.8,
      p99: quiet ? null : p50 * (index % 9 === 0 ? 40 : 5),
      commits: quiet ? 0 : 40 + (index % 7) * 3,
      errors: 0,
      rollbacks: 0,
      slow: slow > 1 ? 3 : 0,
    };
  }),
  phases: { wait: 1.1, body: 2.3, commit: 9.8 },
  transactions: Array.from({ length: 50 }, (_, index) => 50 - index).map((number) => {
    if (number === 44) return SLOW;
    if (number === 30) return LOCKED;
    if (number % 10 === 0) return entry(number, { operation: "complete_turn", seconds: 0.0034 });
    if (number === 27) return entry(number, { operation: "tool_decision", status: "rollback" });
    if (number === 22) return entry(number, { operation: "rewind_session" });
    if (number === 21) return entry(number, { operation: "create_session", turn_id: null });
    if (number === 23) return entry(number, { operation: "renew_lease", session_id: null });
    return entry(number, { shared: 1 + (number % 4) });
  }),
  slow: [
    SLOW,
    LOCKED,
    entry(3, {
      operation: "import_messages",
      seconds: 1.31,
      phases: { wait: 0.1, body: 1.2, commit: 0.01 },
      text_size: 5_200_000,
      slow: true,
      explanation: { phase: "body", cause: "big_write" },
    }),
  ],
};

import assert from "node:assert/strict";
import type { MetricsReport } from "../../webview/metrics/messages.ts";
import { findings, inEveryTheme } from "./support/axe.ts";
import { closeBrowser } from "./support/with-app.ts";
import { BUSY, EMPTY, type OpenMetrics, withMetrics } from "./support/with-metrics.ts";

after(closeBrowser);

const AWAY: MetricsReport = {
  ...BUSY,
  companion: "away",
  message: "The companion server has gone away and is being started again.",
  metrics_url: null,
};

describe("the metrics view", () => {
  it("shows latency, phases, the last transactions and why slow ones were slow", () =>
    withMetrics({}, async ({ page, tell }) => {
      await tell(BUSY);
      const chart = page.getByRole("img", {
        name: /Commit latency of the last 15 minutes\. p95: /,
      });
      await chart.waitFor();
      for (const name of ["p50", "p95", "p99"]) {
        assert.match(
          (await chart.locator(`.line.is-${name}`).getAttribute("d")) ?? "",
          /^M[\d.]+ .*M/,
        );
      }
      await page.getByText("SQLite · durability full").waitFor();
      const phases = page.getByRole("region", { name: "Where the time went" });
      assert.match(await phases.innerText(), /Waiting[\s\S]*8 %[\s\S]*17 %[\s\S]*74 %/);
      const slow = page.getByRole("region", { name: "Slow transactions, over 100 ms" });
      const reasons = await slow.locator("li p:last-child").allInnerTexts();
      assert.deepEqual(reasons, [
        "Mostly the COMMIT (180 ms): the disk took long to confirm what was written (fsync).",
        "Mostly waiting (410 ms): another program or connection held the lock (5 attempts).",
        "Mostly its statements (1.2 s): it wrote much text at once (5,200,000 characters).",
      ]);
      const rows = page.getByRole("region", { name: "Last transactions" }).locator("tbody tr");
      assert.equal(await rows.count(), 50);
      const first = (await rows.first().innerText()).replace(/\s+/g, " ");
      assert.match(
        first,
        /^0 s complete_turn committed 3\.4 ms 0\.1 ms 0\.4 ms 1\.6 ms Show in chat$/,
      );
      assert.match(await rows.nth(6).innerText(), /fsync/);
      assert.match(await rows.nth(23).innerText(), /rolled back/);
      assert.equal(await rows.nth(27).getByRole("button").count(), 0, "no chat, no button");
    }));

  it("leads to the turn of a transaction or to its chat, and asks for nothing but its commands, by keyboard, too", () =>
    withMetrics({}, async ({ page, tell, posted }) => {
      await tell(BUSY);
      await page.getByRole("button", { name: "Show in chat what complete_turn" }).first().click();
      await page.getByRole("button", { name: "Open chat of rewind_session" }).click();
      await page.getByRole("button", { name: "Open chat of create_session" }).click();
      await page.getByRole("button", { name: "Copy metrics URL" }).press("Enter");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
      await until(() => posted.length === 6, page);
      assert.deepEqual(posted, [
        { type: "ready" },
        { type: "open_session", session_id: "session-1", turn_id: "turn-1" },
        { type: "open_session", session_id: "session-1" },
        { type: "open_session", session_id: "session-1" },
        { type: "command", command: "copy_metrics_url" },
        { type: "command", command: "copy_scrape_config" },
      ]);
      assert.match(
        await page.getByRole("region", { name: "For Prometheus" }).innerText(),
        /http:\/\/127\.0\.0\.1:41234\/metrics[\s\S]*file_sd_configs/,
      );
    }));

  it("keeps focus and open table while new figures come", () =>
    withMetrics({}, async ({ page, tell }) => {
      await tell(BUSY);
      await page.getByText("As a table").click();
      const button = page.getByRole("button", { name: "Show in chat what complete_turn" }).first();
      await button.focus();
      await tell({ ...BUSY, now: BUSY.now + 61_000, transactions: BUSY.transactions.slice(0, 40) });
      await page
        .getByRole("region", { name: "Last transactions" })
        .getByText("1 min")
        .first()
        .waitFor();
      assert.ok(await button.evaluate((element) => element === document.activeElement));
      const table = page.getByRole("region", { name: "Last 15 minutes" }).locator("tbody tr");
      assert.equal(await table.count(), BUSY.points.length);
    }));

  it("says what to do before anything was committed, and that the companion is away", () =>
    withMetrics({}, async ({ page, tell }) => {
      await page.getByText("Reading the figures…").waitFor();
      await tell(EMPTY);
      await page.getByText("Send a message in the chat").waitFor();
      await page.getByRole("button", { name: "Copy scrape configuration" }).waitFor();
      assert.equal(await page.getByRole("status").innerText(), "");
      await tell(AWAY);
      const state = page.getByRole("status");
      await state.getByText("is being started again").waitFor();
      await state.getByRole("button", { name: "Restart server" }).waitFor();
      assert.equal(await page.getByRole("table").count(), 1, "what was known stays");
    }));

  it("takes names for text, and ignores what is not of its contract", () =>
    withMetrics({}, async ({ page, tell }) => {
      const operation = '<img src=x onerror="document.title=1">';
      const [one] = BUSY.transactions;
      assert.ok(one);
      await tell({ ...BUSY, transactions: [{ ...one, operation }] });
      await page.getByText(operation).waitFor();
      await page.evaluate(() => {
        for (const data of [
          null,
          1,
          {},
          { type: "report" },
          { type: "report", report: { points: "x" } },
        ])
          window.postMessage(data, "*");
      });
      await page.getByText(operation).waitFor();
      assert.equal(await page.title(), "Streamkeeper");
    }));

  it("speaks Russian", () =>
    withMetrics({ language: "ru" }, async ({ page, tell }) => {
      await tell(BUSY);
      await page.getByText("диск долго подтверждал запись (fsync)").first().waitFor();
      assert.doesNotMatch(
        await page.locator("main").innerText(),
        /\b(?:Last|Slow|Open|Show|Copy|ago)\b/,
      );
    }));

  for (const [name, report] of Object.entries({ EMPTY, BUSY, AWAY })) {
    it(`has nothing that axe finds fault with: ${name}`, () =>
      withMetrics({}, async (open) => {
        await unfold(open, report);
        await inEveryTheme(open.page, async (theme) => {
          assert.deepEqual(await findings(open.page), [], theme);
        });
      }));
  }

  it("needs no sideways scrolling of the page when narrow", () =>
    withMetrics({ width: 340 }, async ({ page, tell }) => {
      await tell(BUSY);
      await page.getByRole("heading", { name: "For Prometheus" }).waitFor();
      const over = await page.locator("#app").evaluate((app) => app.scrollWidth - app.clientWidth);
      assert.ok(over <= 0, `${over} px too wide`);
    }));
});

async function unfold({ page, tell }: OpenMetrics, report: MetricsReport): Promise<void> {
  await tell(report);
  await page.getByRole("heading", { name: "For Prometheus" }).waitFor();
  for (const summary of await page.locator("details:not([open]) summary").all()) {
    await summary.click();
  }
  await page.evaluate(() => new Promise(requestAnimationFrame));
}

async function until(condition: () => boolean, page: OpenMetrics["page"]): Promise<void> {
  while (!condition()) await page.evaluate(() => new Promise(requestAnimationFrame));
}

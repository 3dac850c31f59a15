// Whoever goes up while an answer comes wants to read there, however little that was.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { ask, closeBrowser, withApp } from "./support/with-app.ts";

after(closeBrowser);

const rows = (from: number, count: number): string =>
  Array.from({ length: count }, (_, index) => `Row ${from + index}\n\n`).join("");
const frames = (page: Page, count = 2): Promise<void> =>
  page.evaluate(async (times) => {
    for (let n = 0; n < times; n += 1) await new Promise(requestAnimationFrame);
  }, count);

/** An answer that grows every 20 ms while the reader does something. */
async function whileItGrows(
  act: (page: Page) => Promise<void>,
  check: (seen: { moved: number; left: number; page: Page }) => Promise<void>,
): Promise<void> {
  await withApp({ height: 500 }, async (app) => {
    const { page, companion } = app;
    const { session, turnId } = await ask(app, "Long");
    companion.stream(session, turnId, rows(0, 60), 400);
    await page.getByText("Row 59", { exact: true }).waitFor();
    let row = 60;
    const growing = setInterval(() => {
      companion.stream(session, turnId, rows(row, 1));
      row += 1;
    }, 20);
    const log = page.getByRole("log");
    const top = () => log.evaluate((element) => element.scrollTop);
    try {
      await page.getByText("Row 65", { exact: true }).waitFor();
      await log.hover();
      await act(page);
      await page.waitForTimeout(300);
      const before = await top();
      await page.waitForTimeout(500);
      const left = await log.evaluate(
        (element) => element.scrollHeight - element.scrollTop - element.clientHeight,
      );
      await check({ moved: (await top()) - before, left, page });
    } finally {
      clearInterval(growing);
    }
  });
}

const holds = (act: (page: Page) => Promise<void>): Promise<void> =>
  whileItGrows(
    async (page) => {
      await act(page);
      await cameToRest(page);
    },
    async ({ moved, left, page }) => {
      assert.equal(moved, 0, "it was pulled on");
      assert.ok(left > 40, `${left} px from the end`);
      await page.getByRole("button", { name: "Jump to latest" }).waitFor();
    },
  );

/** A busy machine draws what a wheel or a finger did later than 300 ms. */
async function cameToRest(page: Page): Promise<void> {
  const top = () => page.getByRole("log").evaluate((element) => element.scrollTop);
  for (let looks = 0; looks < 20; looks += 1) {
    const before = await top();
    await page.waitForTimeout(200);
    if ((await top()) === before) return;
  }
}

const press = (key: string) => async (page: Page) => {
  await page.getByRole("log").focus();
  await page.keyboard.press(key);
};

/** The finger that goes down the page moves it up. */
async function swipe(page: Page, by: number): Promise<void> {
  const client = await page.context().newCDPSession(page);
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", y?: number) =>
    client.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: y === undefined ? [] : [{ x: 200, y }],
    });
  await touch("touchStart", 200);
  await touch("touchMove", 200 + by / 2);
  await touch("touchMove", 200 + by);
  await touch("touchEnd");
}

describe("a reader who goes up while an answer comes", () => {
  for (const by of [-8, -20, -100]) {
    it(`is left there after the wheel moved ${by} px`, () =>
      holds((page) => page.mouse.wheel(0, by)));
  }

  for (const key of ["ArrowUp", "PageUp", "Home", "Shift+Space", "Alt+ArrowUp"]) {
    it(`is left there after ${key}`, () => holds(press(key)));
  }

  it("is left there after a finger moved by 30 px", () => holds((page) => swipe(page, 30)));

  it("is left there after the page was scrolled in any other way", () =>
    holds(async (page) => {
      await page.getByRole("log").evaluate((element) => element.scrollBy(0, -6));
      await frames(page);
    }));

  it("is not taken along by what is built above", () =>
    holds(async (page) => {
      await page.mouse.wheel(0, -20);
      await frames(page, 4);
      await page.evaluate(() => {
        const first = document.querySelector<HTMLElement>(".markdown > p");
        if (first) first.textContent = "grown ".repeat(400);
      });
    }));

  it("is followed again once back at the end, or after Jump to latest", async () => {
    await whileItGrows(
      async (page) => {
        await page.mouse.wheel(0, -20);
        await frames(page, 4);
        await page.mouse.wheel(0, 4_000);
      },
      async ({ moved, left, page }) => {
        assert.ok(moved > 0 && left < 60, `moved ${moved}, ${left} left`);
        await page.mouse.wheel(0, -20);
        await page.getByRole("button", { name: "Jump to latest" }).click();
        await page.getByRole("button", { name: "Jump to latest" }).waitFor({ state: "detached" });
        const last = () => page.locator(".markdown > p").last().innerText();
        const before = await last();
        await page.waitForTimeout(300);
        assert.notEqual(await last(), before);
        await page.locator(".markdown > p").last().isVisible();
      },
    );
  });

  it("is followed on when nobody moves", () =>
    whileItGrows(
      async () => {},
      async ({ moved, left }) => assert.ok(moved > 0 && left < 60, `moved ${moved}, ${left} left`),
    ));
});

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { toWaiting, WAIT_OVER } from "../../server/protocol/sse.ts";
import { ScriptedCompanion } from "./support/scripted-companion.ts";
import { ask, closeBrowser, HOSTS, withApp } from "./support/with-app.ts";

after(closeBrowser);

async function until(condition: () => boolean, page: Page): Promise<void> {
  while (!condition()) await page.evaluate(() => new Promise(requestAnimationFrame));
}

describe("the way from a browser to the companion", () => {
  it("takes the token out of the address bar and keeps it for a reload", () =>
    withApp({}, async (app) => {
      const { page, companion } = app;
      await page.getByText("answers from a script").waitFor();
      assert.equal(page.url(), `${companion.origin}/`);
      await app.reload();
      await page.getByText("answers from a script").waitFor();
      assert.ok(companion.requests.every(({ line }) => !line.includes(companion.token)));
    }));

  it("sends the token to nobody who has not proved to know it", () =>
    withApp(
      {
        allowErrors: true,
        prepare: (companion) => {
          companion.knowsToken = false;
        },
      },
      async ({ page, companion }) => {
        await page.getByText("Another program answers in the companion’s place").waitFor();
        assert.ok(companion.requests.length > 0);
        for (const { line, authorization } of companion.requests) {
          assert.match(line, /^GET \/v1\/hello\?nonce=[0-9a-f]{64}$/);
          assert.equal(authorization, undefined);
        }
        companion.knowsToken = true;
        await page.getByRole("button", { name: "Try now" }).click();
        await page.getByText("answers from a script").waitFor();
      },
    ));

  it("asks again for the proof after the companion was away", () =>
    withApp({ allowErrors: true }, async (app) => {
      const { page, companion } = app;
      await ask(app, "Hi");
      await companion.stop();
      await page.getByText("The companion is away").waitFor();
      const before = companion.requests.length;
      companion.knowsToken = false;
      await companion.start();
      await page.getByRole("button", { name: "Try now" }).click();
      await page.getByText("Another program answers").waitFor();
      const since = companion.requests.slice(before);
      assert.ok(since.every(({ authorization }) => authorization === undefined));
    }));

  for (const host of HOSTS) {
    for (const [language, database, second] of [
      ["en", "Waiting for the database, 3 s", "Waiting for the second machine, 4 s"],
      ["ru", "Ожидание базы данных, 3 с", "Ожидание второй машины, 4 с"],
    ] as const) {
      it(`says what answers wait for, until they go on (${host}, ${language})`, () =>
        withApp({ host, language }, async ({ page, companion }) => {
          await page.locator("textarea").fill("Hi");
          await page.keyboard.press("Enter");
          await page.locator(".status-line.is-live").waitFor();
          const banner = page.locator(".banner");
          companion.writeRaw(toWaiting({ seconds: 3, second_machine: false }));
          await banner.getByText(database, { exact: true }).waitFor();
          companion.writeRaw(toWaiting({ seconds: 4, second_machine: true }));
          await banner.getByText(second, { exact: true }).waitFor();
          const folder = process.env["SHOTS"];
          if (folder) await page.screenshot({ path: `${folder}/waits-${host}-${language}.png` });
          companion.writeRaw(toWaiting(WAIT_OVER));
          await banner.waitFor({ state: "detached" });
        }));
    }
  }

  it("looks for the companion at once after a sleep, however long it was away before", () =>
    withApp({ allowErrors: true }, async ({ page, companion }) => {
      await page.getByText("answers from a script").waitFor();
      let looks = 0;
      page.on("requestfailed", (request) => {
        if (request.url().includes("/v1/hello")) looks += 1;
      });
      await companion.stop();
      await page.getByRole("button", { name: "Chats" }).click();
      await page.getByText("The companion is away").waitFor();
      // Each pause is twice as long as the one before; this one is 8 s.
      await until(() => looks === 3, page);
      await companion.start();
      const woke = performance.now();
      await page.evaluate(() => {
        const { now } = Date;
        Date.now = () => now() + 3_600_000;
      });
      await page.getByText("The companion is away").waitFor({ state: "detached" });
      const seconds = (performance.now() - woke) / 1_000;
      assert.ok(seconds < 3, `${seconds} s`);
    })).timeout(40_000);

  it("says how to get in when there is no token or a wrong one", () =>
    withApp({ allowErrors: true }, async ({ page, companion }) => {
      const fresh = await page.context().newPage();
      await fresh.goto(companion.origin);
      await fresh.getByText("Open the address that “npm start” printed").waitFor();
      assert.equal(await fresh.getByRole("button", { name: "Try now" }).count(), 0);
      // The printed address, pasted into that very tab.
      await fresh.goto(companion.url);
      await fresh.getByText("answers from a script").waitFor();
    }));

  it("takes up the stream by its cursor when the companion is back, without loss or repetition", () =>
    withApp({ allowErrors: true }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "Count");
      companion.stream(session, turnId, "one two ");
      await page.getByText("one two").waitFor();
      const seen = session.last_seq;
      await companion.stop();
      await page.getByText("What you saw is saved").waitFor();
      await page.getByText("one two").waitFor();
      companion.stream(session, turnId, "three four");
      companion.done(session, turnId);
      await companion.start();
      await page.getByRole("button", { name: "Try now" }).click();
      await page.getByText("one two three four").waitFor();
      await page.getByText("The companion is away").waitFor({ state: "detached" });
      const resumed = companion.requests.findLast(({ line }) => line.includes("/stream"));
      assert.equal(resumed?.lastEventId, String(seen));
    }));

  it("comes back by itself", () =>
    withApp({ allowErrors: true }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "Count");
      companion.dropStreams();
      await until(() => companion.openStreams === 0, page);
      companion.stream(session, turnId, "still here");
      await page.getByText("still here").waitFor();
    }));

  it("asks again from its cursor when chunks are missing", () =>
    withApp({}, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "Count");
      companion.stream(session, turnId, "one ", 4);
      await page.getByText("one").waitFor();
      const cursor = session.last_seq;
      const ahead = {
        type: "assistant_message",
        token: "three",
        seq: cursor + 2,
        session_id: session.id,
        turn_id: turnId,
        is_final: false,
      };
      companion.writeRaw(
        `id: ${cursor + 2}\nevent: assistant_message\ndata: ${JSON.stringify(ahead)}\n\n`,
      );
      await until(() => companion.requests.at(-1)?.lastEventId === String(cursor), page);
      companion.stream(session, turnId, "two three", 9);
      companion.done(session, turnId);
      await page.getByText("one two three", { exact: true }).waitFor();
    }));

  it("sends a message that nobody took as soon as the companion is back", () =>
    withApp({ allowErrors: true }, async (app) => {
      const { page, companion } = app;
      await page.getByText("answers from a script").waitFor();
      await companion.stop();
      await app.send("Keep this");
      await page.getByText("Not sent yet").waitFor();
      await companion.start();
      await page.getByRole("button", { name: "Try now" }).click();
      await page.locator(".status-line.is-live").waitFor();
      assert.equal(companion.messages.length, 1);
    }));

  it("sends what was not sent after a reload, too", () =>
    withApp({ allowErrors: true }, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "First");
      companion.done(session, turnId);
      await page.getByText("Saved").waitFor();
      await companion.stop();
      await app.send("Keep this");
      await page.getByText("Not sent yet").waitFor();
      const saved = await page.evaluate(() => sessionStorage.getItem("streamkeeper.state"));
      const requestId = (JSON.parse(saved ?? "{}") as { unsent: { request_id: string } }).unsent
        .request_id;
      await companion.start();
      await app.reload();
      await page.locator(".question-text", { hasText: "Keep this" }).waitFor();
      await page.locator(".status-line.is-live").waitFor();
      assert.equal(companion.messages.at(-1)?.request_id, requestId);
      assert.equal(companion.messages.length, 2);
    }));

  it("shows that a chat is gone", () =>
    withApp({}, async (app) => {
      const { page, companion } = app;
      const { session, turnId } = await ask(app, "Hi");
      companion.done(session, turnId);
      companion.sessions.delete(session.id);
      await app.reload();
      await page.getByText("This chat is not there any more.").waitFor();
    }));
});

for (const host of HOSTS) {
  describe(`a message from ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("takes effect once when the answer to it is lost", () =>
      withApp(
        { host, allowErrors: true, prepare: (companion) => void (companion.loseAnswers = 1) },
        async (app) => {
          const { page, companion } = app;
          companion.onMessage = (session, turnId) => companion.stream(session, turnId, "once");
          await app.send("Only once");
          await page.getByText("once", { exact: true }).waitFor();
          assert.equal(await page.locator(".question").count(), 1);
          const [session] = companion.sessions.values();
          assert.equal(session?.chunks.filter(({ type }) => type === "user_message").length, 1);
          assert.equal(new Set(companion.messages.map(({ request_id }) => request_id)).size, 1);
        },
      ));
  });
}

describe("VS Code's webview", () => {
  it("shows what the host says of the connection, and goes on when it is back", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page, post, posted } = app;
      await page.getByText("answers from a script").waitFor();
      await post({
        type: "connection",
        connection: { state: "away", message: "The server ended five times." },
      });
      await page.getByText("The server ended five times.").waitFor();
      await page.getByRole("button", { name: "Show log" }).click();
      await page.getByRole("button", { name: "Restart" }).click();
      await post({ type: "connection", connection: { state: "ready" } });
      await page.getByText("The server ended five times.").waitFor({ state: "detached" });
      const commands = posted.flatMap((message) =>
        message.type === "host_command" ? [message.command] : [],
      );
      assert.deepEqual(commands, ["show_log", "restart_server"]);
    }));

  it("has no network of its own", () =>
    withApp({ host: "vscode", allowErrors: true }, async ({ page, companion, violations }) => {
      await page.getByText("answers from a script").waitFor();
      const refused = await page.evaluate(async (origin) => {
        const tries = [fetch(`${origin}/v1/models`), fetch("https://e.example/")];
        return (await Promise.allSettled(tries)).map(({ status }) => status);
      }, companion.origin);
      assert.deepEqual(refused, ["rejected", "rejected"]);
      await until(() => violations.length >= 2, page);
      // These two were ours; any other is a failure of the test.
      assert.equal(
        violations.splice(0, 2).filter((text) => text.startsWith("connect-src")).length,
        2,
      );
    }));
});

describe("the scripted companion of these tests", () => {
  it("comes back on its port", async () => {
    const companion = new ScriptedCompanion();
    await companion.start();
    const { origin } = companion;
    await companion.stop();
    await companion.start();
    assert.equal(companion.origin, origin);
    await companion.stop();
  });
});

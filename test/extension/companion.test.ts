// What the user sees when the companion or its storage fails, and that it goes away by itself.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import * as vscode from "vscode";
import type { App } from "../../extension/app.ts";
import { explain, loadSaid, loadStarts } from "../../extension/explain.ts";
import { Problem } from "../../extension/problem.ts";
import { ask, extension, until } from "./support.ts";

describe("a failing companion in its host", () => {
  let app: App;

  before(async () => {
    await extension().activate();
    app = await extension().exports.app();
    await app.companion.ensure();
  });
  after(async () => {
    await app.companion.stopRunning();
  });

  it("says in the status bar that its storage fails, what is safe, and goes back by itself", async () => {
    await ask(app, "Before");
    const polled = async (): Promise<string> => {
      await app.statusBar.poll();
      return app.statusBar.text;
    };
    assert.match(await polled(), /^\$\(database\)/);
    const script = join(extension().extensionPath, "test/support/planted/lock-database.ts");
    const node = join(extension().extensionPath, "node_modules/node/bin/node");
    const args = [script, join(app.dataDir, "streamkeeper.db")];
    const other = spawn(node, args, { stdio: ["pipe", "pipe", "inherit"] });
    try {
      await once(other.stdout, "data");
      const refused = await ask(app, "Now").catch((thrown: unknown) => thrown);
      // Not by its class: the tests are bundled with one of their own.
      assert.ok(refused instanceof Error && "code" in refused);
      assert.equal(refused.code, "storage_busy");
      // A look that had begun before is the answer to who asks meanwhile.
      await until("it says so", async () => (await polled()) === "$(error) Database locked");
      assert.equal(app.statusBar.color, "statusBarItem.errorBackground");
      assert.match(app.statusBar.details.storage?.hint ?? "", /^What you saw is saved/);
    } finally {
      other.stdin.end();
    }
    await until("it goes back", async () => (await polled()).startsWith("$(database)"));
    // The wait for the lock may still count as slow.
    assert.notEqual(app.statusBar.color, "statusBarItem.errorBackground");
    await ask(app, "After");
  }).timeout(40_000);

  it("says in the status bar that answers wait for the database, or for its second machine only", async () => {
    const { client } = app;
    const metrics = client.metrics.bind(client);
    const polled = async (): Promise<string> => {
      await app.statusBar.poll();
      return app.statusBar.text;
    };
    // A real wait takes a cluster; that each shows itself in these figures is tried on one.
    const asIf = (...names: string[]) => {
      const waits = async (...of: Parameters<typeof metrics>): Promise<string> => {
        let text = await metrics(...of);
        for (const name of names) {
          assert.ok(text.includes(`\n${name} 0\n`), `there is no ${name}`);
          text = text.replace(`\n${name} 0\n`, `\n${name} 7\n`);
        }
        return text;
      };
      Object.assign(client, { metrics: waits });
    };
    try {
      asIf("database_waiting_seconds");
      const database = "$(error) Waiting for the database, 7 s";
      await until("it waits for the database", async () => (await polled()) === database);
      assert.equal(app.statusBar.color, "statusBarItem.errorBackground");
      asIf("database_waiting_seconds", "database_second_machine_waiting_seconds");
      const second = "$(error) Waiting for the second machine, 7 s";
      await until("it waits for the second machine", async () => (await polled()) === second);
      assert.match(app.statusBar.details.storage?.hint ?? "", /^What you saw is on two machines/);
    } finally {
      Object.assign(client, { metrics });
    }
    await until("it goes back", async () => (await polled()).startsWith("$(database)"));
  });

  it("is told of in the reader's language: what it says, and why it did not start", async () => {
    const locked = Problem.answered(
      "storage_busy",
      "The database is locked by another program.",
      "",
    );
    assert.equal(explain(locked).message, "The database is locked by another program.");
    await loadSaid("ru-RU");
    await loadStarts("ru-RU");
    assert.equal(explain(locked).message, "Базу данных держит другая программа.");
    const words = "/n/sk is not a directory (a link?).";
    assert.match(
      explain(Problem.ours("companion_exited", words)).message,
      /: \/n\/sk — не папка \(ссылка\?\)\.$/,
    );
  });

  it("is started again after each crash, then given up in words, with something to do about it", async () => {
    const told: { text: string; actions: string[] }[] = [];
    const { showErrorMessage } = vscode.window;
    const choose = Promise.withResolvers<string | undefined>();
    Object.assign(vscode.window, {
      showErrorMessage: (text: string, ...actions: string[]) => {
        told.push({ text, actions });
        return choose.promise;
      },
    });
    try {
      await app.companion.restart();
      let crashes = 0;
      while (app.companion.state.state !== "failed") {
        const companion = await app.companion.ensure();
        assert.ok(crashes++ < 5);
        process.kill(companion.hello.pid, "SIGKILL");
        // As any use does that meets a broken connection.
        await companion.text({ method: "GET", path: "/metrics" }).catch(() => undefined);
        await app.companion.check(companion);
        await until("it is known", () => app.companion.state.state !== "away");
      }
      assert.equal(crashes, 5);
      assert.equal(told.length, 1);
      assert.match(told[0]?.text ?? "", /five times within five minutes.*What you saw is saved/);
      assert.deepEqual(told[0]?.actions, ["Show log", "Try again"]);
      assert.equal(app.statusBar.text, "$(error) Streamkeeper");
      choose.resolve("Try again");
      await until("it is back", () => app.companion.state.state === "ready");
      await ask(app, "Back again");
    } finally {
      Object.assign(vscode.window, { showErrorMessage });
    }
  }).timeout(60_000);
});

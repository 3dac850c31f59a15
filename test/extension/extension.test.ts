import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import type { App } from "../../extension/app.ts";
import type { ChatView } from "../../extension/chat/chat-view.ts";
import { handOverKey } from "../../extension/commands/keys.ts";
import { PROVIDERS } from "../../extension/providers.ts";
import { normal } from "../support/upstream/openai-scripts.ts";
import { FAKE_MODEL, startUpstream } from "../support/upstream/start-upstream.ts";
import { ask, extension, globalStorage, until } from "./support.ts";

const PLANTED = "sk-planted-secret-0123456789";

async function openChat(app: App): Promise<ChatView> {
  await vscode.commands.executeCommand("streamkeeper.focusChat");
  return until("the chat's page", () =>
    app.chats.all().find(({ surface }) => surface.kind === "view" && surface.isVisible()),
  );
}

describe("extension at its start", () => {
  it("is active after start-up and has done nothing yet", async () => {
    const started = performance.now();
    const { app: _, isLoaded } = await extension().activate();
    assert.ok(performance.now() - started < 5_000);
    assert.equal(isLoaded(), false);
    assert.ok(!existsSync(join(globalStorage(), "server.json")));
  });

  it("is loaded fast: its bundle, read and evaluated anew, takes less than 50 ms", () => {
    const path = join(extension().extensionPath, "dist/extension/extension.cjs");
    // The best of some: what else the machine does is not the bundle's.
    const times = Array.from({ length: 5 }, () => {
      delete require.cache[path];
      const started = performance.now();
      require(path);
      return performance.now() - started;
    });
    assert.ok(Math.min(...times) < 50, `${times.join()} ms`);
  });

  it("registers every command of its manifest", async () => {
    const known = new Set(await vscode.commands.getCommands(true));
    const commands: { command: string }[] = extension().packageJSON.contributes.commands;
    assert.ok(commands.length >= 15);
    for (const { command } of commands) assert.ok(known.has(command), command);
  });

  it("starts the companion when the chat's page is there, in the data directory of this user", async () => {
    const app = await (await extension().activate()).app();
    assert.equal(app.companion.state.state, "stopped");
    await openChat(app);
    await until("ready", () => app.companion.state.state === "ready");
    const companion = await app.companion.ensure();
    assert.equal(app.dataDir, globalStorage());
    assert.ok(existsSync(join(app.dataDir, "server.json")));
    assert.notEqual(companion.hello.pid, process.pid);
    if (process.platform !== "win32") {
      assert.equal(statSync(join(app.dataDir, "token")).mode & 0o777, 0o600);
      assert.equal(statSync(join(app.dataDir, "logs/companion.log")).mode & 0o777, 0o600);
    }
  });
});

describe("extension in its host", () => {
  let app: App;

  before(async () => {
    app = await (await extension().activate()).app();
    await openChat(app);
    await app.companion.ensure();
  });

  after(async () => {
    // The companion outlives its windows; a test takes it along, if it can prove that it is ours.
    await app?.companion.stopRunning();
  });

  it("speaks to it through connections that proved themselves, whatever VS Code does to node:http", async () => {
    const companion = await app.companion.ensure();
    assert.match(
      await companion.text({ method: "GET", path: "/metrics" }),
      /sse_transaction_duration_seconds/,
    );
    const ready = await app.client.call("get_ready", {});
    assert.equal(ready.engine, "sqlite");
  });

  it("gets an answer of the demo model, word by word and whole", async () => {
    const { text, session } = await ask(app, "Hello");
    assert.ok(text.length > 20, text);
    const { messages } = await app.client.call("list_messages", { session_id: session });
    assert.equal(messages.find(({ role }) => role === "assistant")?.content, text);
  });

  it("shows the commit latency in the status bar, from the real metrics", async () => {
    await app.statusBar.poll();
    await ask(app, "Hello again");
    await app.statusBar.poll();
    assert.match(app.statusBar.text, /^\$\(database\) (?:< )?\d+(?:\.\d)? m?s$/);
    const { figures, ready } = app.statusBar.details;
    assert.ok(figures.commits > 0 && figures.p95 !== undefined);
    assert.equal(figures.errors, 0);
    assert.equal(ready?.engine, "sqlite");
  });

  it("opens a chat in the editor, which a serializer brings back", async () => {
    const { session } = await ask(app, "For the editor");
    await vscode.commands.executeCommand("streamkeeper.openInEditor");
    const chat = await until("the panel", () =>
      app.chats.all().find(({ surface }) => surface.kind === "panel"),
    );
    chat.send({ type: "open_session", session_id: session });
    await until("the session in the panel", () => chat.state.session_id === session);
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
    assert.ok(tab?.input instanceof vscode.TabInputWebview);
    assert.match(tab.input.viewType, /streamkeeper\.chatPanel$/);

    // A link to one of its turns leads there; of another chat, to the view.
    const other = await ask(app, "For the side bar");
    await app.chats.openSession(other.session);
    const view = app.chats.all().find(({ surface }) => surface.kind === "view");
    await until("the other chat in the view", () => view?.state.session_id === other.session);
    const { messages } = await app.client.call("list_messages", { session_id: session });
    const link = { session_id: session, turn_id: messages[0]?.turn_id };
    await vscode.commands.executeCommand("streamkeeper.openTurn", link);
    await until("the panel has the focus", () => chat.surface.isActive());
    assert.equal(view?.state.session_id, other.session);
    await vscode.window.tabGroups.close(tab);
    await until("the panel is gone", () =>
      app.chats.all().every(({ surface }) => surface.kind === "view"),
    );
  });

  it("keeps keys in the secret storage and the companion's memory, and nowhere else", async () => {
    const [provider] = PROVIDERS;
    await app.secrets.setKey(provider, undefined, PLANTED);
    await handOverKey(app, await app.companion.ensure(), provider);
    await ask(app, "With a key");
    const models = await app.client.call("list_models", {});
    assert.ok(models.data.some(({ id, available }) => id.startsWith("openai/") && available));
    assert.deepEqual(filesWith(app.dataDir, PLANTED), []);
    const settings = JSON.stringify(vscode.workspace.getConfiguration("streamkeeper"));
    assert.ok(!settings.includes(PLANTED));
    const { pid } = (await app.companion.ensure()).hello;
    if (process.platform === "linux") {
      for (const name of ["cmdline", "environ"]) {
        assert.ok(!readFileSync(`/proc/${pid}/${name}`, "utf8").includes(PLANTED), name);
      }
    }
    const restarted = await app.companion.restart();
    assert.notEqual(restarted.hello.pid, pid);
    const again = await app.client.call("list_models", {});
    assert.ok(
      again.data.some(({ id, available }) => id.startsWith("openai/") && available),
      "after a restart",
    );
    await app.secrets.removeKey(provider);
    await handOverKey(app, restarted, provider);
    const without = await app.client.call("list_models", {});
    assert.ok(!without.data.some(({ id, available }) => id.startsWith("openai/") && available));
  });

  it("sends a key to the server it was given for, and to no other", async () => {
    const provider = PROVIDERS.find(({ id }) => id === "openai-compatible");
    assert.ok(provider);
    const [upstream, other] = [
      await startUpstream(normal("Hello.")),
      await startUpstream(normal("Ha!")),
    ];
    const configuration = vscode.workspace.getConfiguration("streamkeeper");
    const { Global } = vscode.ConfigurationTarget;
    const handedOver = async () => handOverKey(app, await app.companion.ensure(), provider);
    const model = `openai-compatible/${FAKE_MODEL}`;
    try {
      await configuration.update(provider.setting, upstream.url, Global);
      await app.secrets.setKey(provider, upstream.url, PLANTED);
      await handedOver();
      assert.equal((await ask(app, "Hi", model)).text, "Hello.");
      await until("a title is asked for, too", () => upstream.requests.length === 2);
      for (const { headers } of upstream.requests) {
        assert.equal(headers.authorization, `Bearer ${PLANTED}`);
      }
      await configuration.update(provider.setting, other.url, Global);
      await handedOver();
      await ask(app, "Hi again", model);
      assert.equal(upstream.requests.length, 2);
      for (const { headers } of other.requests) {
        assert.ok(!JSON.stringify(headers).includes(PLANTED));
      }
    } finally {
      await configuration.update(provider.setting, undefined, Global);
      await app.secrets.removeKey(provider);
      await handedOver();
      await Promise.all([upstream.close(), other.close()]);
    }
  });

  it("does not give a key to a server it was not given for", async () => {
    const [provider] = PROVIDERS;
    await app.secrets.setKey(provider, undefined, PLANTED);
    const moved = await app.secrets.key(provider, "https://elsewhere.example/v1");
    assert.deepEqual(moved, { key: PLANTED, fits: false });
    await app.secrets.removeKey(provider);
  });

  it("brings a killed companion back, and a stream goes on from its cursor", async () => {
    const { session, text } = await ask(app, "Before the crash");
    const companion = await app.companion.ensure();
    const stop = new AbortController();
    let seen = "";
    let last = 0;
    let interrupted = false;
    for await (const chunks of app.client.stream(session, 0, stop.signal)) {
      for (const chunk of chunks) {
        assert.equal(chunk.seq, last + 1);
        last = chunk.seq;
        seen += chunk.token ?? "";
      }
      if (!interrupted && chunks.some((chunk) => chunk.is_final)) {
        interrupted = true;
        process.kill(companion.hello.pid, "SIGKILL");
        void until(
          "another companion",
          async () => (await app.companion.ensure()) !== companion,
        ).then(() =>
          app.client.call("send_message", {
            session_id: session,
            message: { type: "user_message", content: "And after" },
          }),
        );
      } else if (interrupted && chunks.some((chunk) => chunk.is_final)) stop.abort();
    }
    assert.ok(seen.startsWith(text) && seen.length > text.length);
  });

  it("takes nothing from the folder that only the user may set", async () => {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    assert.ok(folder);
    const hostile = {
      "streamkeeper.statusBar.slowThresholdMs": 7,
      "streamkeeper.dataDirectory": "/elsewhere",
      "streamkeeper.providers.openai.baseUrl": "https://elsewhere.example",
      "streamkeeper.database.engine": "postgres",
      "streamkeeper.server.autoStart": true,
    };
    mkdirSync(join(folder.uri.fsPath, ".vscode"), { recursive: true });
    writeFileSync(join(folder.uri.fsPath, ".vscode/settings.json"), JSON.stringify(hostile));
    await until("the folder's settings are read", () => app.settings.slowThresholdMs() === 7);
    assert.equal(app.settings.dataDirectory(), globalStorage());
    for (const provider of PROVIDERS) assert.equal(app.settings.baseUrl(provider), undefined);
    assert.equal(app.settings.databaseEngine(), "sqlite");
    assert.equal(app.settings.autoStart(), false);
  });

  it("takes them from the user, where the host runs", async () => {
    const configuration = vscode.workspace.getConfiguration("streamkeeper");
    const { Global } = vscode.ConfigurationTarget;
    await configuration.update("server.idleExitMinutes", 3, Global);
    assert.equal(app.settings.idleExitSeconds(), 180);
    await configuration.update("server.idleExitMinutes", 0, Global);
    assert.equal(app.settings.idleExitSeconds(), "never");
    await configuration.update("server.idleExitMinutes", undefined, Global);
    assert.equal(app.settings.idleExitSeconds(), 600);
  });

  it("attaches the selection to a question", async () => {
    const document = await vscode.workspace.openTextDocument({ content: "one\ntwo\nthree" });
    const editor = await vscode.window.showTextDocument(document);
    editor.selection = new vscode.Selection(1, 0, 2, 5);
    await vscode.commands.executeCommand("streamkeeper.askAboutSelection");
    const { selectionContext } = await import("../../extension/context/editor-context.ts");
    await vscode.window.showTextDocument(document);
    const context = selectionContext();
    assert.equal(context?.content, "two\nthree");
    assert.match(context?.label ?? "", /:2-3$/);
  });

  it("says calmly that a companion has ended, and starts another with the next use", async () => {
    await app.companion.stopRunning();
    assert.equal(app.companion.state.state, "stopped");
    app.statusBar.update();
    assert.equal(app.statusBar.text, "$(circle-slash) Streamkeeper");
    await ask(app, "Still there?");
  });
});

function filesWith(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text));
}

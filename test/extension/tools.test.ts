// The editor's tools in a real extension host: a model asks for them (a script on a real HTTP
// server), the companion judges and stores the calls, this window runs them.
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { firstKept } from "../../extension/tools/first-kept.ts";
import { lastWritten } from "../../server/protocol/tool-output.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { approve, call, type Player, results, startPlaying } from "./playing.ts";
import { until } from "./support.ts";

describe("the editor's tools", function () {
  this.timeout(60_000);
  let player: Player;
  let project: string;

  before(async () => {
    player = await startPlaying();
    const folder = vscode.workspace.workspaceFolders?.[0];
    assert.ok(folder, "the tests' window has a folder");
    project = folder.uri.fsPath;
  });

  beforeEach(() => {
    player.session = undefined;
    for (const name of ["src", "docs", "made"]) {
      rmSync(join(project, name), { recursive: true, force: true });
    }
    mkdirSync(join(project, "src"));
    writeFileSync(join(project, "src/a.ts"), "export const one = 1;\nexport const two = 2;\n");
  });

  after(() => player.close());

  it("read, list and search without asking, and refuse what is outside", async () => {
    symlinkSync("/etc", join(project, "src/etc"));
    writeFileSync(join(project, "src/.env"), "KEY=sk-secret\n");
    const chunks = await player.play([
      call("read_file", { path: "src/a.ts", start_line: 2, end_line: 2 }),
      call("list_files", { path: "src" }),
      call("list_files", { recursive: true, path: "." }),
      call("search_in_code", { query: "ONE = 1" }),
      call("search_in_code", { query: "two = \\d", is_regex: true, include: "**/*.ts" }),
      call("search_in_code", { query: "KEY=", include: "**" }),
      call("read_file", { path: "../../etc/passwd" }),
      call("read_file", { path: "src/etc/passwd" }),
      call("read_file", { path: "none.ts" }),
      call("read_file", {}),
    ]);
    const [read, flat, deep, found, byRegex, secret, outside, linked, none, wrong] =
      results(chunks);
    assert.equal(read, "[Lines 2 to 2 of 3.]\nexport const two = 2;");
    assert.equal(flat, ".env\na.ts\netc/");
    assert.equal(secret, "[Nothing found.]");
    assert.match(deep ?? "", /^src\/a\.ts$/m);
    assert.match(found ?? "", /^src\/a\.ts:1:export const one = 1;$/m);
    assert.match(byRegex ?? "", /^src\/a\.ts:2:/m);
    assert.match(outside ?? "", /outside of the workspace/);
    assert.match(linked ?? "", /outside of the workspace/);
    assert.match(none ?? "", /no file none\.ts/);
    assert.match(wrong ?? "", /^path: /);
    assert.equal(
      chunks.some(({ requires_approval }) => requires_approval),
      false,
    );
  });

  it("see what the editor underlines", async () => {
    const collection = vscode.languages.createDiagnosticCollection("test");
    const range = new vscode.Range(1, 0, 1, 5);
    collection.set(vscode.Uri.file(join(project, "src/a.ts")), [
      new vscode.Diagnostic(range, "two is too many", vscode.DiagnosticSeverity.Warning),
    ]);
    const chunks = await player.play([call("get_problems", { path: "src/a.ts" })]);
    collection.dispose();
    assert.deepEqual(results(chunks), ["src/a.ts:2: warning: two is too many"]);
  });

  it("change files when a person approves: made, changed, edited, rejected", async () => {
    const edits = [{ old_text: "two = 2", new_text: "two = 22" }];
    const chunks = await player.play(
      [
        call("write_file", { path: "made/b.ts", content: "b\n" }),
        call("read_file", { path: "src/a.ts" }),
        call("apply_diff", { path: "src/a.ts", edits }),
        call("write_file", { path: "made/c.ts", content: "as the model wanted" }),
        call("write_file", { path: "made/d.ts", content: "d" }),
        call("create_directory", { path: "made/folder/below" }),
      ],
      [
        approve,
        approve,
        {
          decision: "edit",
          modified_arguments: { path: "made/c.ts", content: "as the person wanted" },
        },
        { decision: "reject", feedback: "not this one" },
        approve,
      ],
    );
    assert.equal(readFileSync(join(project, "made/b.ts"), "utf8"), "b\n");
    assert.match(readFileSync(join(project, "src/a.ts"), "utf8"), /two = 22;/);
    assert.equal(readFileSync(join(project, "made/c.ts"), "utf8"), "as the person wanted");
    assert.equal(existsSync(join(project, "made/d.ts")), false);
    assert.ok(existsSync(join(project, "made/folder/below")));
    assert.match(results(chunks)[4] ?? "", /rejected this call: not this one/);
  });

  it("refuse to change what the chat has not read, or what has changed since", async () => {
    const write = call("write_file", { path: "src/a.ts", content: "new" });
    const [unread] = results(await player.play([write], [approve]));
    assert.match(unread ?? "", /has not been read/);
    await player.play([call("read_file", { path: "src/a.ts" })]);
    writeFileSync(join(project, "src/a.ts"), "changed by somebody\n");
    const [changed] = results(await player.play([write], [approve]));
    assert.match(changed ?? "", /has changed since it was read/);
    assert.equal(readFileSync(join(project, "src/a.ts"), "utf8"), "changed by somebody\n");
  });

  it("show a change as a diff, and take what the person makes of it there", async () => {
    const playing = player.play([
      call("write_file", { path: "made/e.ts", content: "from the model\n" }),
    ]);
    const tab = await until("the diff", () =>
      vscode.window.tabGroups.all
        .flatMap(({ tabs }) => tabs)
        .find(({ input }) => input instanceof vscode.TabInputTextDiff),
    );
    const { modified } = tab.input as vscode.TabInputTextDiff;
    const document = await vscode.workspace.openTextDocument(modified);
    assert.equal(document.getText(), "from the model\n");
    const edit = new vscode.WorkspaceEdit();
    edit.insert(modified, new vscode.Position(0, 0), "with a person's line\n");
    await vscode.workspace.applyEdit(edit);
    await vscode.commands.executeCommand("streamkeeper.approveChange", modified);
    const chunks = await playing;
    assert.match(results(chunks)[0] ?? "", /Made made\/e\.ts/);
    const text = readFileSync(join(project, "made/e.ts"), "utf8");
    assert.equal(text, "with a person's line\nfrom the model\n");
    await until(
      "the diff is closed",
      () => !vscode.window.tabGroups.all.some(({ tabs }) => tabs.includes(tab)),
    );
  });

  it("run a command where it is seen, with its output and exit code", async () => {
    const chunks = await player.play(
      [call("execute_command", { command: "echo out; echo err >&2; (exit 3)" })],
      [approve],
    );
    const [result = ""] = results(chunks);
    assert.match(result, /out/);
    assert.match(result, /err/);
    assert.match(result, /\[Exit code 3\]$/);
  });

  it("run it in the folder that the model names, inside of the workspace only", async () => {
    const run = (folder: string) => call("execute_command", { command: "pwd", folder });
    const chunks = await player.play(
      [run("src"), run(".."), run("missing")],
      [approve, approve, approve],
    );
    const [inside = "", outside = "", missing = ""] = results(chunks);
    assert.equal(inside, `${join(realpathSync(project), "src")}\n[Exit code 0]`);
    assert.match(outside, /^\.\. is outside of the workspace/);
    assert.equal(missing, "There is no folder missing.");
    const told = JSON.stringify(player.upstream.requests.at(-1));
    assert.match(told, /machine with (Linux|macOS|Windows)\. Commands run in/);
    assert.match(told, /The workspace folder is named /);
  });

  it("tell what a command says while it still runs, and all of it in its result", async () => {
    const gate = join(project, "made-go");
    rmSync(gate, { force: true });
    const command = `printf '\\033[32mstep one\\033[0m\\n 10%%\\r 90%%'; while [ ! -e ${gate} ]; do sleep 0.1; done; echo; echo step two`;
    const playing = player.play([call("execute_command", { command })], [approve]);
    // A reader of its own, as another window or a browser would be.
    const stop = new AbortController();
    const id = await until("the session", () => player.session);
    let seen = "";
    for await (const chunks of player.app.client.stream(id, 0, stop.signal)) {
      for (const chunk of chunks) {
        if (metadataOf(chunk).state === "tool_output") seen += chunk.token;
      }
      if (/90%/.test(seen)) break;
    }
    stop.abort();
    assert.equal(lastWritten(seen).trim(), "step one\n 90%");
    writeFileSync(gate, "");
    const chunks = await playing;
    rmSync(gate);
    assert.match(results(chunks)[0] ?? "", /^step one\n 90%\nstep two\n\[Exit code 0\]$/);
    const kinds = chunks.map((chunk) => metadataOf(chunk).state ?? chunk.type);
    assert.ok(kinds.lastIndexOf("tool_output") < kinds.indexOf("tool_result"));
  });

  it("interrupt a command when the answer is stopped, and when its time is over", async () => {
    const marker = join(project, "made-late");
    const slow = { command: `sleep 20; touch ${marker}`, timeout_seconds: 1 };
    const [late = ""] = results(await player.play([call("execute_command", slow)], [approve]));
    assert.match(late, /Interrupted after 1 s/);

    player.session = undefined;
    const playing = player.play(
      [call("execute_command", { command: `sleep 20; touch ${marker}` })],
      [approve],
    );
    await player.waiting("tool_result");
    await player.stop();
    assert.equal((await playing).at(-1)?.type, "interrupted");
    assert.equal(existsSync(marker), false);
  });

  it("put files and chat back to before a turn, over several of them", async () => {
    await player.play([call("write_file", { path: "made/f.ts", content: "1" })], [approve]);
    await player.play(
      [
        call("read_file", { path: "src/a.ts" }),
        call("write_file", { path: "src/a.ts", content: "2" }),
      ],
      [approve],
    );
    const kept = await player.app.tools.checkpoints.list(player.session ?? "");
    assert.equal(kept.length, 2);
    const { messages } = await player.app.client.call("list_messages", {
      session_id: player.session ?? "",
    });
    const [, second] = messages.filter(({ role }) => role === "user");
    await player.app.client.rewind(player.session ?? "", second?.turn_id ?? "");
    assert.deepEqual(await player.app.tools.checkpoints.restore(firstKept(kept.slice(1))), []);
    assert.match(readFileSync(join(project, "src/a.ts"), "utf8"), /one = 1/);
    assert.ok(existsSync(join(project, "made/f.ts")));
    const after = await player.app.client.call("list_messages", {
      session_id: player.session ?? "",
    });
    assert.equal(after.messages.filter(({ role }) => role === "user").length, 1);
  });

  it("use the workspace's own agents, with the tools they name", async () => {
    const folder = join(project, ".streamkeeper/agents");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "reader.md"), "---\ntools: [read]\n---\nYou only read.");
    writeFileSync(join(folder, "broken.md"), "---\nwhat\n---\n");
    const { agents } = await player.app.tools.offer();
    assert.deepEqual(
      agents?.map(({ type }) => type),
      ["reader"],
    );
    const chunks = await player.play([call("write_file", { path: "made/x", content: "" })], [], {
      agent_type: "reader",
    });
    assert.deepEqual(results(chunks), ["The agent reader may not use write_file."]);
    rmSync(join(project, ".streamkeeper"), { recursive: true });
  });
});

// Tools that are not ours: of another extension and of an MCP server that VS Code runs
// (`foreign-tools/`). A model asks for them, a person decides, VS Code calls them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as vscode from "vscode";
import { createMcpStart } from "../../extension/tools/foreign/start-mcp.ts";
import { ToolName } from "../../server/protocol/offers.ts";
import { approve, call, type Player, results, startPlaying } from "./playing.ts";
import { until } from "./support.ts";

interface ForeignExtension {
  seen: string[];
  log: string;
  leave(name: string): void;
  removeMcpServer(): void;
}

const LONG = "2_foreign_tool_whose_name_begins_with_a_digit_and_is_longer_than_any_";

describe("tools of others", function () {
  this.timeout(60_000);
  let player: Player;
  let foreign: ForeignExtension;

  before(async () => {
    const extension = vscode.extensions.getExtension<ForeignExtension>(
      "streamkeeper-tests.foreign-tools",
    );
    assert.ok(extension, "the other extension is loaded");
    foreign = await extension.activate();
    await until("the MCP server's tools", async () => {
      // VS Code does not know of a server at once. It need not have been started by anybody.
      await createMcpStart({ warn: (message) => assert.fail(message) })();
      return vscode.lm.tools.some(({ name }) => name.startsWith("mcp_sums_"));
    });
    player = await startPlaying();
  });

  beforeEach(() => {
    player.session = undefined;
    foreign.seen.length = 0;
  });

  after(() => player.close());

  const told = (): { name: string; parameters: Record<string, unknown> }[] => {
    const request = player.upstream.requests.at(-1);
    assert.ok(request);
    const { tools = [] } = request.body as {
      tools?: { function: { name: string; parameters: Record<string, unknown> } }[];
    };
    return tools.map((tool) => tool.function);
  };
  const offeredAs = async (start: RegExp) => {
    const { tools = [] } = await player.app.tools.offer();
    return tools.filter(({ name }) => start.test(name)).map(({ name }) => name);
  };
  const log = () => readFileSync(foreign.log, "utf8");

  it("are offered beside ours and ask, each under a name that models take", async () => {
    const { tools = [] } = await player.app.tools.offer();
    const names = tools.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name) => !ToolName.safeParse(name).success),
      [],
    );
    assert.equal(new Set(names).size, names.length);
    assert.equal(names.filter((name) => name.startsWith("_2_foreign")).length, 2);
    for (const name of ["read_file", "foreign_text", "mcp_sums_add", "mcp_sums_wait"]) {
      assert.ok(names.includes(name), `${name} is missing in ${names.join()}`);
    }
    assert.ok(vscode.lm.tools.some(({ name }) => name === "read_file"));
    assert.equal(
      tools.find(({ name }) => name === "read_file")?.kind,
      "read",
      "ours keeps its name",
    );
    const others = tools.filter(({ name }) => /foreign_|^mcp_/.test(name));
    assert.ok(others.every(({ kind, rule }) => kind === "other" && rule === "ask"));
  });

  it("are not offered where they only make sense in VS Code's own chat", async () => {
    assert.ok(vscode.lm.tools.some(({ name }) => name === "vscode_editFile_internal"));
    assert.deepEqual(await offeredAs(/_internal$|^inline_chat_exit$|^vscode_get_/), []);
  });

  it("run when a person approves, and the model reads what they give", async () => {
    const chunks = await player.play([call("foreign_text", { word: "hello" })], [approve]);
    assert.equal(chunks.filter(({ requires_approval }) => requires_approval).length, 1);
    assert.deepEqual(results(chunks), ["hello, token undefined"]);
    const asked = JSON.stringify(player.upstream.requests.at(-1)?.body);
    assert.match(asked, /hello, token undefined/);
  });

  it("do not run when a person rejects", async () => {
    const chunks = await player.play(
      [call("foreign_confirms")],
      [{ decision: "reject", feedback: "not today" }],
    );
    assert.match(results(chunks)[0] ?? "", /rejected this call: not today/);
    assert.doesNotMatch(log(), /done/);
    assert.deepEqual(results(await player.play([call("foreign_confirms")], [approve])), ["done"]);
  });

  it("follow the user's rules, under their own name and under the one that models are told", async () => {
    const [first = ""] = await offeredAs(/^_2_foreign/);
    const configuration = vscode.workspace.getConfiguration("streamkeeper");
    const rules = {
      foreign_text: "deny",
      mcp_sums_add: "allow",
      [`${LONG}model_takes`]: "deny",
      [`${LONG}other_too`]: "deny",
    };
    const { Global } = vscode.ConfigurationTarget;
    await configuration.update("tools.rules", rules, Global);
    try {
      const denied = [call("foreign_text", { word: "hello" }), call(first)];
      for (const one of denied) {
        const [result = ""] = results(await player.play([one]));
        assert.match(result, /switched off by the user's rules/);
        assert.equal(
          told().some(({ name }) => name === one.name),
          false,
        );
      }
      const chunks = await player.play([call("mcp_sums_add", { a: 1, b: 2 })]);
      assert.deepEqual(results(chunks), ["3"]);
    } finally {
      await configuration.update("tools.rules", undefined, Global);
    }
  });

  it("are off in a workspace that is not trusted", async () => {
    for (const one of [call("foreign_text", { word: "hello" }), call("mcp_sums_add")]) {
      const [result = ""] = results(await player.play([one], [], { workspace_trusted: false }));
      assert.match(result, /has not trusted this workspace/);
      assert.equal(
        told().some(({ name }) => name === one.name),
        false,
      );
    }
  });

  it("give parts of all sorts: what is text goes to the model, what is not is named", async () => {
    const chunks = await player.play(
      [call("foreign_parts"), call("foreign_nothing"), call("mcp_sums_parts_of_all_sorts")],
      [approve, approve, approve],
    );
    const [parts, nothing, mcp] = results(chunks);
    const json = JSON.stringify({ two: 2 }, null, "\t");
    const image = "[image/png, 4 bytes: only text can be given to the model.]";
    const [start = "", link = ""] = (parts ?? "").split("\n[The resource ");
    assert.equal(start, `one\nfirst\nsecond\n${json}\nthree\n${image}`);
    assert.match(link, /foreign-tools\/extension\.cjs cannot be read as text\.\]$/);
    assert.equal(nothing, "[The tool gave no text.]");
    assert.equal(
      mcp,
      "before\n[image/png, 8 bytes: only text can be given to the model.]\nnoted\nafter",
    );
  });

  it("fail with their own words, also about arguments that are not what they asked for", async () => {
    const chunks = await player.play(
      [
        call("foreign_throws"),
        call("foreign_text", {}),
        call("mcp_sums_fail"),
        call("mcp_sums_add", { a: "one", b: 2 }),
        call("mcp_sums_structured"),
      ],
      [approve, approve, approve],
    );
    const [thrown, wrong, protocol, inside, structured] = results(chunks);
    assert.match(thrown ?? "", /the other extension is out of order/);
    assert.match(wrong ?? "", /word/);
    assert.match(protocol ?? "", /the server is out of order/);
    assert.match(inside ?? "", /a: .*number/);
    assert.equal(structured, '{"sum":42}');
  });

  it("are cut where they give more than a model may get", async () => {
    const chunks = await player.play([call("foreign_large")], [approve]);
    const [result = ""] = results(chunks);
    assert.ok(result.length < 30_200, `${result.length} characters`);
    assert.match(result, /^beginx+\n\[… 370\d{3} characters are left out here …\]\ny+end$/);
  });

  it("run under a name of ours where their own is none for models", async () => {
    const [first = "", second = ""] = await offeredAs(/^_2_foreign/);
    const chunks = await player.play([call(first), call(second)], [approve, approve]);
    assert.deepEqual(results(chunks), [`I am ${LONG}model_takes`, `I am ${LONG}other_too`]);
  });

  it("are told to the model with schemas that its server takes", async () => {
    await player.play([]);
    const tools = told();
    assert.ok(tools.length > 20);
    for (const { name, parameters } of tools) {
      assert.equal(parameters["type"], "object", name);
      assert.equal(typeof parameters["properties"], "object", name);
      assert.doesNotMatch(JSON.stringify(parameters), /"\$/, name);
    }
    const sum = tools.find(({ name }) => name === "mcp_sums_add");
    assert.deepEqual(sum?.parameters["properties"], {
      a: { type: "number" },
      b: { type: "number" },
    });
  });

  it("hear of Stop, and hold up nothing after it", async () => {
    for (const [name, heard] of [
      ["foreign_endless", () => foreign.seen.join() === "began,cancelled"],
      ["mcp_sums_wait", () => log().includes("notifications/cancelled")],
    ] as const) {
      const playing = player.play([call(name)], [approve]);
      await player.waiting("tool_result");
      await until(`${name} runs`, () => foreign.seen.length > 0 || log().includes("call wait"));
      await player.stop();
      assert.equal((await playing).at(-1)?.type, "interrupted");
      await until(`${name} has heard of it`, heard);
      const next = await player.play([call("foreign_text", { word: "next" })], [approve]);
      assert.deepEqual(results(next), ["next, token undefined"]);
      player.session = undefined;
    }
  });

  it("may be gone when their call is approved, and the model is told", async () => {
    const leave = async (name: string, away: () => void, gone: () => boolean) => {
      const playing = player.play([call(name, { a: 1, b: 2 })]);
      const { call_id } = await player.waiting("tool_decision");
      away();
      await until(`${name} is gone`, gone);
      await player.decide({ call_id });
      const [result = ""] = results(await playing);
      player.session = undefined;
      return result;
    };
    const isListed = (name: string) => vscode.lm.tools.some((tool) => tool.name === name);
    const left = await leave(
      "foreign_leaves",
      () => foreign.leave("foreign_leaves"),
      () => true,
    );
    assert.match(left, /does not have an implementation/);
    const removed = await leave(
      "mcp_sums_add",
      () => foreign.removeMcpServer(),
      () => !isListed("mcp_sums_add"),
    );
    assert.match(removed, /There is no tool mcp_sums_add any more/);
    assert.deepEqual(await offeredAs(/^mcp_/), []);
  });
});

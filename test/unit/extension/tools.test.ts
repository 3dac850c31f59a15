// The tools of the editor, as far as they need no editor.
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAgent } from "../../../extension/instructions/own-agents.ts";
import { cut } from "../../../extension/tools/bounds.ts";
import { Checkpoints } from "../../../extension/tools/checkpoints.ts";
import { EDITOR_TOOLS, ruleOf } from "../../../extension/tools/definitions.ts";
import { applyEdits, linesOf } from "../../../extension/tools/files/edits.ts";
import { SeenFiles } from "../../../extension/tools/files/seen-files.ts";
import { firstKept } from "../../../extension/tools/first-kept.ts";
import {
  foreignTools,
  type ListedTool,
  nameForModels,
} from "../../../extension/tools/foreign/foreign-tools.ts";
import { type Folder, nameOf, resolveInside, withNames } from "../../../extension/tools/paths.ts";
import { OfferedTools } from "../../../server/protocol/offers.ts";

describe("the tools of the editor", () => {
  let scratch: string;
  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), "streamkeeper-tools-"));
  });
  afterEach(() => rmSync(scratch, { recursive: true, force: true }));

  it("are what the protocol takes", () => {
    const offered = EDITOR_TOOLS.map((tool) => ({ ...tool, rule: ruleOf(tool, {}) }));
    assert.equal(OfferedTools.safeParse(offered).success, true);
    const rules = Object.fromEntries(offered.map(({ name, rule }) => [name, rule]));
    assert.deepEqual(rules, {
      read_file: "allow",
      list_files: "allow",
      search_in_code: "allow",
      get_problems: "allow",
      write_file: "ask",
      apply_diff: "ask",
      create_directory: "ask",
      execute_command: "ask",
    });
  });

  it("follow the user's rules, and ask where a rule is not understood", () => {
    const tool = { name: "execute_command", kind: "execute" } as const;
    assert.equal(ruleOf(tool, { execute_command: "deny" }), "deny");
    assert.equal(ruleOf({ name: "read_file", kind: "read" }, { read_file: "yes" }), "ask");
    assert.equal(ruleOf(tool, "allow"), "ask");
    assert.equal(ruleOf({ name: "toString", kind: "other" }, {}), "ask");
  });

  it("work only inside of the workspace, whatever way a path takes", async () => {
    const project = join(scratch, "project");
    const outside = join(scratch, "outside");
    for (const folder of [join(project, "src"), join(project, ".git"), outside]) {
      mkdirSync(folder, { recursive: true });
    }
    writeFileSync(join(outside, "secret"), "");
    symlinkSync(outside, join(project, "link"));
    symlinkSync(join(outside, "none"), join(project, "dangling"));
    mkdirSync(join(project, "data"));
    symlinkSync(join(project, "data"), join(project, "to-data"));
    symlinkSync(join(project, ".git"), join(project, "hooks"));
    writeFileSync(join(project, ".env"), "");
    symlinkSync(join(project, ".env"), join(project, "plain.txt"));
    symlinkSync(join(project, "src"), join(project, "short"));
    const folders = {
      folders: [{ name: "project", path: project }],
      closed: [join(project, "data")],
    };
    assert.equal(await resolveInside(folders, "src/a.ts"), join(project, "src/a.ts"));
    assert.equal(await resolveInside(folders, "."), project);
    assert.equal(await resolveInside(folders, join(project, "b")), join(project, "b"));
    assert.equal(await resolveInside(folders, "..x/y"), join(project, "..x/y"));
    for (const path of [
      "../outside/secret",
      "src/../../outside/secret",
      join(outside, "secret"),
      "link/secret",
      "link/new",
      "dangling",
      "/etc/passwd",
      ".git/config",
      "data/token",
      "data",
      "to-data/token",
      "hooks/pre-commit",
      "plain.txt",
      "GIT~1/config",
      ".git./config",
      "src/../.GIT/hooks/pre-commit",
      "a\0b",
    ]) {
      await assert.rejects(
        resolveInside(folders, path),
        /outside|nowhere|\.git|NUL|closed|name that/,
        path,
      );
    }
  });

  it("read through a link inside of the workspace, and write to what is named as it is", async () => {
    mkdirSync(join(scratch, "src"));
    symlinkSync(join(scratch, "src"), join(scratch, "short"));
    const roots = { folders: [{ name: "project", path: scratch }], closed: [] };
    assert.equal(await resolveInside(roots, "short/a.ts"), join(scratch, "short/a.ts"));
    await assert.rejects(resolveInside(roots, "short/a.ts", "write"), /leads to src\/a\.ts/);
  });

  it("know the folders of a workspace by name", async () => {
    const two = ["one", "two"].map((name) => ({ name, path: join(scratch, name) }));
    for (const { path } of two) mkdirSync(path);
    const folders = { folders: two, closed: [] };
    assert.equal(await resolveInside(folders, "two/a"), join(scratch, "two/a"));
    assert.equal(await resolveInside(folders, "a"), join(scratch, "one/a"));
    await assert.rejects(resolveInside({ folders: [], closed: [] }, "a"), /No folder is open/);
    // Without a folder's name: where it is, and in the first folder if it is in none.
    writeFileSync(join(scratch, "two/only"), "");
    assert.equal(await resolveInside(folders, "only", "write"), join(scratch, "two/only"));
    for (const { path } of two) writeFileSync(join(path, "both"), "");
    await assert.rejects(resolveInside(folders, "both", "write"), /one of "one", "two"/);
    assert.equal(await resolveInside(folders, "."), join(scratch, "one"));
  });

  it("reach each of several folders of one name, and tell the names to use", async () => {
    const at = (...ways: string[]): Folder[] =>
      ways.map((way) => ({ name: way.split("/").at(-1) ?? "", path: join(scratch, way) }));
    const names = (folders: Folder[]): string[] => withNames(folders).map(({ name }) => name);
    const folders = at("services/app", "web/app", "lib");
    assert.deepEqual(names(folders), ["services/app", "web/app", "lib"]);
    // A name with a folder above it must not be read as a file of another folder.
    assert.deepEqual(names(at("web", "x/web/app", "x/y/app")), ["web", "x/web/app", "x/y/app"]);
    assert.deepEqual(names(at("a/x/app", "b/x/app")), ["a/x/app", "b/x/app"]);
    const named = (path: string): Folder => ({ name: "app", path });
    assert.deepEqual(names([named("/w/one"), named("/w/two")]), ["app (1)", "app (2)"]);
    assert.deepEqual(names(withNames(folders)), names(folders), "once and for all");

    for (const { path } of folders) mkdirSync(path, { recursive: true });
    for (const path of ["services/app/both", "web/app/both", "web/app/only"]) {
      writeFileSync(join(scratch, path), "");
    }
    for (const given of [folders, withNames(folders)]) {
      const roots = { folders: given, closed: [] };
      assert.equal(await resolveInside(roots, "web/app/both"), join(scratch, "web/app/both"));
      assert.equal(
        await resolveInside(roots, "services/app/new", "write"),
        join(scratch, "services/app/new"),
      );
      assert.equal(await resolveInside(roots, "app/only"), join(scratch, "web/app/only"));
      assert.equal(await resolveInside(roots, "./lib/a"), join(scratch, "lib/a"));
      for (const path of ["app/both", "app/new", "app", "both"]) {
        await assert.rejects(
          resolveInside(roots, path),
          /one of "services\/app", "web\/app"/,
          path,
        );
      }
    }
    const twins = ["one", "two"].map((name) => named(join(scratch, name)));
    for (const { path } of twins) mkdirSync(path, { recursive: true });
    const numbered = { folders: twins, closed: [] };
    assert.equal(await resolveInside(numbered, "app (2)/a"), join(scratch, "two/a"));
  });

  it("name files as models are told", () => {
    const folders = withNames([
      { name: "app", path: "/w/one/app" },
      { name: "app", path: "/w/two/app" },
    ]);
    assert.equal(nameOf(folders, "/w/two/app/src/a.ts"), "two/app/src/a.ts");
    assert.equal(nameOf(folders.slice(0, 1), "/w/one/app/src/a.ts"), "src/a.ts");
    assert.equal(nameOf(folders, "/elsewhere"), "/elsewhere");
  });

  it("change text that is there exactly once, and keep its line ends", () => {
    const edit = (old_text: string, new_text: string) => ({ old_text, new_text });
    assert.equal(applyEdits("a\nb\nc", [edit("b\nc", "B"), edit("a", "A")]), "A\nB");
    assert.equal(applyEdits("a\r\nb\r\n", [edit("a\nb", "x\ny")]), "x\r\ny\r\n");
    assert.throws(
      () => applyEdits("a", [edit("b", "")]),
      /edits\[0\]\.old_text is not in the file/,
    );
    assert.throws(() => applyEdits("aa", [edit("a", "")]), /more than once/);
    assert.throws(() => applyEdits("a", [edit("", "x")]), /is empty/);
    assert.equal(applyEdits("$&", [edit("$&", "$1")]), "$1", "no pattern of replacements");
  });

  it("cut what is long, and say so", () => {
    const text = Array.from({ length: 100 }, (_, index) => `line ${index + 1}`).join("\n");
    assert.equal(linesOf(text, 1, undefined, 10_000), text);
    assert.equal(
      linesOf(text, 99, undefined, 10_000),
      "[Lines 99 to 100 of 100.]\nline 99\nline 100",
    );
    assert.match(linesOf(text, 1, undefined, 50), /^\[Lines 1 to 7 of 100\.\]/);
    assert.equal(linesOf("a", 5, undefined, 10), "[The file has 1 lines.]");
    const long = cut("x".repeat(1_000), 100);
    assert.match(long, /^x{50}\n\[… 900 characters are left out here …\]\nx{50}$/);
  });

  it("do not overwrite what a chat has not seen, or has seen otherwise", () => {
    const stored = new Map<string, unknown>();
    const memory = {
      keys: () => [...stored.keys()],
      get: <T>(key: string, otherwise?: T) => (stored.get(key) ?? otherwise) as T,
      update: async (key: string, value: unknown) => void stored.set(key, value),
    };
    const seen = new SeenFiles(memory);
    assert.match(seen.refusal("s1", "/a", "text") ?? "", /has not been read/);
    seen.note("s1", "/a", "text");
    assert.equal(new SeenFiles(memory).refusal("s1", "/a", "text"), undefined, "outlives a window");
    assert.match(seen.refusal("s1", "/a", "other") ?? "", /has changed since/);
    assert.match(seen.refusal("s2", "/a", "text") ?? "", /has not been read/);
    for (let index = 0; index < 60; index++) seen.note(`t${index}`, "/b", "");
    assert.match(seen.refusal("s1", "/a", "text") ?? "", /has not been read/, "bounded");
  });

  it("keep what files were before each turn, and put it back over several turns", async () => {
    const project = join(scratch, "project");
    mkdirSync(project);
    const [a, b] = [join(project, "a"), join(project, "b")];
    writeFileSync(a, "one");
    const checkpoints = new Checkpoints(join(scratch, "kept"));
    await checkpoints.keep("s", "t1", a);
    writeFileSync(a, "two");
    await checkpoints.keep("s", "t1", a);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([checkpoints.keep("s", "t2", a), checkpoints.keep("s", "t2", b)]);
    writeFileSync(a, "three");
    writeFileSync(b, "new");
    const list = await checkpoints.list("s");
    assert.deepEqual(
      list.map(({ turn_id, files }) => [turn_id, files.length]),
      [
        ["t1", 1],
        ["t2", 2],
      ],
    );
    await checkpoints.restore(firstKept(list.slice(1)));
    assert.equal(readFileSync(a, "utf8"), "two");
    assert.throws(() => readFileSync(b), /ENOENT/);
    await checkpoints.restore(firstKept(list));
    assert.equal(readFileSync(a, "utf8"), "one");
    await assert.rejects(checkpoints.keep("../x", "t", a), /not the id/);
  });

  it("put back what they can, and say what they could not", async () => {
    const project = join(scratch, "project");
    mkdirSync(join(project, "below"), { recursive: true });
    const [a, b] = [join(project, "a"), join(project, "below/b")];
    for (const path of [a, b]) writeFileSync(path, "before");
    const made = join(project, "made");
    const checkpoints = new Checkpoints(join(scratch, "kept"));
    for (const path of [a, b, made, join(made, "c")]) await checkpoints.keep("s", "t", path);
    mkdirSync(made);
    writeFileSync(join(made, "c"), "");
    // Somebody has put a folder into the place of one file and taken the folder of another away.
    rmSync(join(project, "below"), { recursive: true });
    rmSync(a);
    mkdirSync(a);
    const failed = await checkpoints.restore(firstKept(await checkpoints.list("s")));
    assert.deepEqual(
      failed.map(({ path }) => path),
      [a],
    );
    assert.equal(readFileSync(b, "utf8"), "before");
    assert.equal(existsSync(made), false);
  });
});

describe("tools of others", () => {
  const listed = (name: string, description = "", inputSchema?: unknown) => ({
    name,
    description,
    inputSchema,
  });
  const offer = (all: ListedTool[], room = 100) => {
    const warnings: string[] = [];
    const tools = foreignTools(all, room, { warn: (message) => warnings.push(message) });
    return { tools, names: tools.map(({ tool }) => tool.name), warnings };
  };

  it("are named so that models take them, always the same way, and never as another tool", () => {
    const names = [
      "a.b",
      "a b",
      "a_b",
      "1",
      "",
      "я".repeat(100),
      `${"x".repeat(64)}1`,
      "__proto__",
    ];
    const made = names.map(nameForModels);
    for (const name of made) assert.match(name, /^[A-Za-z_][\w-]{0,63}$/);
    assert.equal(new Set(made).size, names.length);
    assert.deepEqual(names.map(nameForModels), made);
    assert.equal(nameForModels("mcp_github_get-me"), "mcp_github_get-me");
  });

  it("are no second way to run commands, past a rule that denies them", () => {
    const { names } = offer([listed("run_in_terminal"), listed("run_task"), listed("run_tests")]);
    assert.deepEqual(names, ["run_tests"]);
  });

  it("are offered whatever their schema is, and none of them passes for one of ours", () => {
    const { tools, names, warnings } = offer([
      listed("nothing"),
      listed("null", "", null),
      listed("list", "", []),
      listed("read_file"),
      listed("switch_agent"),
      listed("huge", "", { type: "object", description: "x".repeat(60_000) }),
    ]);
    assert.deepEqual(names, ["nothing", "null", "list"]);
    for (const { tool } of tools) {
      assert.deepEqual(tool.parameters, { type: "object", properties: {} });
    }
    assert.equal(warnings.length, 3);
  });

  it("fit into a message, however many and however long they are", () => {
    const all = Array.from({ length: 200 }, (_, at) => listed(`t${at}`, "я".repeat(9_000)));
    const { tools, warnings } = offer(all);
    assert.ok(JSON.stringify(tools).length < 250_000);
    assert.equal(tools.length + warnings.length, 200);
    assert.equal(offer(all.map(({ name }) => listed(name))).tools.length, 100);
  });
});

describe("agents of a workspace", () => {
  it("are a Markdown file with front matter", () => {
    const text = [
      "---",
      "name: Test writer",
      'description: "Writes tests: nothing else"',
      "tools: [read, write_file]",
      "file_pattern: test/**",
      "model: ollama/qwen3",
      "# a remark",
      "---",
      "You write tests.",
      "",
      "---",
      "All of it is prompt.",
    ];
    for (const end of ["\n", "\r\n"]) {
      assert.deepEqual(parseAgent("Tester.md", text.join(end)), {
        type: "tester",
        name: "Test writer",
        description: "Writes tests: nothing else",
        prompt: ["You write tests.", "", "---", "All of it is prompt."].join(end),
        tools: ["read", "write_file"],
        file_pattern: "test/**",
        model: "ollama/qwen3",
      });
    }
    assert.equal(parseAgent("plain.md", "Only a prompt.").name, "plain");
  });

  it("are refused with the reason", () => {
    for (const [name, text, reason] of [
      ["a.md", "---\nname: A\n---\n", /no prompt/],
      ["a.md", "---\ntool: read\n---\nx", /tool: not one of name/],
      ["a.md", "---\nname\n---\nx", /expected key: value/],
      ["1 a.md", "x", /file name of letters/],
      ["a.md", "---\nmodel: gpt\n---\nx", /model: expected provider\/name/],
      ["a.md", "---\ntools: [a b]\n---\nx", /tools: expected names of tools/],
      ["Coder.md", "x", /built-in/],
    ] as const) {
      assert.throws(() => parseAgent(name, text), reason);
    }
  });
});

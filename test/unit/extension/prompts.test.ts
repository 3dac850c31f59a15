// Prompts that people have written down, found by name and filled in.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseOthersAgent } from "../../../extension/instructions/others-agents.ts";
import {
  commandIn,
  fillPrompt,
  findPrompts,
  givenInputs,
  inputsOf,
} from "../../../extension/instructions/prompts.ts";

const none = new Map<string, string>();

describe("a prompt that is asked for by name", () => {
  it("is filled in literally and in one pass, whatever was typed", () => {
    for (const typed of ["$&", "$$", "$`", "$'", "$1", "$ARGUMENTS", "${input:a}", "it's $100"]) {
      assert.equal(fillPrompt("Do: $ARGUMENTS.", typed, none), `Do: ${typed}.`);
      assert.equal(fillPrompt("${input:a}!", "", new Map([["a", typed]])), `${typed}!`);
    }
    assert.equal(
      fillPrompt("$1 and $2, $1; $3", `one "two words"`, none),
      "one and two words, one; ",
    );
    assert.equal(fillPrompt("costs $100, $0 and $HOME", "x", none), "costs $100, $0 and $HOME");
    assert.equal(fillPrompt("$1|$2", "don't 'a b'", none), "don't|a b");
  });

  it("gets what it asks for by name, by place, or as a whole", () => {
    const inputs = inputsOf("${input:a:What?} ${input:b} ${input:a}");
    assert.deepEqual(inputs, [
      { id: "a", hint: "What?" },
      { id: "b", hint: "" },
    ]);
    const given = (args: string) => Object.fromEntries(givenInputs(inputs, args));
    assert.deepEqual(given('b="2 3" a=1'), { a: "1", b: "2 3" });
    assert.deepEqual(given("1 2 3"), { a: "1", b: "2 3" });
    assert.deepEqual(given("1"), { a: "1" });
    assert.deepEqual(given(""), {});
    const one = givenInputs(inputsOf("${input:x}"), "all of 'it'");
    assert.equal(one.get("x"), "all of 'it'");
  });

  it("is named by the first word alone, which is no path and no regular expression", () => {
    assert.deepEqual(commandIn("  /review src/a.ts\nand b"), {
      name: "review",
      args: "src/a.ts\nand b",
    });
    assert.deepEqual(commandIn("/front:new"), { name: "front:new", args: "" });
    for (const text of ["/usr/bin is full", "/^a+$/ matches", "//x", "a /b", "/ x", ""]) {
      assert.equal(commandIn(text), undefined, text);
    }
  });
});

describe("prompts in a workspace", () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "prompts-"));
  });
  afterEach(() => rmSync(base, { recursive: true }));

  const write = (files: Record<string, string>): void => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(base, path)), { recursive: true });
      writeFileSync(join(base, path), content);
    }
  };
  const find = (own = "") =>
    findPrompts({ folders: [{ name: "w", path: join(base, "w") }], closed: [] }, own);

  it("are those of Copilot and Claude and a person's own, by the names of their files", async () => {
    write({
      "w/.github/prompts/review.prompt.md": "---\ndescription: Look: closely\nmode: agent\n---\nR",
      "w/.claude/commands/front/review.md":
        "---\nargument-hint: [file] [why]\nallowed-tools: Bash(git:*)\n---\nF",
      "w/.claude/commands/ship.md": "S",
      "own/ship.md": "mine",
      "own/mine.md": "M",
    });
    const { prompts, skipped } = await find(join(base, "own"));
    assert.deepEqual(prompts, [
      { name: "review", description: "Look: closely", body: "R" },
      { name: "front:review", description: "", body: "F" },
      { name: "ship", description: "", body: "S" },
      { name: "mine", description: "", body: "M" },
    ]);
    assert.deepEqual(skipped, [{ file: "ship.md", reason: "its name is taken" }]);
    const { prompts: untrusted } = await findPrompts(undefined, join(base, "own"));
    assert.deepEqual(
      untrusted.map(({ name }) => name),
      ["mine", "ship"],
    );
  });

  it("are left out, and it is said why, where they are empty, broken or lead outside", async () => {
    write({
      "secret.md": "secret",
      "w/.github/prompts/empty.prompt.md": "---\ndescription: x\n---\n \n",
      "w/.github/prompts/broken.prompt.md": "---\ndescription: {a: 1}\n---\nbody",
      "w/.claude/commands/two words.md": "x",
    });
    symlinkSync(join(base, "secret.md"), join(base, "w/.claude/commands/leak.md"));
    const { prompts, skipped } = await find();
    assert.deepEqual(prompts, []);
    assert.deepEqual(
      skipped.map(({ reason }) => reason),
      [
        "description: not of the kind that is expected",
        "there is no prompt in it",
        `${join(base, "w/.claude/commands/leak.md")} is outside of the workspace; tools work only inside of it.`,
        "its name cannot be written after a /",
      ],
    );
  });
});

describe("an agent in the format of others", () => {
  const parse = (name: string, text: string) => parseOthersAgent(name, Buffer.from(text));

  it("is taken with its prompt and what its tools do, and never with more than it was given", () => {
    assert.deepEqual(
      parse(
        "Code Reviewer.agent.md",
        "---\ndescription: Use when: done\ntools: ['search/codebase', 'edit', 'github/*', 'web']\nmodel: GPT-5\n---\nReview.\n",
      ),
      {
        type: "code-reviewer",
        name: "code reviewer",
        description: "Use when: done",
        prompt: "Review.",
        tools: ["read", "write"],
      },
    );
    const claude = "---\nname: tester\ntools: Read, Bash(npm test:*), mcp__x__look\n---\nTest.";
    assert.deepEqual(parse("tester.md", claude).tools, ["read", "execute", "mcp__x__look"]);
    assert.deepEqual(parse("none.md", "---\ntools: []\n---\nTalk.").tools, []);
    assert.equal(parse("all.md", "Only a prompt.").tools, undefined);
  });

  it("is refused with a reason", () => {
    assert.throws(() => parse("debug.md", "x"), /built-in/);
    assert.throws(() => parse("a.md", "---\nname: a\n---\n"), /no prompt/);
    assert.throws(() => parse("a.md", "---\nname: {x}\n---\nb"), /^Error.*name: not of the kind/);
    assert.throws(() => parse("1a.md", "x"), /type/);
  });
});

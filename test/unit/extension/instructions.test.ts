// What people have written down for models, as it lies in their folders.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { showHidden, toText } from "../../../extension/instructions/file-content.ts";
import { FrontMatterError, readFrontMatter } from "../../../extension/instructions/front-matter.ts";
import { areAbout } from "../../../extension/instructions/globs.ts";
import { importsIn } from "../../../extension/instructions/imports.ts";
import {
  readInstructions,
  type Sources,
} from "../../../extension/instructions/read-instructions.ts";
import {
  type OfferedInstruction,
  OfferedInstructions,
} from "../../../server/protocol/instructions.ts";

let base: string;
const at = (...parts: string[]): string => join(base, ...parts);
const link = (target: string, path: string): void => {
  mkdirSync(dirname(at(path)), { recursive: true });
  symlinkSync(target, at(path));
};

function write(files: Record<string, string | Uint8Array>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), content);
  }
}

/** Those of the folder `w`, or of these folders; checked by the protocol as the companion does. */
async function told(
  more: Partial<Sources> = {},
  folders: string[] = ["w"],
): Promise<OfferedInstruction[]> {
  const workspace = {
    folders: folders.map((name) => ({ name, path: at(name) })),
    closed: [at("closed")],
  };
  const rest = { files: [], nested: [], own: "", listName: undefined };
  const all = await readInstructions({ workspace, ...rest, ...more });
  return OfferedInstructions.parse(all);
}

const brief = (all: OfferedInstruction[]): string[] =>
  all.map(({ name, content, applies_to, notes }) =>
    [
      name,
      applies_to && `(${applies_to})`,
      content || "-",
      ...(notes ?? []).map(({ code }) => code),
    ]
      .filter(Boolean)
      .join(" "),
  );

describe("instructions of a workspace", () => {
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), "instructions-"));
    mkdirSync(at("w"));
  });
  afterEach(() => rmSync(base, { recursive: true }));

  it("are those of all conventions, the nearest to the work last", async () => {
    write({
      "w/AGENTS.md": "agents",
      "w/CLAUDE.md": "claude",
      "w/.github/copilot-instructions.md": "copilot",
      "w/.github/instructions/ts.instructions.md": "---\napplyTo: '**/*.ts'\n---\nts",
      "w/.github/instructions/deep/all.instructions.md": "---\napplyTo: '**'\n---\nall",
      "w/.cursor/rules/one.mdc": "---\nalwaysApply: true\n---\ncursor",
      "w/.cursorrules": "old cursor",
      "w/.clinerules/a.md": "cline",
      "w/pkg/api/AGENTS.md": "api",
      "w/pkg/AGENTS.md": "pkg",
      "w/other/AGENTS.md": "other",
    });
    assert.deepEqual(brief(await told({ files: [at("w/pkg/api/src/a.ts")] })), [
      ".github/copilot-instructions.md copilot",
      ".cursorrules old cursor",
      "AGENTS.md agents",
      "CLAUDE.md claude",
      ".clinerules/a.md cline",
      ".cursor/rules/one.mdc cursor",
      ".github/instructions/deep/all.instructions.md all",
      ".github/instructions/ts.instructions.md (**/*.ts) ts",
      "pkg/AGENTS.md (pkg/**) pkg",
      "pkg/api/AGENTS.md (pkg/api/**) api",
    ]);
    write({ "w2/.clinerules": "as one file" });
    assert.deepEqual(brief(await told({}, ["w2"])), [".clinerules as one file"]);
  });

  it("are none from a workspace that is not trusted, but the person's own", async () => {
    write({ "w/AGENTS.md": "evil", "own/b.md": "two", "own/a.md": "one", "own/x/deep.md": "no" });
    assert.deepEqual(brief(await told({ workspace: undefined, own: at("own") })), [
      "a.md one",
      "b.md two",
    ]);
    assert.deepEqual(brief(await told({ own: "Be brief." })), [
      "settings.json Be brief.",
      "AGENTS.md evil",
    ]);
    assert.deepEqual(brief(await told({ workspace: undefined, own: at("none.md") })), [
      "none.md - unreadable",
    ]);
  });

  it("are told once: by link, by the same words, by an import", async () => {
    write({ "w/AGENTS.md": "same\r\n", "w/.cursorrules": "\uFEFFsame" });
    link("AGENTS.md", "w/CLAUDE.md");
    assert.deepEqual(brief(await told()), [".cursorrules same"]);
    rmSync(at("w/.cursorrules"));
    rmSync(at("w/CLAUDE.md"));
    write({ "w/CLAUDE.md": "@AGENTS.md\n" });
    assert.deepEqual(brief(await told()), ["AGENTS.md same"]);
  });

  it("never come from outside: not by a link, not by an import, and nothing that holds keys", async () => {
    write({
      "secret.md": "secret",
      "closed/token": "token",
      "w/.env": "KEY=1",
      "w/CLAUDE.md": "See @../secret.md @.env @~/.bashrc-or-so @docs/a.md.",
      "w/docs/a.md": "a, and @b.md",
      "w/docs/b.md": "b, and @../CLAUDE.md",
    });
    link(at("secret.md"), "w/AGENTS.md");
    link(at("closed/token"), "w/.cursorrules");
    link(at("nowhere"), "w/.clinerules");
    link(".env", "w/.github/copilot-instructions.md");
    assert.deepEqual(brief(await told()), [
      ".github/copilot-instructions.md - outside",
      ".cursorrules - outside",
      ".clinerules - outside",
      "AGENTS.md - outside",
      "../secret.md - outside",
      ".env - outside",
      "docs/b.md b, and @../CLAUDE.md",
      "docs/a.md a, and @b.md",
      "CLAUDE.md See @../secret.md @.env @~/.bashrc-or-so @docs/a.md.",
    ]);
  });

  it("go by the folder they belong to where there are several", async () => {
    write({
      "a/AGENTS.md": "for a",
      "a/.github/instructions/x.instructions.md": "---\napplyTo: /src/*.ts\n---\nx of a",
      "b/src/x.ts": "",
      "b/.cursor/rules/y.mdc": "---\nglobs: src/**/*.ts, *.css\n---\ny of b",
    });
    assert.deepEqual(brief(await told({ files: [at("b/src/x.ts")] }, ["a", "b"])), [
      "a/AGENTS.md (a/**) for a",
      "b/.cursor/rules/y.mdc (b/src/**/*.ts, b/*.css) y of b",
    ]);
  });

  it("apply to a file by its own place and by that which a link leads to", async () => {
    write({
      "w/lib/real.py": "",
      "w/.github/instructions/py.instructions.md": "---\napplyTo: lib/*.py\n---\npython",
    });
    link(at("w/lib/real.py"), "w/short");
    assert.deepEqual(brief(await told({ files: [at("w/short")] })), [
      ".github/instructions/py.instructions.md (lib/*.py) python",
    ]);
  });

  it("are named to the model where they are for other files, and not where it cannot read", async () => {
    write({
      "w/.cursor/rules/asked.mdc": '---\ndescription: Use when: "deploying"\nglobs:\n---\nd',
      "w/.github/instructions/none.instructions.md": "no head",
      "w/.github/instructions/go.instructions.md": "---\napplyTo: '**/*.go'\n---\ngo",
      "w/pkg/AGENTS.md": "pkg",
    });
    assert.deepEqual(await told(), []);
    const [list, ...others] = await told({ listName: "more", nested: [at("w/pkg/AGENTS.md")] });
    assert.deepEqual(others, []);
    assert.deepEqual(list?.content.split("\n").slice(1), [
      '- ".cursor/rules/asked.mdc" Use when: "deploying"',
      '- ".github/instructions/go.instructions.md" for **/*.go',
      '- ".github/instructions/none.instructions.md"',
      '- "pkg/AGENTS.md" for pkg/**',
    ]);
  });

  it("name skills by what they are for, and say which cannot be one", async () => {
    write({
      "w/.claude/skills/pdf/SKILL.md": "---\nname: pdf\ndescription: Fills forms: all\n---\nLong",
      "w/.agents/skills/map/SKILL.md": "---\nname: {x}\ndescription: d\n---\nLong",
      "w/.github/skills/none/SKILL.md": "---\nname: none\n---\nLong",
      "w/.github/skills/other/README.md": "no skill",
    });
    const all = await told({ listName: "more" });
    assert.deepEqual(brief(all.slice(0, 2)), [
      ".github/skills/none/SKILL.md - front_matter",
      ".agents/skills/map/SKILL.md - front_matter",
    ]);
    assert.match(
      all[2]?.content ?? "",
      /\n- "\.claude\/skills\/pdf\/SKILL\.md" the skill pdf: Fills forms: all$/,
    );
    assert.doesNotMatch(all[2]?.content ?? "", /Long/);
  });

  it("say why one of them is not told: broken head, no text, too large, a pipe", async () => {
    write({
      "w/.github/instructions/a.instructions.md": "---\napplyTo: [a\n  bar: }\n---\nhalf",
      "w/.github/instructions/b.instructions.md": "---\napplyTo: {a: 1}\n---\nhalf",
      "w/.github/instructions/c.instructions.md": "---\napplyTo: '**'\nhalf",
      "w/.cursorrules": new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 0]),
      "w/CLAUDE.md": "x".repeat(1_000_001),
    });
    execFileSync("mkfifo", [at("w/AGENTS.md")]);
    const all = await told();
    assert.deepEqual(brief(all), [
      ".cursorrules - not_text",
      "AGENTS.md - unreadable",
      "CLAUDE.md - too_large",
      ".github/instructions/a.instructions.md - front_matter",
      ".github/instructions/b.instructions.md - front_matter",
      ".github/instructions/c.instructions.md - front_matter",
    ]);
    assert.match(all[3]?.notes?.[0]?.detail ?? "", /^line 2: /);
    assert.match(all[4]?.notes?.[0]?.detail ?? "", /^applyTo: /);
  });

  it("are cut at the end of a line and say so, the nearest last of all", async () => {
    const line = `${"я".repeat(98)}\n`;
    write({
      "w/.cursorrules": "far\n".repeat(10_000),
      "w/AGENTS.md": line.repeat(900),
      "w/CLAUDE.md": "c".repeat(30_000),
      "w/pkg/AGENTS.md": "near",
    });
    const all = await told({ files: [at("w/pkg/x")] });
    const kept = all.map(({ name, content, notes = [] }) => [name, notes[0]?.code, content.length]);
    assert.deepEqual(
      kept.map(([name, code]) => [name, code]),
      [
        [".cursorrules", "shortened"],
        ["AGENTS.md", "shortened"],
        ["CLAUDE.md", undefined],
        ["pkg/AGENTS.md", undefined],
      ],
    );
    const [far, agents] = all;
    assert.match(agents?.content ?? "", /я\n\[… cut here: the file has 89099 characters\]$/);
    assert.ok((agents?.content.length ?? 0) > 39_000);
    assert.ok((far?.content.length ?? 0) > 5_000);
    assert.ok(all.reduce((sum, { content }) => sum + content.length, 0) <= 80_000);
  });
});

describe("the head of a file of instructions", () => {
  const globsOf = (head: string): string[] | undefined =>
    readFrontMatter(`---\n${head}\n---\nbody`).head.globs;

  it("tells its globs in every form in which people write them", () => {
    const both = ["**/*.ts", "src/**/*.{js,jsx}"];
    for (const head of [
      `applyTo: "**/*.ts, src/**/*.{js,jsx}"`,
      `applyTo: **/*.ts, src/**/*.{js,jsx}`,
      `globs: **/*.ts,src/**/*.{js,jsx}`,
      `globs: ["**/*.ts", 'src/**/*.{js,jsx}']`,
      `globs: [**/*.ts, src/**/*.{js,jsx}]`,
      `paths:\n  - "**/*.ts"\n  - "src/**/*.{js,jsx}"`,
      `description: Use when: writing\npaths:\n  - **/*.ts\n  - src/**/*.{js,jsx}`,
    ]) {
      assert.deepEqual(globsOf(head), both, head);
    }
    assert.equal(globsOf("globs:\nalwaysApply: false"), undefined);
  });

  it("is seen without a line feed at its end, and is not where there is none", () => {
    assert.equal(readFrontMatter("---\nalwaysApply: true\n---").head.always, true);
    assert.equal(readFrontMatter("---\n---\nbody").body, "body");
    assert.equal(readFrontMatter("# Title\n---\na: 1\n---\n").body, "# Title\n---\na: 1\n---\n");
    assert.throws(() => readFrontMatter("---\na:\n\t- x: 1\n---\n"), FrontMatterError);
    const bomb = `a: &a [1,1]\nb: &b [*a,*a,*a,*a]\nc: [${"*b,".repeat(50)}*b]`;
    assert.equal(readFrontMatter(`---\n${bomb}\n---\nbody`).body, "body");
  });
});

describe("the words of a file of instructions", () => {
  it("are read in UTF-8 and UTF-16, and hidden ones are shown", () => {
    assert.equal(toText(Buffer.from("\uFEFFa\r\nb", "utf16le")), "a\nb");
    assert.equal(toText(Buffer.from("\uFEFFa\r\nb", "utf16le").swap16()), "a\nb");
    assert.equal(toText(Buffer.from("\uFEFFa\r\nb")), "a\nb");
    assert.equal(toText(Buffer.from([0xcf, 0xf0, 0xe8])), undefined);
    const hidden = "a\u200Bb \u202Etxt\u202C \u{E0049}\u{E0047}x\u200Dy \uFE0F\uFE01";
    assert.deepEqual(showHidden(hidden), {
      text: "a[U+200B]b [U+202E]txt[U+202C] [U+E0049][U+E0047]x[U+200D]y [U+FE0F][U+FE01]",
      hidden: 8,
    });
    for (const plain of [
      "👩‍💻 ☺️ 1️⃣ #️⃣ *️⃣",
      "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
      "می‌خواهم\u200F",
    ]) {
      assert.deepEqual(showHidden(plain), { text: plain, hidden: 0 });
    }
  });

  it("import what stands in prose, not in code", () => {
    const text =
      "@a.md, (see @./b.md) and me@c.md\n`@d.md` @types/node\n```sh\n@e.md\n```\n@~/f.md\n~~~\n@g.md";
    assert.deepEqual(importsIn(text), ["a.md", "./b.md", "types/node", "~/f.md"]);
  });

  it("are about files by globs at any depth, or from the folder on", () => {
    const about = (glob: string, file: string): boolean => areAbout(glob.split(" "), [file]);
    assert.ok(about("*.ts", "a/b/c.ts"));
    assert.ok(about("src/", "x/src/c.ts"));
    assert.ok(about("docs", "docs/a/b.md"));
    assert.ok(about("./src/**", "src/.hidden"));
    assert.ok(!about("/src/*.ts", "x/src/c.ts"));
    assert.ok(!about("**/*.ts !**/*.test.ts", "a.test.ts"));
    assert.ok(!about("*.ts", "a.tsx"));
  });
});

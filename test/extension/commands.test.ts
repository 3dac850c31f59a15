// Commands as models write them, in the terminals of the shells that people use.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { approve, call, type Player, results, startPlaying } from "./playing.ts";
import { until } from "./support.ts";

const SHELLS = ["bash", "zsh", "fish"].flatMap((name) => {
  const path = ["/bin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
    .map((folder) => join(folder, name))
    .find((one) => existsSync(one));
  return path === undefined ? [] : [{ name, path }];
});

/** What any of the shells takes, and what is to come out of it. */
const ANY_SHELL: [what: string, command: string, result: RegExp][] = [
  ["several lines", "echo one\necho two", /^one\ntwo\n\[Exit code 0\]$/],
  ["a line that goes on", "echo a \\\n  b", /^a b\n\[Exit code 0\]$/],
  ["bangs", 'echo "a!b !!"', /^a!b !!\n\[Exit code 0\]$/],
  ["tabs", "printf '[%s]\\n' 'a\t\tb'", /^\[a\t\tb\]\n\[Exit code 0\]$/],
  ["exit", "echo before; exit 3", /^before\n\[Exit code 3\]$/],
  ["exec", "exec sh -c 'echo in; exit 4'", /^in\n\[Exit code 4\]$/],
  ["a space before it", "  echo led", /^led\n\[Exit code 0\]$/],
  ["only a comment", "# nothing", /^\[Exit code 0\]$/],
  ["a quote that has no end", "echo 'a", /quote|unmatched|EOF[^]*\[Exit code [1-9]\d*\]$/i],
  [
    "letters of all the world",
    "echo 'žluť 日本 🎉 e\u0301'",
    /^žluť 日本 🎉 e\u0301\n\[Exit code 0\]$/,
  ],
  ["what is longer than a terminal's line", `echo ${"x".repeat(9_000)} | wc -c`, /^\s*9001\n/],
  ["a signal", "sh -c 'kill -TERM $$'", /\[Exit code 143\]$/],
  ["a pager by its name", "seq 1 300 | less", /^1\n[^]*\n150\n[^]*\n300\n\[Exit code 0\]$/],
  ["another one, of a file", "seq 1 300 >n; more n; rm n", /^1\n[^]*\n300\n\[Exit code 0\]$/],
  ["a pager that fails", "less /no/such/file", /no\/such[^]*\n\[Exit code 1\]$/],
  ["what is left in the background", "sleep 60 & echo on", /^on\n\[Exit code 0\]$/],
  [
    "end of output that a program claims",
    "printf '\\033]633;D;9\\007'; sleep 0.5; sh -c 'exit 6'",
    /\[Exit code 6\]$/,
  ],
];

const POSIX: typeof ANY_SHELL = [
  ["a loop", "for i in 1 2; do\n  echo $i\ndone", /^1\n2\n\[Exit code 0\]$/],
  ["a function", "f() {\n  echo in $1\n}\nf x", /^in x\n\[Exit code 0\]$/],
  ["a subshell", "(echo a; exit 5)", /^a\n\[Exit code 5\]$/],
  ["a document", "cat <<'EOF'\none\n  $two !x\nEOF", /^one\n {2}\$two !x\n\[Exit code 0\]$/],
  ["set -e", "set -euo pipefail; echo a; false; echo b", /^a\n\[Exit code 1\]$/],
  ["a trap", "trap 'echo bye' EXIT; echo a; exit 2", /^a\nbye\n\[Exit code 2\]$/],
];

describe("commands", function () {
  this.timeout(60_000);

  let player: Player;
  let folder: string;
  /** Where shells look for their start-up files. */
  let home: string;
  const { Global } = vscode.ConfigurationTarget;
  const settings = () => vscode.workspace.getConfiguration("terminal.integrated");

  const useShell = async (path: string): Promise<void> => {
    await settings().update("profiles.linux", { tried: { path } }, Global);
    await settings().update("defaultProfile.linux", "tried", Global);
    await until(`the shell ${path}`, () => vscode.env.shell === path);
  };
  const run = async (command: string, more: Record<string, unknown> = {}): Promise<string> => {
    const args = { command, timeout_seconds: 20, ...more };
    return results(await player.play([call("execute_command", args)], [approve]))[0] ?? "";
  };
  const alive = (): string[] =>
    execFileSync("ps", ["-A", "-o", "args="], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.startsWith("sleep 4321"));

  before(async () => {
    player = await startPlaying();
    folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
    home = mkdtempSync(join(tmpdir(), "streamkeeper-home-"));
    mkdirSync(join(home, ".config/fish"), { recursive: true });
    const rc =
      "alias hello='echo from the alias'\nexport EDITOR=vi PAGER=less GIT_EDITOR=vi\necho noise\n";
    writeFileSync(join(home, ".bashrc"), rc);
    writeFileSync(join(home, ".zshrc"), rc);
    const fish =
      "alias hello 'echo from the alias'\nset -gx EDITOR vi\nset -gx GIT_EDITOR vi\necho noise\n";
    writeFileSync(join(home, ".config/fish/config.fish"), fish);
    const env = { HOME: home, XDG_CONFIG_HOME: join(home, ".config") };
    await settings().update("env.linux", env, Global);
  });
  beforeEach(() => {
    player.session = undefined;
  });
  after(async () => {
    for (const name of ["profiles.linux", "defaultProfile.linux", "env.linux"]) {
      await settings().update(name, undefined, Global);
    }
    await player.close();
    for (const terminal of vscode.window.terminals) terminal.dispose();
    rmSync(home, { recursive: true, force: true });
  });

  for (const { name, path } of SHELLS) {
    describe(`in ${name}`, () => {
      before(() => useShell(path));

      for (const [what, command, result] of [...ANY_SHELL, ...(name === "fish" ? [] : POSIX)]) {
        it(`run ${what} as it is written`, async () => {
          assert.match(await run(command), result);
        });
      }

      it("know what the user's start-up files set up, but wait in no editor of theirs", async () => {
        assert.equal(await run("hello; echo $EDITOR"), "from the alias\ntrue\n[Exit code 0]");
      });

      it("end with all they have started when they are stopped", async () => {
        const said = await run("sleep 4321 & sh -c 'trap \"\" INT; sleep 43210'", {
          timeout_seconds: 1,
        });
        assert.match(said, /^\[Interrupted after 1 s, still running/m);
        await until("nothing is left", () => alive().length === 0);
      });
    });
  }

  it("leave no file behind, and nothing in the terminal's name for others to read", async () => {
    const rooms = () =>
      readdirSync(tmpdir()).filter((name) => name.startsWith("streamkeeper-command-"));
    const before = rooms();
    const said = await run(
      "ls -ld ${TMPDIR:-/tmp}/streamkeeper-command-*; ps -A -o args= | grep -c 'a[ ]secret'",
    );
    assert.match(said, /^drwx------/m);
    assert.match(said, /^0$/m);
    assert.deepEqual(rooms(), before);
  });

  it("are known to have been cut off when their terminal is closed", async () => {
    const playing = run("echo begun; sleep 30");
    await player.waiting("tool_result");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const terminal = vscode.window.terminals.findLast(({ name }) => name === "Streamkeeper");
    assert.ok(terminal);
    terminal.dispose();
    assert.match(await playing, /closed the terminal before the command had ended\.\]$/);
  });

  it("give the beginning and the end of much output, and say what is left out", async () => {
    const said = await run(
      "echo first; head -c 2500000 /dev/zero | tr '\\0' x | fold; echo; echo last",
      {
        timeout_seconds: 50,
      },
    );
    const short = said.replaceAll(/x[x\s]*x/g, "x");
    assert.match(
      short,
      /^first\nx\n\[… 25\d{5} characters are left out here …\]\nx\nlast\n\[Exit code 0\]$/,
    );
  });

  it("need none of the editor's own shell integration", async () => {
    await settings().update("shellIntegration.enabled", false, Global);
    try {
      assert.equal(await run("(echo a; exit 3)\n"), "a\n[Exit code 3]");
    } finally {
      await settings().update("shellIntegration.enabled", undefined, Global);
    }
  });

  it("run once, in another way, where the start-up files do not come back", async () => {
    const shell = join(home, "bash");
    const script =
      '#!/bin/sh\ncase "$*" in *-i*) exec sleep 4321;; *) exec /bin/bash "$@";; esac\n';
    writeFileSync(shell, script);
    chmodSync(shell, 0o755);
    await useShell(shell);
    const command = `echo ran >> ${join(home, "ran")}; (exit 3)`;
    assert.equal(await run(command, { timeout_seconds: 50 }), "[Exit code 3]");
    const began = Date.now();
    assert.equal(await run(command), "[Exit code 3]");
    assert.ok(Date.now() - began < 8_000, "the second time it is known");
    assert.equal(readFileSync(join(home, "ran"), "utf8"), "ran\nran\n");
    await until("nothing is left", () => alive().length === 0);
  });

  describe("that would open an editor or a pager", () => {
    const git = "git -c user.email=a@b -c user.name=n";
    before(async () => {
      await useShell(SHELLS[0]?.path ?? "/bin/sh");
      const make = `mkdir -p made-repo && cd made-repo && git init -q && for i in $(seq 1 60); do ${git} commit -q --allow-empty -m c$i; done && git checkout -q -b x HEAD~1 && ${git} commit -q --allow-empty -m y && git checkout -q -`;
      execFileSync("sh", ["-c", make], { cwd: folder });
    });
    after(() => rmSync(join(folder, "made-repo"), { recursive: true, force: true }));

    for (const [command, result] of [
      ["git log --format=%s", /^c60\n[^]*c1\n\[Exit code 0\]$/],
      ["git log -2 --format=%s | less", /c60[^]*c59[^]*\[Exit code 0\]$/],
      ["git -p -c core.pager=less log", /\[Exit code 0\]$/],
      ["env GIT_PAGER=less git log --format=%s", /^c60\n[^]*c1\n\[Exit code 0\]$/],
      [`${git} merge x`, /Merge made by[^]*\[Exit code 0\]$/],
      [
        `${git} commit --allow-empty`,
        /Aborting commit due to empty commit message[^]*\[Exit code 1\]$/,
      ],
      [`${git} commit --amend`, /Merge branch 'x'[^]*\[Exit code 0\]$/],
      [`${git} rebase -i --keep-empty HEAD~2`, /\[Exit code 0\]$/],
    ] as const) {
      it(`do not: ${command}`, async () => {
        assert.match(await run(command, { folder: "made-repo" }), result);
      });
    }
  });
});

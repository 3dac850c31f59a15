// How commands are handed to shells: the scripts, carried out by the shells themselves, and what
// is kept of their output.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { cut } from "../../../extension/tools/bounds.ts";
import { BetweenMarks } from "../../../extension/tools/terminal/between-marks.ts";
import { type CommandRoom, openRoom } from "../../../extension/tools/terminal/command-room.ts";
import { HeldOutput } from "../../../extension/tools/terminal/held-output.ts";
import {
  kindOf,
  launchOf,
  markOf,
  quoted,
  quotedForPowershell,
  runsFile,
  type Shell,
  scriptsOf,
} from "../../../extension/tools/terminal/shells.ts";

const shellAt = (path: string): Shell => ({
  path,
  kind: kindOf(path) ?? "other",
  isLogin: false,
  isInteractive: false,
});

/** What its terminal would be sent. */
async function carriedOut(shell: Shell, room: CommandRoom): Promise<string> {
  const { file, args } = launchOf(shell, room.path, process.platform);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (data: string) => {
    text += data;
    // As the window does: it has all of it.
    if (text.includes(markOf(room.path, "End"))) void rm(join(room.path, "exit"));
  });
  await once(child, "close");
  return text;
}

describe("shells", () => {
  it("are told apart by their file, however that is named", () => {
    for (const [path, kind] of [
      ["/bin/bash", "bash"],
      ["/opt/homebrew/bin/bash-5.2", "bash"],
      ["C:\\Program Files\\Git\\bin\\bash.exe", "bash"],
      ["/usr/bin/zsh", "zsh"],
      ["/usr/bin/fish", "fish"],
      ["/bin/sh", "posix"],
      ["/bin/ksh93", "posix"],
      ["C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe", "powershell"],
      ["/usr/bin/pwsh-preview", "powershell"],
      ["/usr/bin/nu", "other"],
      ["/opt/shine", "other"],
      ["C:\\Windows\\System32\\cmd.exe", undefined],
    ] as const) {
      assert.equal(kindOf(path), kind, path);
    }
  });

  for (const path of ["/bin/sh", "/bin/bash", "/usr/bin/zsh", "/usr/bin/fish"].filter(existsSync)) {
    it(`carry out a command once, in a folder with any name, by ${basename(path)}`, async () => {
      const cwd = execFileSync("mktemp", ["-d", "/tmp/it's $HOME `x` XXXXXX"], {
        encoding: "utf8",
      });
      const shell = shellAt(path);
      const command = "pwd; echo \"it's !x\" | cat\nsh -c 'exit 3'";
      const room = await openRoom(shell, command, cwd.trim());
      assert.equal((await stat(room.path)).mode & 0o777, 0o700);
      assert.equal(await room.hasBegun(), false);
      assert.equal(await room.exitCode(), undefined);
      const stdout = await carriedOut(shell, room);
      assert.equal(await room.hasBegun(), true);
      assert.ok(stdout.includes("\u001B]633;D;3\u0007"));
      assert.equal(await room.takeBack(), false, "it has run");
      const said = new BetweenMarks(markOf(room.path, "Begin"), markOf(room.path, "End"));
      assert.equal(said.next(stdout), `${cwd.trim()}\nit's !x\n`);
      await room.remove();
      assert.equal(existsSync(room.path), false);
    });
  }

  it("do not carry out what was taken back", async () => {
    const shell = shellAt("/bin/sh");
    const room = await openRoom(shell, "echo ran", "/tmp");
    assert.equal(await room.takeBack(), true);
    const stdout = await carriedOut(shell, room);
    assert.doesNotMatch(stdout.replace("$ \u001B]633;B\u0007echo ran", ""), /ran/);
    assert.equal(await room.hasBegun(), false);
    await room.remove();
  });

  it("are shown a command that gives no orders to the terminal", () => {
    const shell = shellAt("/bin/sh");
    const given = { command: "echo '\u001B]0;title\u0007'\r\nls", room: "/tmp/r", cwd: "/tmp" };
    const { outer = "" } = scriptsOf(shell, given, "linux");
    assert.ok(outer.includes(String.raw`echo '\''${"\uFFFD"}]0;title${"\uFFFD"}'\''` + "\nls"));
    assert.ok(!outer.includes("\u001B") && !outer.includes("\r"));
  });

  it("get words that end nothing before their end", () => {
    const text = `a'b "c" $d \`e\` \\ \u2019f\u2018`;
    assert.equal(
      execFileSync("/bin/sh", ["-c", `printf %s ${quoted(text)}`], { encoding: "utf8" }),
      text,
    );
    assert.equal(quotedForPowershell("it's \u2019so\u2018"), "'it''s \u2019\u2019so\u2018\u2018'");
  });

  it("of PowerShell read the command from a file, in a process of its own, on the system's paths", () => {
    const shell: Shell = {
      path: "C:\\Program Files\\pwsh's\\pwsh.exe",
      kind: "powershell",
      isLogin: false,
      isInteractive: true,
    };
    const given = {
      command: "exit 3 # '",
      room: "C:\\Temp\\streamkeeper-command-aB1",
      cwd: "D:\\it's",
    };
    const { outer = "", inner = "" } = scriptsOf(shell, given, "win32");
    assert.match(outer, /Write\('exit 3 # '''\)/);
    assert.match(
      outer,
      /^& 'C:\\Program Files\\pwsh''s\\pwsh\.exe' -NoLogo .*-EncodedCommand \S+$/m,
    );
    assert.match(outer, /WriteAllText\('C:\\Temp\\streamkeeper-command-aB1\\exit\.part'/);
    assert.match(inner, /^Set-Location -LiteralPath 'D:\\it''s'$/m);
    assert.doesNotMatch(inner, /exit 3/);
    const begin = inner.indexOf("StreamkeeperBegin=streamkeepercommandaB1");
    assert.ok(inner.indexOf("Move(") < begin && begin < inner.indexOf("running') +"));
    const { file, args } = launchOf(shell, given.room, "win32");
    assert.equal(file, shell.path);
    assert.ok(args.join(" ").length < 8_000, "a line of Windows takes it");
    assert.equal(
      Buffer.from(runsFile("x'y"), "base64").toString("utf16le"),
      ". ([scriptblock]::Create([IO.File]::ReadAllText('x''y')))",
    );
  });
});

describe("what a command says", () => {
  it("is what stands between the marks, in whatever pieces it comes", () => {
    const whole = "noise\u001B[m<B>one\u001B[31mtwo\u001B]633;P\u0007<E>prompt"
      .replace("<B>", "\u001B]x;Begin\u0007")
      .replace("<E>", "\u001B]x;End\u0007");
    for (let size = 1; size < whole.length; size++) {
      const said = new BetweenMarks("\u001B]x;Begin\u0007", "\u001B]x;End\u0007");
      let text = "";
      for (let at = 0; at < whole.length; at += size) text += said.next(whole.slice(at, at + size));
      assert.equal(text, "one\u001B[31mtwo\u001B]633;P\u0007", `in pieces of ${size}`);
      assert.equal(said.isOver, true);
    }
  });

  it("is kept at its beginning and its end, and what is missing is counted", () => {
    const held = new HeldOutput();
    held.add("first\n");
    const piece = "x".repeat(99_999);
    for (let index = 0; index < 1_000; index++) held.add(`${piece}\n`);
    held.add("last");
    assert.ok(held.text.length < 2_500_000);
    const told = cut(held.text, 1_000, held.missing);
    assert.match(told, /^first\nx+\n\[… \d+ characters/);
    assert.match(told, /x\nlast$/);
    const missing = Number(/… (\d+)/.exec(told)?.[1]);
    assert.ok(Math.abs(missing - (100_000_010 - 1_000)) < 100, `${missing}`);
    const short = new HeldOutput();
    short.add("a");
    short.add("b");
    assert.equal(short.text, "ab");
  });
});

// How a command is handed to a shell as it is written: from a private file, never as
// typed keys, by the shell that the user has set up, after the user's own start-up files.
// Knows nothing of VS Code.
import { posix, win32 } from "node:path";

/** Files of one command, in a folder that only this user may read. */
export const ROOM = {
  /** The command. Renamed to `running` by who begins it, so that it runs once at most. */
  command: "command",
  running: "running",
  /** Its exit code, when it has ended. */
  exit: "exit",
  /** What the terminal runs, and for PowerShell what that runs. */
  outer: "outer",
  inner: "inner",
  /** Stands before all other folders of programs while the command runs. */
  programs: "programs",
} as const;

/**
 * Pagers that are called by their names, which wait for keys where they find a terminal. In their
 * places stands this, which has them write into a pipe: they show all there is, and end.
 */
export const PAGERS = ["less", "more"] as const;
export const PAGER_SCRIPT = `#!/bin/sh
name=\${0##*/}
set -f
IFS=:
for folder in $PATH; do
  if [ "$folder" != "\${0%/*}" ] && [ -x "$folder/$name" ]; then
    unset IFS
    shows=
    for word do
      if [ -e "$word" ] || [ "$word" = --help ]; then shows=1; fi
    done
    # Where it has nothing to show it ends by itself, and says so by its code.
    if [ ! -t 1 ] || { [ -t 0 ] && [ -z "$shows" ]; }; then exec "$folder/$name" "$@"; fi
    exec 4>&1
    exit "$( { { "$folder/$name" "$@" 3>&- 4>&-; echo $? >&3; } | cat >&4 3>&-; } 3>&1 )"
  fi
done
echo "$name: not found" >&2
exit 127
`;

/**
 * What the shell's start-up files say comes before `Begin`, all that the command says before `End`.
 * A terminal shows nothing of it, and no program can know it.
 */
export function markOf(room: string, which: "Begin" | "End"): string {
  return `\u001B]633;P;Streamkeeper${which}=${baseName(room).replaceAll(/\W/g, "")}\u0007`;
}

/**
 * What nobody answers: an editor leaves all as it is, a pager shows all at once. A shell's
 * start-up files would set others.
 */
export const ANSWERED_EDITORS: Readonly<Record<string, string>> = {
  EDITOR: "true",
  VISUAL: "true",
  GIT_EDITOR: "true",
  GIT_SEQUENCE_EDITOR: "true",
  HGEDITOR: "true",
  PAGER: "cat",
  GIT_PAGER: "cat",
  GH_PAGER: "cat",
  MANPAGER: "cat",
  SYSTEMD_PAGER: "cat",
  PSQL_PAGER: "cat",
  DELTA_PAGER: "cat",
  BAT_PAGER: "cat",
  // Asks nothing of what may be no text.
  LESS: "-fFRX",
  AWS_PAGER: "",
};

export type ShellKind = "bash" | "zsh" | "fish" | "posix" | "powershell" | "other";

export interface Shell {
  path: string;
  kind: ShellKind;
  /** As the user's terminals are. */
  isLogin: boolean;
  /** With the start-up files of a shell that somebody types in. */
  isInteractive: boolean;
}

/** Undefined for `cmd.exe`, which takes no command of several lines. */
export function kindOf(path: string): ShellKind | undefined {
  const name = baseName(path)
    .toLowerCase()
    .replace(/\.exe$/, "");
  if (name === "cmd") return undefined;
  if (/^(?:pwsh|powershell)/.test(name)) return "powershell";
  const [, known] = /^r?(bash|zsh|fish)(?:$|[-\d])/.exec(name) ?? [];
  if (known === "bash" || known === "zsh" || known === "fish") return known;
  return /^(?:sh|dash|ash|[lm]?ksh\d*|busybox)$/.test(name) ? "posix" : "other";
}

function baseName(path: string): string {
  return path.includes("\\") ? win32.basename(path) : posix.basename(path);
}

export interface Launch {
  file: string;
  args: string[];
}

/** What a terminal runs so that the file `outer` of the room is carried out. */
export function launchOf(shell: Shell, room: string, platform: NodeJS.Platform): Launch {
  if (shell.kind === "powershell") {
    const args = ["-NoLogo", "-NoProfile", "-NoExit", "-EncodedCommand"];
    return { file: shell.path, args: [...args, runsFile(win(room, ROOM.outer, platform))] };
  }
  const path = `${forPosix(room)}/${ROOM.outer}`;
  return { file: platform === "win32" ? shell.path : "/bin/sh", args: [path] };
}

/** The files `outer` and `inner`: they show the command, run it, and tell how it ended. */
export function scriptsOf(
  shell: Shell,
  { command, room, cwd }: { command: string; room: string; cwd: string },
  platform: NodeJS.Platform,
): Partial<Record<"outer" | "inner", string>> {
  const shown = shownOf(command);
  if (shell.kind === "powershell") {
    return {
      outer: powershellOuter(shell, shown, room, platform),
      inner: powershellInner(room, cwd, platform),
    };
  }
  return { outer: posixOuter(shell, shown, forPosix(room), forPosix(cwd)) };
}

/** For the eyes only: no character of it is an order to the terminal. */
function shownOf(command: string): string {
  return command.replaceAll(/\r\n?/g, "\n").replaceAll(/(?![\n\t])\p{Cc}/gu, "\uFFFD");
}

function posixOuter(shell: Shell, shown: string, room: string, cwd: string): string {
  const own = quoted(shell.path);
  const flags = [shell.isLogin ? "-l" : "", shell.isInteractive ? "-i" : ""].filter(Boolean);
  const begin = beginOf(shell.kind, room);
  // fish has no name for itself among them.
  const words = [...(shell.kind === "fish" ? [] : [baseName(shell.path)]), room, cwd];
  // What has no prelude of ours is begun here.
  const run =
    begin === undefined
      ? `mv -- ${quoted(room)}/${ROOM.command} ${quoted(room)}/${ROOM.running} && ${environment("posix")} && ${ownPrograms("posix", room)} && printf '${escaped(markOf(room, "Begin"))}' && ${own} ${quoted(room)}/${ROOM.running}`
      : `${[own, ...flags].join(" ")} -c ${quoted(begin)} ${words.map(quoted).join(" ")}`;
  return [
    // Ctrl+C is for the command.
    "trap : INT QUIT",
    "printf '\\033]633;A\\007\\033[1m$ \\033]633;B\\007'",
    `printf '%s' ${quoted(shown)}`,
    "printf '\\033[0m\\n\\033]633;C\\007'",
    run,
    "code=$?",
    `printf '%s' "$code" > ${quoted(room)}/${ROOM.exit}.part && mv -- ${quoted(room)}/${ROOM.exit}.part ${quoted(room)}/${ROOM.exit}`,
    `printf '${escaped(markOf(room, "End"))}'`,
    // An end in the same breath as the output would lose that on its way to us.
    `n=0; while [ -e ${quoted(room)}/${ROOM.exit} ] && [ $n -lt 100 ]; do sleep 0.05; n=$((n+1)); done`,
    "stty sane 2>/dev/null",
    `printf '\\033]633;D;%s\\007' "$code"`,
    "trap - INT QUIT",
    `exec ${[own, ...flags].join(" ")}`,
    "",
  ].join("\n");
}

/**
 * Begins a command in a shell that has read its start-up files: $1 is the room, $2 the folder. In a
 * subshell, where there is one, so that nothing is said of jobs; and `eval` takes all as it is
 * written, with no history of `!`.
 */
function beginOf(kind: ShellKind, room: string): string | undefined {
  if (kind === "other" || kind === "powershell") return undefined;
  if (kind === "fish") {
    return [
      "builtin cd -- $argv[2]",
      `command mv -- $argv[1]/${ROOM.command} $argv[1]/${ROOM.running}; or exit 125`,
      environment("fish"),
      ...["__direnv_export_eval", "__mise_env_eval"].map(
        (hook) => `functions -q ${hook}; and ${hook} >/dev/null 2>&1`,
      ),
      ownPrograms("fish", room),
      `set -l streamkeeper_text (command cat -- $argv[1]/${ROOM.running} | string collect)`,
      "set -e argv",
      `printf '${escaped(markOf(room, "Begin"))}'`,
      "eval $streamkeeper_text",
    ].join("\n");
  }
  const builtin = kind === "posix" ? "" : "builtin ";
  return [
    `${builtin}cd -- "$2"`,
    `command mv -- "$1/${ROOM.command}" "$1/${ROOM.running}" || exit 125`,
    environment("posix"),
    // They load a folder's variables at the prompt, and there is none here.
    "for hook in _direnv_hook _mise_hook; do",
    '  if type "$hook" >/dev/null 2>&1; then "$hook" >/dev/null 2>&1; fi',
    "done",
    "unset hook",
    ownPrograms("posix", room),
    `printf '${escaped(markOf(room, "Begin"))}'`,
    `( streamkeeper_text=$(command cat -- "$1/${ROOM.running}"); set --; eval "$streamkeeper_text" )`,
  ].join("\n");
}

function environment(kind: "posix" | "fish"): string {
  const set = Object.entries(ANSWERED_EDITORS).map(([name, value]) => {
    return kind === "fish" ? `set -gx ${name} '${value}'` : `${name}='${value}'`;
  });
  return kind === "fish" ? set.join("; ") : `export ${set.join(" ")}`;
}

function ownPrograms(kind: "posix" | "fish", room: string): string {
  const folder = quoted(`${room}/${ROOM.programs}`);
  return kind === "fish" ? `set -gx PATH ${folder} $PATH` : `export PATH=${folder}:"$PATH"`;
}

/** For the `printf` of any shell. */
function escaped(orders: string): string {
  return orders.replaceAll("\u001B", "\\033").replaceAll("\u0007", "\\007");
}

function forPowershell(orders: string): string {
  return orders.replaceAll("\u001B", "$([char]27)").replaceAll("\u0007", "$([char]7)");
}

/** As one word of any shell of the Bourne kind. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** As one word of PowerShell, for which typographic quotes are quotes, too. */
export function quotedForPowershell(text: string): string {
  return `'${text.replaceAll(/['\u2018\u2019\u201A\u201B]/g, "$&$&")}'`;
}

/** The argument of `-EncodedCommand`; a file that is read as text needs no execution policy. */
export function runsFile(path: string): string {
  const text = `. ([scriptblock]::Create([IO.File]::ReadAllText(${quotedForPowershell(path)})))`;
  return Buffer.from(text, "utf16le").toString("base64");
}

function powershellOuter(
  shell: Shell,
  shown: string,
  room: string,
  platform: NodeJS.Platform,
): string {
  const file = (name: string): string => quotedForPowershell(win(room, name, platform));
  const inner = runsFile(win(room, ROOM.inner, platform));
  return [
    "$e = [char]27; $a = [char]7",
    '[Console]::Write("$e]633;A$a$e[1mPS> $e]633;B$a")',
    `[Console]::Write(${quotedForPowershell(shown.replaceAll("\n", "\r\n"))})`,
    '[Console]::Write("$e[0m`r`n$e]633;C$a")',
    `& ${quotedForPowershell(shell.path)} -NoLogo -OutputFormat Text -EncodedCommand ${inner}`,
    "$code = $LASTEXITCODE",
    `[IO.File]::WriteAllText(${file(`${ROOM.exit}.part`)}, "$code")`,
    `[IO.File]::Move(${file(`${ROOM.exit}.part`)}, ${file(ROOM.exit)})`,
    `[Console]::Write("${forPowershell(markOf(room, "End"))}")`,
    `for ($n = 0; $n -lt 100 -and [IO.File]::Exists(${file(ROOM.exit)}); $n++) { Start-Sleep -Milliseconds 50 }`,
    '[Console]::Write("$e]633;D;$code$a")',
    "",
  ].join("\n");
}

/** A process of its own, so that `exit` ends no terminal. */
function powershellInner(room: string, cwd: string, platform: NodeJS.Platform): string {
  const file = (name: string): string => quotedForPowershell(win(room, name, platform));
  return [
    `try { [IO.File]::Move(${file(ROOM.command)}, ${file(ROOM.running)}) } catch { exit 125 }`,
    `Set-Location -LiteralPath ${quotedForPowershell(cwd)}`,
    ...Object.entries(ANSWERED_EDITORS).map(([name, value]) => `$env:${name} = '${value}'`),
    ...(platform === "win32" ? [] : [`$env:PATH = ${file(ROOM.programs)} + ':' + $env:PATH`]),
    `[Console]::Write("${forPowershell(markOf(room, "Begin"))}")`,
    "$global:LASTEXITCODE = 0",
    "$global:StreamkeeperOk = $false",
    "try {",
    // How the last statement went is only known in its own scope.
    `  . ([scriptblock]::Create([IO.File]::ReadAllText(${file(ROOM.running)}) + "\`n\`$global:StreamkeeperOk = \`$?"))`,
    "} catch {",
    "  [Console]::Error.WriteLine(($_ | Out-String).TrimEnd())",
    "  exit 1",
    "}",
    "if ($global:StreamkeeperOk) { exit 0 }",
    "if ($global:LASTEXITCODE) { exit $global:LASTEXITCODE }",
    "exit 1",
    "",
  ].join("\n");
}

/** Shells of the Bourne kind on Windows take these. */
function forPosix(path: string): string {
  return /^[A-Za-z]:/.test(path) ? path.replaceAll("\\", "/") : path;
}

function win(room: string, name: string, platform: NodeJS.Platform): string {
  return (platform === "win32" ? win32 : posix).join(room, name);
}

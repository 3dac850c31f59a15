// What is known of programs by their names, where a rule or a level would let one run. It errs
// towards a question.

/** Variables that change what a program is, or what it runs. */
const STEERING =
  /^(?:path|cdpath|ifs|env|bash_env|bash_func.*|shellopts|bashopts|ps4|prompt_command|zdotdir|fpath|ld_.*|dyld_.*|gconv_path|node_.*|npm_.*|yarn_.*|python.*|perl.*|ruby.*|gem_.*|bundle_.*|git_.*|ssh_.*|.*pager|.*editor|visual|browser|java_.*|_java_options|jdk_java_options|maven_opts|gradle_opts|rustc.*|cargo_.*|go(?:flags|proxy|root)|cc|cxx|make.*|lessopen|lessclose|manpager|tar_options|docker_host|kubeconfig|home|tmpdir|(?:http|https|all)_proxy)$/i;

export function isSteering(name: string): boolean {
  return STEERING.test(name);
}

/** They run what they are given, or change what names mean from then on. */
const RUNS_TEXT =
  /^(?:eval|source|\.|exec|alias|unalias|hash|enable|trap|bind|complete|set|shopt|setopt|autoload|zmodload|emulate|builtin|declare|typeset|readonly|local|export|coproc|iex|invoke-expression|invoke-command|start-proc.*|saps|icm|xargs|parallel|watch|ssh|su|script|expect|screen|tmux|at|batch|crontab|nsenter|unshare|chroot|strace|gdb|lldb|find|fd|awk|gawk|mawk|nawk|vi|vim|nvim|ed|ex|emacs)$/;
const SHELLS = /^(?:ba|z|da|k|mk|tc|c|fi|a|)sh$|^(?:pwsh|powershell|cmd|wsl|busybox)$/;
const INTERPRETERS =
  /^(?:python[\d.]*|pypy[\d.]*|node|nodejs|deno|bun|perl[\d.]*|ruby[\d.]*|php[\d.]*|lua[\d.]*|osascript|tclsh|rscript|julia|groovy|jshell|ts-node|tsx)$/i;
const INLINE = /^(?:-[a-z]*[cepr]|-E|-m|--eval|--print|--exec|--execute|--run|eval|repl|-)$/i;
/** They run the program that is named after them, as it is. */
const CARRIERS = /^(?:env|nice|ionice|nohup|setsid|stdbuf|timeout|time|command|sudo|doas)$/;

function nameOf(word = ""): string {
  const base = word.split(/[\\/]/).at(-1) ?? "";
  // PowerShell and cmd do not tell the case apart, nor do the disks of macOS.
  return base.replace(/\.(?:exe|cmd|bat|ps1)$/i, "").toLowerCase();
}

/** Without the programs that only start the next. */
function carried(words: readonly string[]): readonly string[] {
  let rest = words;
  while (CARRIERS.test(nameOf(rest[0])) && rest.length > 1) {
    const at = rest.slice(1).findIndex((word) => !/^-|^\w+=|^[\d.]+[smhd]?$/.test(word));
    if (at < 0) return rest;
    rest = rest.slice(at + 1);
  }
  return rest;
}

/**
 * It runs what cannot be read here: the text of another language, of a variable, of a file that it
 * names. `hasInput`: something is written out for it to read.
 */
export function runsUnknown(words: readonly string[], hasInput = false): boolean {
  if (words.some((word, at) => at > 0 && isCarriedAssignment(words, at, word))) return true;
  const [first = "", ...args] = carried(words);
  const name = nameOf(first);
  if (/^(?:find|fd)$/.test(name)) return args.some((arg) => actsOn(name, arg));
  if (/^[gmn]?awk$/.test(name)) {
    return args.some((arg) => /system|getline|\||>|^-[a-z]*[fEil]|^--/.test(arg));
  }
  if (RUNS_TEXT.test(name) || SHELLS.test(name)) return true;
  if (INTERPRETERS.test(name)) {
    const hasFile = args.some((arg) => !arg.startsWith("-"));
    return hasInput || !(hasFile || isAsked(args)) || args.some((arg) => INLINE.test(arg));
  }
  return false;
}

/** `python --version` */
const isAsked = (args: readonly string[]): boolean =>
  args.length === 1 && /^(?:-v|-V|--version|--help|-h)$/.test(args[0] ?? "");

/** `env PATH=… program` */
function isCarriedAssignment(words: readonly string[], at: number, word: string): boolean {
  const isBefore = words.length - carried(words).length > at;
  return isBefore && word.includes("=") && isSteering(word.split("=")[0] ?? "");
}

/** Programs that a rule by their first words says nothing of: those words are no limit for them. */
const LIMITLESS =
  /^(?:npx|pnpx|bunx|uvx|pipx|corepack|nx|make|just|task|rake|sudo|doas|run0|pkexec|env|nice|ionice|nohup|setsid|stdbuf|timeout|time|command|sed|perl|ssh|scp|curl|wget|tar|zip|unzip|rsync|dd|tee|gh|docker-compose|open|xdg-open|start|explorer|code|cursor|cd|pushd|popd)$/;
/** Programs that are many, each by its next word. */
const MANY =
  /^(?:git|npm|pnpm|yarn|bun|cargo|go|deno|dotnet|docker|podman|kubectl|helm|terraform|tofu|pulumi|pip|pip3|poetry|uv|pdm|pipenv|hatch|conda|bundle|gem|composer|mix|rebar3|cabal|stack|swift|flutter|dart|mvn|mvnw|gradle|gradlew|ant|sbt|lerna|turbo|rush|ng|aws|gcloud|az|heroku|vercel|netlify|firebase|wrangler|brew|apt|apt-get|dnf|yum|pacman|choco|winget|scoop|systemctl|service|launchctl|svn|hg|jj|prisma|rails|php|artisan|symfony|wp|drush|kustomize|minikube|vagrant|ansible|nix)$/;
/** Next words that say nothing either, since what runs comes after them, or they change that. */
const OPEN =
  /^(?:exec|dlx|x|create|init|install|i|add|update|upgrade|up|require|config|set|foreach|bisect|rebase|filter-branch|filter-repo|difftool|mergetool|submodule|clone|am|daemon|shell|sh|run|run-script|script|compose|env|tool|plugin|plugins|explore|global|link|alias|apply|publish|install-scripts|rebuild)$/;
const RUNS_SCRIPTS = /^(?:npm|pnpm|yarn|bun|turbo|composer)$/;

/**
 * Whether these words, at the beginning of a command, say what it does. What a project's own
 * scripts do is the project's; what an interpreter runs is anything.
 */
export function isTellingPrefix(words: readonly string[]): boolean {
  const [first = "", second, third] = words;
  const name = nameOf(first);
  if (words.some((word) => word.startsWith("-") || !/^[\w@%+=:,./-]+$/.test(word))) return false;
  if (/=/.test(first) || name === "") return false;
  if (runsUnknown([first, "x"]) || SHELLS.test(name) || INTERPRETERS.test(name)) {
    return false;
  }
  if (/^(?:make|just|task|rake|nx|mage)$/.test(name)) return second !== undefined;
  if (LIMITLESS.test(name) || /^[gmn]?awk$/.test(name)) return false;
  if (!MANY.test(name)) return true;
  if (second === undefined) return false;
  if (!OPEN.test(second)) return `${name} ${second}` !== "go get";
  return RUNS_SCRIPTS.test(name) && /^run(?:-script)?$/.test(second) && third !== undefined;
}

/** Options, of whatever program, that run something, write somewhere, or read their rules there. */
const ACTING = [
  "actions",
  "agent",
  "allow-run",
  "checkpoint-action",
  "command",
  "compress-program",
  "config",
  "config-env",
  "configfile",
  "cwd",
  "data",
  "delete",
  "directory",
  "dir",
  "editor",
  "environment",
  "eval",
  "exec",
  "exec-path",
  "execute",
  "ext-diff",
  "fix-script",
  "force",
  "form",
  "git-dir",
  "global-setup",
  "globalSetup",
  "globals",
  "hostname-bin",
  "import",
  "in-place",
  "include",
  "init-command",
  "init-file",
  "inspect",
  "interpreter",
  "listFilesOutput",
  "loader",
  "manifest-path",
  "module",
  "node-options",
  "open",
  "open-files-in-pager",
  "out",
  "outDir",
  "outFile",
  "output",
  "output-dir",
  "output-file",
  "outputFile",
  "pager",
  "plugin",
  "plugins",
  "post-file",
  "pre",
  "prefix",
  "preload",
  "preview",
  "program",
  "project",
  "proxy",
  "rcfile",
  "receive-pack",
  "registry",
  "remote",
  "reporter",
  "reporters",
  "require",
  "resolver",
  "rootDir",
  "root",
  "rootdir",
  "rsh",
  "rulesdir",
  "run",
  "runner",
  "script",
  "script-shell",
  "server",
  "setup",
  "setupFiles",
  "shell",
  "source",
  "target",
  "target-dir",
  "template",
  "textconv",
  "to-command",
  "transform",
  "upload-file",
  "upload-pack",
  "url",
  "use-askpass",
  "use-compress-program",
  "userconfig",
  "work-tree",
  "workdir",
  "wrapper",
  "write",
].map((name) => name.toLowerCase());

/** Short ones, by program; of those that are not here, none that is known to act. */
const ACTING_SHORT: Readonly<Record<string, RegExp>> = {
  git: /^-[a-zA-Z]*[cCOxu]/,
  rg: /^-[a-zA-Z]*[z]/,
  sort: /^-[a-zA-Z]*[oTS]/,
  npm: /^-[a-zA-Z]*[gC]/,
  pnpm: /^-[a-zA-Z]*[gC]/,
  yarn: /^-[a-zA-Z]*[gC]/,
  go: /^-(?:exec|toolexec|o|C|overlay|modfile|gcflags|ldflags|asmflags|vettool|coverprofile|cpuprofile|memprofile|trace|outputdir|pkgdir|modcacherw)/,
  cargo: /^-[a-zA-Z]*[CZ]/,
  pytest: /^-[a-zA-Z]*[cpo]/,
  tsc: /^-[a-zA-Z]*[pb]/,
  eslint: /^-[a-zA-Z]*[co]/,
  prettier: /^-[a-zA-Z]*w/,
  mocha: /^-[a-zA-Z]*[rf]/,
  jest: /^-[a-zA-Z]*c/,
  vitest: /^-[a-zA-Z]*[cr]/,
  make: /^-[a-zA-Z]*[CfIE]/,
  just: /^-[a-zA-Z]*[dfc]/,
  mvn: /^-[a-zA-Z]*[fDsgt]/,
  mvnw: /^-[a-zA-Z]*[fDsgt]/,
  gradle: /^-[a-zA-Z]*[IbcDPpg]/,
  gradlew: /^-[a-zA-Z]*[IbcDPpg]/,
  man: /^-[a-zA-Z]*[PHC]/,
  less: /^-[a-zA-Z]*[oOk]/,
};

/** `find` and `fd` run and write by words of their own. */
function actsOn(name: string, arg: string): boolean {
  if (name === "fd") return /^(?:-[a-zA-Z]*[xX]|--exec.*)/.test(arg);
  return /^-(?:exec|execdir|ok|okdir|delete|fprint0?|fprintf|fls)$/.test(arg);
}

/** What may stand after the words of a rule without changing what it allows. */
export function isHarmlessAfter(words: readonly string[], rest: readonly string[]): boolean {
  const name = nameOf(words[0]);
  const short = ACTING_SHORT[name];
  return rest.every((word) => {
    if (/(?:^|=|^-[A-Za-z])(?:[/~]|[a-z]:[\\/]|\\\\)/i.test(word)) return false;
    if (word.includes("://")) return false;
    if (/(?:^|[\\/=])\.\.(?:[\\/]|$)/.test(word)) return false;
    if (short?.test(word)) return false;
    const [, option] = /^--?([A-Za-z][\w.-]*)/.exec(word) ?? [];
    if (option === undefined || (!word.startsWith("--") && option.length < 3)) return true;
    // A long option may be cut short as long as it is the only one that begins so.
    const said = option.replace(/^no-/, "").toLowerCase();
    return !ACTING.some((one) => one.startsWith(said) || said.startsWith(`${one}.`));
  });
}

/** Programs that only pass on or say what they are given, by what may follow them. */
const FILTERS: Readonly<Record<string, RegExp>> = {
  head: /^(?:-[nc]?\d+|-[ncq]|\d+)$/,
  tail: /^(?:-[nc]?\+?\d+|-[ncq]|\+?\d+)$/,
  wc: /^-[lwcm]+$/,
  cat: /^-[nbsA]+$/,
  sort: /^-[bdfghinruMV]+$/,
  uniq: /^-[cdiu]+$/,
  cut: /^-(?:[dfc].*|s)$/,
  tr: /^/,
};
const GREP_OPTION = /^-(?:[EFGPivnocqwxahs]+|[ABCm]\d+|-color(?:=\w+)?|-line-buffered)$/;

/** What may stand in a line beside what is allowed: it reads its pipe, or only says something. */
export function isBystander({
  words,
  isFed,
}: {
  words: readonly string[];
  isFed: boolean;
}): boolean {
  const [name = "", ...args] = words;
  if (/^(?:echo|true|pwd)$/.test(name)) return true;
  if (!isFed) return false;
  if (/^[ef]?grep$/.test(name)) {
    const operands = args.filter((arg) => !GREP_OPTION.test(arg));
    return operands.length === 1 && !operands[0]?.startsWith("-");
  }
  const takes = FILTERS[name];
  return (
    takes !== undefined && Object.hasOwn(FILTERS, name) && args.every((arg) => takes.test(arg))
  );
}

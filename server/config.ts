// Flags and environment, parsed once; the only reader of process.env.
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type DatabaseSource, DURABILITIES, type Durability, SHOWN } from "./db/opened-database.ts";
import { ModelId } from "./protocol/fields.ts";
import type { ProviderSettings } from "./providers/access.ts";
import { hostsOf } from "./shared/postgres-hosts.ts";
import { isContextWindow } from "./shared/tokens.ts";

export interface Config {
  host: string;
  port: number;
  dataDir: string;
  database: DatabaseSource;
  durability: Durability;
  backups: (typeof BACKUPS)[number];
  model: string | undefined;
  /** In tokens, by the whole id of a model. */
  contextWindows: ReadonlyMap<string, number>;
  /** Null: never. */
  idleExitSeconds: number | null;
  /** How long to wait for another companion of the data directory to end. */
  waitSeconds: number;
  logLevel: string;
  slowSeconds: number;
  stallSeconds: number;
  /** Vendors that can may hold answers, so that another companion can go on with them. */
  resumeAnswers: boolean;
  /** Whether an answer whose companion has died is continued by another. */
  continueAnswers: boolean;
  bodyLimitBytes: number;
  /** How many may read streams at once. */
  maxReaders: number;
  /** How many threads read models' answers; 0: the event loop does; undefined: by the cores. */
  answerThreads: number | undefined;
  /** For so long a deleted chat can be brought back; 0: never. */
  keepDeletedDays: number;
  /** Whether a chat's model is asked for its title, once. */
  titles: boolean;
  /** Hosts whose pages are fetched though their addresses are private. */
  privateHosts: readonly string[];
  /** Print the address with the token, for a person to open. */
  printUrl: boolean;
  providers: ProviderSettings;
}

/** How often a SQLite database is copied into the data directory. */
const BACKUPS = ["daily", "never"] as const;

export const DEFAULT_KEEP_DELETED_DAYS = 30;

export class ConfigError extends Error {}

export type Environment = Record<string, string | undefined>;

export const USAGE = `streamkeeper: the companion server

  --host ADDRESS          where to listen (127.0.0.1)
  --port PORT             0: any free one (0)
  --data-dir DIR          token, database, logs
  --database URL|PATH     a file, sqlite:PATH or postgres://… (DATA_DIR/streamkeeper.db)
  --database-direct URL   the Postgres server itself, where --database is a proxy that pools transactions
  --database-patience SECONDS  how long an answer waits for a Postgres that is away, instead of ending (60)
  --durability LEVEL      full: every word survives a power cut; balanced: words of a running answer
                          survive a crash, not a power cut, SQLite only; two_machines: nothing is shown
                          that only one machine has, replicated_storage: the storage below keeps all on
                          two, Postgres only (full)
  --backups HOW_OFTEN     daily or never: copies in DATA_DIR/backups; SQLite only (daily)
  --model PROVIDER/MODEL  what answers when nobody chose (demo/demo)
  --keep-deleted DAYS     for so long a deleted chat can be brought back; 0: never (30)
  --titles on|off         a chat's model is asked for its title after the first answer (off)
  --private-hosts LIST    HOST,…: hosts of a private network whose pages may be fetched; *.corp.example
                          is all below it
  --context-windows LIST  MODEL=TOKENS,…: how much models can read that are not known here, or know less
  --idle-exit SECONDS     end after so long without clients and turns, or never (never)
  --wait SECONDS          for the companion that serves DIR to end; then take its place (0)
  --log-level LEVEL       debug, info, warn, error or silent (info)
  --slow-threshold MS     a transaction over this is slow (100)
  --stall-timeout SECONDS a model silent for so long has failed (60)
  --resume-answers on|off after a crash go on with the answer that runs; OpenAI and Gemini then store
                          their answers (off)
  --continue-answers on|off  on a Postgres, when a companion dies: another one continues its answers (on)
  --body-limit BYTES      largest request (1048576)
  --max-readers COUNT     how many streams may be read at once (4096)
  --answer-threads COUNT  threads that read models' answers (one for each four cores, at most 4)
  --allow-remote          permit a --host other machines can reach
  --print-url             print the address with the token
  --version, --help

streamkeeper doctor      looks after what is stored; doctor --help lists its flags

Each flag is also an environment variable: STREAMKEEPER_DATA_DIR for --data-dir, and so on. A flag wins.

Exit code 0: ended as asked, or idle. 1: failed. 2: a flag or a place it cannot use. 3: DIR is served by another.`;

const FLAGS = {
  host: { type: "string" },
  port: { type: "string" },
  "data-dir": { type: "string" },
  database: { type: "string" },
  "database-direct": { type: "string" },
  "database-patience": { type: "string" },
  durability: { type: "string" },
  backups: { type: "string" },
  model: { type: "string" },
  "keep-deleted": { type: "string" },
  titles: { type: "string" },
  "private-hosts": { type: "string" },
  "context-windows": { type: "string" },
  "idle-exit": { type: "string" },
  wait: { type: "string" },
  "log-level": { type: "string" },
  "slow-threshold": { type: "string" },
  "stall-timeout": { type: "string" },
  "resume-answers": { type: "string" },
  "continue-answers": { type: "string" },
  "body-limit": { type: "string" },
  "max-readers": { type: "string" },
  "answer-threads": { type: "string" },
  "allow-remote": { type: "boolean" },
  "print-url": { type: "boolean" },
  version: { type: "boolean" },
  help: { type: "boolean" },
} as const;

const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"];
const LOOPBACK = new Set(["127.0.0.1", "localhost", "::1"]);

/** Throws `ConfigError` with one clear line. */
export function parseConfig(
  args: readonly string[],
  env: Environment,
): Config | "help" | "version" {
  const flags = parseFlags(args);
  if (flags.help) return "help";
  if (flags.version) return "version";
  const option = (name: keyof typeof FLAGS) => optionOf(flags, env, name);

  const host = option("host") ?? "127.0.0.1";
  if (!LOOPBACK.has(host) && !flags["allow-remote"]) {
    throw new ConfigError(
      `--host ${host} can be reached from other machines. Add --allow-remote if that is what you want.`,
    );
  }
  const threads = option("answer-threads");
  const model = option("model");
  if (model !== undefined && !ModelId.safeParse(model).success) {
    throw new ConfigError(`--model ${model}: expected PROVIDER/MODEL, such as openai/gpt-5.`);
  }
  const logLevel = option("log-level") ?? "info";
  if (!LOG_LEVELS.includes(logLevel)) {
    throw new ConfigError(`--log-level ${logLevel}: expected one of ${LOG_LEVELS.join(", ")}.`);
  }
  const backups = BACKUPS.find((often) => often === (option("backups") ?? "daily"));
  if (!backups) {
    throw new ConfigError(`--backups ${option("backups")}: expected one of ${BACKUPS.join(", ")}.`);
  }
  const idle = option("idle-exit") ?? "never";
  return Object.freeze({
    host,
    port: toNumber("--port", option("port") ?? "0", 0, 65_535),
    ...parseBasics(flags, env),
    backups,
    model,
    contextWindows: toContextWindows(option("context-windows") ?? ""),
    idleExitSeconds: idle === "never" ? null : toNumber("--idle-exit", idle, 1, 1e9),
    keepDeletedDays: toNumber(
      "--keep-deleted",
      option("keep-deleted") ?? String(DEFAULT_KEEP_DELETED_DAYS),
      0,
      36_500,
    ),
    titles: toSwitch("--titles", option("titles") ?? "off"),
    privateHosts: toHosts(option("private-hosts") ?? ""),
    waitSeconds: toNumber("--wait", option("wait") ?? "0", 0, 1e6),
    logLevel,
    slowSeconds: toNumber("--slow-threshold", option("slow-threshold") ?? "100", 0, 1e6) / 1000,
    stallSeconds: toNumber("--stall-timeout", option("stall-timeout") ?? "60", 1, 86_400),
    resumeAnswers: toSwitch("--resume-answers", option("resume-answers") ?? "off"),
    continueAnswers: toSwitch("--continue-answers", option("continue-answers") ?? "on"),
    bodyLimitBytes: toNumber("--body-limit", option("body-limit") ?? "1048576", 1024, 1e9),
    maxReaders: toNumber("--max-readers", option("max-readers") ?? "4096", 1, 60_000),
    answerThreads: threads === undefined ? undefined : toNumber("--answer-threads", threads, 0, 16),
    printUrl: flags["print-url"] ?? false,
    providers: {
      openai: { key: env["OPENAI_API_KEY"], baseUrl: env["OPENAI_BASE_URL"] },
      anthropic: { key: env["ANTHROPIC_API_KEY"], baseUrl: env["ANTHROPIC_BASE_URL"] },
      google: { key: env["GOOGLE_GENERATIVE_AI_API_KEY"] },
      ollama: { host: env["OLLAMA_HOST"] },
    },
  });
}

/** What every command has to know of the place where it works. */
export function parseBasics(
  flags: Record<string, unknown>,
  env: Environment,
): Pick<Config, "dataDir" | "database" | "durability"> {
  const dataDir = resolve(optionOf(flags, env, "data-dir") ?? defaultDataDir(env));
  const level = optionOf(flags, env, "durability") ?? "full";
  const shown = SHOWN.find((one) => one === level);
  const durability = shown ? "full" : DURABILITIES.find((one) => one === level);
  if (!durability) {
    const known = [...DURABILITIES, ...SHOWN].join(", ");
    throw new ConfigError(`--durability ${level}: expected one of ${known}.`);
  }
  const database = toDatabase(
    optionOf(flags, env, "database"),
    optionOf(flags, env, "database-direct"),
    { dataDir, patience: optionOf(flags, env, "database-patience") },
  );
  if (shown && database.engine === "sqlite") {
    throw new ConfigError(
      `--durability ${level}: a SQLite file is on one machine. Name a Postgres.`,
    );
  }
  return { dataDir, database: { ...database, ...(shown && { shown }) }, durability };
}

function optionOf(
  flags: Record<string, unknown>,
  env: Environment,
  name: string,
): string | undefined {
  const value = flags[name];
  if (typeof value === "string") return value;
  const variable = env[`STREAMKEEPER_${name.toUpperCase().replaceAll("-", "_")}`];
  return variable === "" ? undefined : variable;
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true }).values;
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message.split("\n")[0] : String(thrown);
    throw new ConfigError(`${said} (--help lists the flags)`);
  }
}

function toSwitch(flag: string, value: string): boolean {
  if (value === "on" || value === "off") return value === "on";
  throw new ConfigError(`${flag} ${value}: expected on or off.`);
}

export function toNumber(flag: string, value: string, min: number, max: number): number {
  const number = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || number < min || number > max) {
    throw new ConfigError(`${flag} ${value}: expected a number from ${min} to ${max}.`);
  }
  return number;
}

/** `ollama/qwen3:8b=8192,openai-compatible/mine=32768` */
function toContextWindows(list: string): ReadonlyMap<string, number> {
  const windows = new Map<string, number>();
  for (const entry of list.split(",").filter((text) => text.trim() !== "")) {
    const [, model = "", tokens = ""] = /^\s*([^=\s]+)=(\d+)\s*$/.exec(entry) ?? [];
    if (!ModelId.safeParse(model).success || !isContextWindow(Number(tokens))) {
      throw new ConfigError(
        `--context-windows ${entry.trim()}: expected PROVIDER/MODEL=TOKENS, such as ollama/qwen3:8b=8192.`,
      );
    }
    windows.set(model, Number(tokens));
  }
  return windows;
}

/** Names or addresses; what stands around one in an address of a page is left out. */
function toHosts(list: string): string[] {
  return list.split(",").flatMap((entry) => {
    const host = entry
      .trim()
      .replace(/^https?:\/\//i, "")
      .replace(/(?::\d+)?(?:\/.*)?$/, "");
    if (host === "") return [];
    if (/^(?:\*\.)?[\w.-]+$|^\[[\da-f:.]+\]$/i.test(host)) return host.replaceAll(/[[\]]/g, "");
    throw new ConfigError(
      `--private-hosts ${entry.trim()}: expected a host, such as wiki.corp.example.`,
    );
  });
}

const POSTGRES_URL = /^postgres(ql)?:\/\//;

function toDatabase(
  given: string | undefined,
  direct: string | undefined,
  { dataDir, patience }: { dataDir: string; patience: string | undefined },
): DatabaseSource {
  if (given !== undefined && POSTGRES_URL.test(given)) {
    checkPostgres("--database", given);
    if (direct !== undefined) checkPostgres("--database-direct", direct);
    const seconds = patience && toNumber("--database-patience", patience, 0, 3_600);
    return {
      engine: "postgres",
      url: given,
      ...(direct && { directUrl: direct }),
      ...(typeof seconds === "number" && { patienceSeconds: seconds }),
    };
  }
  if (direct !== undefined) {
    throw new ConfigError("--database-direct: only beside a --database that is postgres://…");
  }
  if (given === undefined) return { engine: "sqlite", path: join(dataDir, "streamkeeper.db") };
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(given)?.[1];
  if (scheme && scheme !== "sqlite") {
    throw new ConfigError(`--database: ${scheme} is not supported; use a path or postgres://…`);
  }
  const path = given.replace(/^sqlite:(\/\/)?/, "");
  if (path === "") throw new ConfigError("--database: the path is empty.");
  return { engine: "sqlite", path: isAbsolute(path) ? path : resolve(path) };
}

const ENCRYPTED = ["require", "verify-ca", "verify-full", "no-verify"];

function checkPostgres(flag: string, given: string): void {
  try {
    for (const one of hostsOf(given)) refusePlaintext(flag, new URL(one));
  } catch (thrown) {
    if (thrown instanceof TypeError) throw new ConfigError(`${flag}: ${thrown.message}`);
    throw thrown;
  }
}

/**
 * To another machine passwords and chats go encrypted, or somebody has said in so many
 * words that they need not.
 */
function refusePlaintext(flag: string, url: URL): void {
  const host = url.searchParams.get("host") ?? decodeURIComponent(url.hostname);
  const isHere = host === "" || host === "localhost" || /^(127(\.\d+){3}|\[::1\]|\/.*)$/.test(host);
  const mode = url.searchParams.get("sslmode") ?? "";
  if (isHere || mode === "disable" || ENCRYPTED.includes(mode)) return;
  throw new ConfigError(
    `${flag}: ${host} is another machine, and without TLS the password and all chats would cross the network in the open. Add ?sslmode=verify-full (or require), or sslmode=disable if that network is yours alone.`,
  );
}

function defaultDataDir(env: Environment): string {
  switch (process.platform) {
    case "darwin":
      return join(homedir(), "Library", "Application Support", "Streamkeeper");
    case "win32":
      return join(env["APPDATA"] ?? join(homedir(), "AppData", "Roaming"), "Streamkeeper");
    default:
      return join(env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share"), "streamkeeper");
  }
}

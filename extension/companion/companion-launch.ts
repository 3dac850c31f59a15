import { type ChildProcess, spawn } from "node:child_process";
import { ModelId } from "../../server/protocol/fields.ts";
import { isContextWindow } from "../../server/shared/tokens.ts";
import { YOUNG_GENERATION } from "../../server/shared/young-generation.ts";
import { logPath, openLog } from "./companion-log.ts";

/** How the companion is to be started; asked for anew at every start, because settings change. */
export interface LaunchOptions {
  /** `dist/server/main.js`. */
  script: string;
  idleExitSeconds: number | "never";
  model: string | undefined;
  durability: "full" | "balanced" | "two_machines" | "replicated_storage";
  backups: "daily" | "never";
  keepDeletedDays: number;
  stallTimeoutSeconds: number;
  resumeAnswers: boolean;
  continueAnswers: boolean;
  /** Whether models are asked for titles of their chats; not if absent. */
  titles?: boolean;
  /** How long an answer waits for a Postgres that is away. */
  patienceSeconds: number;
  /** By model, not yet looked at. */
  contextWindows: unknown;
  /** Whose pages may be fetched though they are private, not yet looked at. */
  privateHosts?: unknown;
  /** A Postgres URL, password and all; undefined for the SQLite file of the data directory. */
  databaseUrl: string | undefined;
}

/** Exit code of a companion that found another one at work on its data directory. */
export const EXIT_ANOTHER_RUNS = 3;
/** Exit code for a flag or setting it cannot use: trying again would not help. */
export const EXIT_BAD_CONFIGURATION = 2;

const ALLOWED = new Set(
  `PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR TEMP TMP
  HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY SSL_CERT_FILE SSL_CERT_DIR
  SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA
  OLLAMA_HOST`.split(/\s+/),
);
const ALLOWED_PREFIXES = ["LC_", "XDG_"];

/**
 * What of the extension host's environment a companion may see: where things are, never what
 * changes how Node runs (NODE_OPTIONS, LD_PRELOAD, VSCODE_*) and no keys.
 */
export function allowedEnvironment(host: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(host)) {
    const upper = name.toUpperCase();
    const allowed = ALLOWED.has(upper) || ALLOWED_PREFIXES.some((start) => upper.startsWith(start));
    if (allowed && value !== undefined) kept[name] = value;
  }
  return kept;
}

/**
 * For a companion, or a doctor in its place. The database URL goes by environment: only this user
 * can read that of another process, while arguments are readable by everyone.
 */
export function companionEnvironment(options: LaunchOptions): NodeJS.ProcessEnv {
  return {
    ...allowedEnvironment(process.env),
    ELECTRON_RUN_AS_NODE: "1",
    STREAMKEEPER_DURABILITY: options.durability,
    STREAMKEEPER_BACKUPS: options.backups,
    STREAMKEEPER_KEEP_DELETED: String(options.keepDeletedDays),
    STREAMKEEPER_STALL_TIMEOUT: String(options.stallTimeoutSeconds),
    STREAMKEEPER_RESUME_ANSWERS: options.resumeAnswers ? "on" : "off",
    STREAMKEEPER_CONTINUE_ANSWERS: options.continueAnswers ? "on" : "off",
    STREAMKEEPER_TITLES: options.titles ? "on" : "off",
    STREAMKEEPER_DATABASE_PATIENCE: String(options.patienceSeconds),
    STREAMKEEPER_CONTEXT_WINDOWS: toList(options.contextWindows),
    STREAMKEEPER_PRIVATE_HOSTS: String(options.privateHosts ?? ""),
    ...(options.databaseUrl && { STREAMKEEPER_DATABASE: options.databaseUrl }),
  };
}

/** What the companion takes; of the rest it would only say that it cannot start. */
function toList(windows: unknown): string {
  if (typeof windows !== "object" || windows === null) return "";
  return Object.entries(windows)
    .filter(([model, tokens]) => ModelId.safeParse(model).success && isContextWindow(tokens))
    .map(([model, tokens]) => `${model}=${tokens}`)
    .join();
}

/**
 * Starts a companion that lives on after this window: no pipe to us, its output in its log file. It
 * waits for one that is about to end for up to `waitSeconds`.
 */
export async function launchCompanion(
  dataDir: string,
  options: LaunchOptions,
  waitSeconds = 0,
): Promise<ChildProcess> {
  const log = await openLog(logPath(dataDir));
  try {
    return spawn(process.execPath, toArguments(dataDir, options, waitSeconds), {
      cwd: dataDir,
      detached: true,
      windowsHide: true,
      stdio: ["ignore", log.fd, log.fd],
      env: companionEnvironment(options),
    });
  } finally {
    await log.close();
  }
}

function toArguments(dataDir: string, options: LaunchOptions, waitSeconds: number): string[] {
  const flags = ["--data-dir", dataDir, "--idle-exit", String(options.idleExitSeconds)];
  if (options.model) flags.push("--model", options.model);
  if (waitSeconds > 0) flags.push("--wait", String(waitSeconds));
  return [...YOUNG_GENERATION, options.script, ...flags];
}

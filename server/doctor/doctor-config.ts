// Flags of `doctor`; those that it shares with the companion mean the same.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Config, ConfigError, type Environment, parseBasics, toNumber } from "../config.ts";

/** A look only reads. */
export type Task =
  | { mode: "look" | "repair" | "backup" }
  | { mode: "restore" | "salvage"; file: string };

export interface DoctorConfig extends Pick<Config, "dataDir" | "database" | "durability"> {
  task: Task;
  /** For programs instead of people. */
  json: boolean;
  /** How long to wait for a companion of the data directory to end. */
  waitSeconds: number;
}

export const DOCTOR_USAGE = `streamkeeper doctor: looks after what is stored

  (nothing else)          look at all of it and report; changes nothing, a companion may run meanwhile
  --repair                mend what can be mended without losing a word, then report
  --backup                copy the database into DATA_DIR/backups now; a companion may run meanwhile
  --restore FILE          put a copy of that backup in the place of the database, which is kept under another name
  --salvage FILE          bring back what can be read of a damaged file; overwrites nothing

  --data-dir DIR, --database URL|PATH, --database-direct URL   as the companion has them
  --json                  the report as JSON
  --wait SECONDS          for the companion that serves DIR to end, before --repair, --restore and --salvage (0)
  --help

Exit code 0: nothing is wrong (any more). 1: problems. 2: a flag it cannot use. 3: it could not run.`;

const FLAGS = {
  "data-dir": { type: "string" },
  database: { type: "string" },
  "database-direct": { type: "string" },
  durability: { type: "string" },
  wait: { type: "string" },
  json: { type: "boolean" },
  repair: { type: "boolean" },
  backup: { type: "boolean" },
  restore: { type: "string" },
  salvage: { type: "string" },
  help: { type: "boolean" },
} as const;

/** Throws `ConfigError` with one clear line. */
export function parseDoctorConfig(
  args: readonly string[],
  env: Environment,
): DoctorConfig | "help" {
  const flags = parseFlags(args);
  if (flags.help) return "help";
  const basics = parseBasics(flags, env);
  const task = toTask(flags);
  if (basics.database.engine === "postgres" && /^(?:backup|restore)$/.test(task.mode)) {
    throw new ConfigError(`--${task.mode}: Postgres has pg_dump and pg_restore for that.`);
  }
  return Object.freeze({
    ...basics,
    task,
    json: flags.json ?? false,
    waitSeconds: toNumber("--wait", flags.wait ?? "0", 0, 1e6),
  });
}

function toTask({ repair, backup, restore, salvage }: ReturnType<typeof parseFlags>): Task {
  const tasks: Task[] = [
    ...(repair ? [{ mode: "repair" } as const] : []),
    ...(backup ? [{ mode: "backup" } as const] : []),
    ...(restore === undefined ? [] : [{ mode: "restore", file: resolve(restore) } as const]),
    ...(salvage === undefined ? [] : [{ mode: "salvage", file: resolve(salvage) } as const]),
  ];
  const [task = { mode: "look" } as const, second] = tasks;
  if (second) throw new ConfigError(`--${task.mode} and --${second.mode} exclude each other.`);
  return task;
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true }).values;
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message.split("\n")[0] : String(thrown);
    throw new ConfigError(`${said} (doctor --help lists the flags)`);
  }
}

// Flags of `doctor`; those that it shares with the companion mean the same.
import { parseArgs } from "node:util";
import { type Config, ConfigError, type Environment, parseBasics, toNumber } from "./config.ts";

export interface DoctorConfig extends Pick<Config, "dataDir" | "database" | "durability"> {
  /** A look only reads. */
  mode: "look" | "repair";
  /** For programs instead of people. */
  json: boolean;
  /** How long to wait for a companion of the data directory to end. */
  waitSeconds: number;
}

export const DOCTOR_USAGE = `streamkeeper doctor: looks after what is stored

  (nothing else)          look at all of it and report; changes nothing, a companion may run meanwhile
  --repair                mend what can be mended without losing a word, then report

  --data-dir DIR, --database URL|PATH   as the companion has them
  --json                  the report as JSON
  --wait SECONDS          for the companion that serves DIR to end; a look waits for nothing (0)
  --help

Exit code 0: nothing is wrong (any more). 1: problems. 2: a flag it cannot use. 3: it could not run.`;

const FLAGS = {
  "data-dir": { type: "string" },
  database: { type: "string" },
  durability: { type: "string" },
  wait: { type: "string" },
  json: { type: "boolean" },
  repair: { type: "boolean" },
  help: { type: "boolean" },
} as const;

/** Throws `ConfigError` with one clear line. */
export function parseDoctorConfig(
  args: readonly string[],
  env: Environment,
): DoctorConfig | "help" {
  const flags = parseFlags(args);
  if (flags.help) return "help";
  return Object.freeze({
    ...parseBasics(flags, env),
    mode: flags.repair ? "repair" : "look",
    json: flags.json ?? false,
    waitSeconds: toNumber("--wait", flags.wait ?? "0", 0, 1e6),
  });
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true }).values;
  } catch (thrown) {
    const said = thrown instanceof Error ? thrown.message.split("\n")[0] : String(thrown);
    throw new ConfigError(`${said} (doctor --help lists the flags)`);
  }
}

// The companion's process: read the configuration, be the only one, open, listen, say so, and end
// in order. Or the doctor, who looks after what companions have stored.
import { ConfigError, parseConfig, USAGE } from "./config.ts";
import { VERSION } from "./version.ts";

const EXIT_USAGE = 2;

// better-sqlite3 needs Node-API 10 and crashes without a word below it, so this comes
// before anything loads it.
if (Number(process.versions["napi"]) < 10) {
  process.stderr.write(
    `Streamkeeper needs Node 22.14 or newer; this is ${process.versions.node}.\n`,
  );
  process.exit(EXIT_USAGE);
}

try {
  const [command, ...rest] = process.argv.slice(2);
  if (command === "doctor") {
    const { startDoctor } = await import("./doctor/run-doctor.ts");
    process.exitCode = await startDoctor(rest, process.env);
  } else await startCompanion();
} catch (thrown) {
  if (!(thrown instanceof ConfigError)) throw thrown;
  process.stderr.write(`streamkeeper: ${thrown.message}\n`);
  process.exitCode = EXIT_USAGE;
}

async function startCompanion(): Promise<void> {
  const config = parseConfig(process.argv.slice(2), process.env);
  if (config === "help") process.stdout.write(`${USAGE}\n`);
  else if (config === "version") process.stdout.write(`${VERSION}\n`);
  else {
    const { runCompanion } = await import("./run-companion.ts");
    await runCompanion(config);
  }
}

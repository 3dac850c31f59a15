// `npm test`: installs what is missing, then runs the suites on the project's own Node.
//   npm test                       everything
//   npm test -- server unit        these suites
//   npm test -- server -g resume   one suite, the tests that match
import { spawn } from "node:child_process";
import { join } from "node:path";
import { installIfNeeded, nodeBinary, root } from "../server/install.mjs";

installIfNeeded();
const args = [join(root, "test/run-suites.ts"), ...process.argv.slice(2)];
const suites = spawn(nodeBinary(), args, { cwd: root, stdio: "inherit" });
// Ctrl-C reaches the suites by itself; they stop what they started, then end.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => suites.kill(signal));
suites.on("exit", (code) => process.exit(code ?? 1));

// `npm test`: installs what is missing, then runs the suites on the project's own Node.
//   npm test                       everything
//   npm test -- server unit        these suites
//   npm test -- server -g resume   one suite, the tests that match
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { installIfNeeded, nodeBinary, root } from "../server/install.mjs";

installIfNeeded();
const { status } = spawnSync(
  nodeBinary(),
  [join(root, "test/run-suites.ts"), ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);
process.exit(status ?? 1);

// `npm test`: installs what is missing, then runs the suites on the project's own Node.
//   npm test                       everything
//   npm test -- server unit        these suites
//   npm test -- server -g resume   one suite, the tests that match
//   npm run test:faults more and longer faults and races, and the table in docs/reliability.md
import { becomeProcess, installIfNeeded } from "../server/install.mjs";

installIfNeeded();
becomeProcess(["test/run-suites.ts", ...process.argv.slice(2)]);

// Loaded into a companion before its own code: it dies as soon as it changes the mode of a file
// that is there already, so that what was written before stays as it was.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

for (const name of ["chmodSync", "fchmodSync"] as const) {
  fs[name] = () => process.kill(process.pid, "SIGKILL");
}
syncBuiltinESMExports();

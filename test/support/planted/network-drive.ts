// Loaded into a companion before its own code: every folder is on NFS.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

Object.assign(fs, { statfsSync: () => ({ type: 0x6969 }) });
syncBuiltinESMExports();

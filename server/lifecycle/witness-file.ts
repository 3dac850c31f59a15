import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { StoredWitness, type Witness } from "../protocol/stored/witness.ts";
import { replaceFile } from "./data-dir.ts";

const FILE = "epoch.json";

/**
 * What this data directory last saw of the database `name`; undefined if nothing,
 * or if that cannot be read.
 */
export function witnessFile(dataDir: string, name: string) {
  const path = join(dataDir, FILE);
  // A URL may hold a password.
  const database = createHash("sha256").update(name).digest("hex").slice(0, 16);
  return {
    read(): Witness | undefined {
      try {
        const stored = StoredWitness.parse(JSON.parse(readFileSync(path, "utf8")));
        return stored.database === database ? stored : undefined;
      } catch {
        return undefined;
      }
    },
    write(witness: Witness): void {
      // A directory that was removed is not brought back.
      if (existsSync(dataDir)) replaceFile(path, `${JSON.stringify({ ...witness, database })}\n`);
    },
  };
}

/** The next start begins a new epoch: another state of the database was put in place. */
export function epochIsDue(dataDir: string, name: string): void {
  const file = witnessFile(dataDir, name);
  const { keeper = crypto.randomUUID(), nonces = [], epoch = "" } = file.read() ?? {};
  file.write({ keeper, nonces, epoch, due: "restored" });
}

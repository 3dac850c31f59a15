// What a companion leaves in its data directory for those who look for it, kept true while it runs.
import { lstatSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeFile } from "../protocol/responses.ts";
import { every } from "../shared/every.ts";
import { replaceFile } from "./data-dir.ts";

const LOOK_MS = 2_000;

export interface RuntimeFiles {
  runtime: RuntimeFile;
  token: string;
  metricsToken: string;
}

export interface KeptRuntimeFiles {
  /** Takes away what says where this companion is; the tokens stay for the next one. */
  remove(): void;
}

/**
 * Writes them, and writes them again when somebody has deleted or changed one. `onGone` when the
 * directory itself is no longer the one that this companion holds the lock of.
 */
export function keepRuntimeFiles(
  dataDir: string,
  contents: RuntimeFiles,
  lockFile: string,
  on: { repaired(file: string): void; failed(err: unknown): void; gone(): void },
): KeptRuntimeFiles {
  const files = toFiles(contents);
  const lock = inode(lockFile);
  const write = (): string[] => {
    const wrong = files.filter(({ name, content }) => !isOurs(join(dataDir, name), content));
    for (const { name, content } of wrong) replaceFile(join(dataDir, name), content);
    return wrong.map(({ name }) => name);
  };
  write();

  let failed = false;
  const look = (): void => {
    if (inode(lockFile) !== lock) {
      void looking.stop();
      return on.gone();
    }
    for (const name of write()) on.repaired(name);
    failed = false;
  };
  const looking = every(LOOK_MS, look, (err) => {
    if (!failed) on.failed(err);
    failed = true;
  });

  return {
    remove() {
      void looking.stop();
      if (inode(lockFile) !== lock) return;
      for (const { name, lasts } of files) {
        if (!lasts) rmSync(join(dataDir, name), { force: true });
      }
    },
  };
}

function toFiles({ runtime, token, metricsToken }: RuntimeFiles) {
  const host = runtime.host.includes(":") ? `[${runtime.host}]` : runtime.host;
  // For Prometheus' file_sd: where to scrape, though the port is another each time.
  const targets = [
    {
      targets: [`${host}:${runtime.port}`],
      labels: { job: "streamkeeper", pid: String(runtime.pid) },
    },
  ];
  return [
    { name: "token", content: `${token}\n`, lasts: true },
    { name: "metrics_token", content: `${metricsToken}\n`, lasts: true },
    {
      name: join("prometheus", "targets.json"),
      content: `${JSON.stringify(targets)}\n`,
      lasts: false,
    },
    // Last: who finds it finds the others.
    { name: "server.json", content: `${JSON.stringify(runtime)}\n`, lasts: false },
  ];
}

function inode(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** Private and of this content; anything else was put there by somebody else. */
function isOurs(path: string, content: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size !== Buffer.byteLength(content)) return false;
  if (process.getuid && (stat.uid !== process.getuid() || (stat.mode & 0o077) !== 0)) return false;
  return readFileSync(path, "utf8") === content;
}

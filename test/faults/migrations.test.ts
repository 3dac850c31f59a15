// A companion that is killed, or whose disk is full, while it makes or upgrades its database.
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { MIGRATIONS } from "../../server/db/migrate.ts";
import { runCompanion } from "../support/companion.ts";
import { ENGINES, SQLITE } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { makeOldDatabase, OLD_WORD } from "../support/old-database.ts";
import { mountSmallDisk } from "../support/small-disk.ts";
import { type Lab, until, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";

const COUNT = Object.keys(MIGRATIONS).length;
/** The first start, and the upgrade from each version. */
const FROM = FULL ? Array.from({ length: COUNT }, (_, from) => from) : [0, 1];
const NODE = ["--import", "./test/support/planted/kill-at-statement.ts"];

describe("a migration", function () {
  this.timeout(600_000);

  for (const engine of ENGINES) {
    for (const from of FROM) {
      const what = from === 0 ? "the first start" : `an upgrade from version ${from}`;
      it(`is killed at its statements in ${what}: on ${engine.engine} nothing is in the way of the next`, async () => {
        // From later versions it is the end of the same way.
        const step = FULL ? (from < 2 ? 1 : 7) : 31;
        for (let at = 1; ; at += step) {
          const wasKilled = await killAt(engine, from, at);
          if (!wasKilled) {
            assert.ok(at > COUNT - from, `${at} statements`);
            break;
          }
        }
      });
    }
  }

  async function killAt(engine: (typeof ENGINES)[number], from: number, at: number) {
    let wasKilled = false;
    await withLab(
      engine,
      async (lab) => {
        const killed = run(lab, { KILL_AT: String(at) });
        await readyOrEnded(killed);
        wasKilled = killed.process.signalCode === "SIGKILL";
        killed.process.kill("SIGKILL");
        await killed.ended;
        await goesOn(lab, from);
      },
      {
        prepare: async (source) => {
          if (from > 0) await makeOldDatabase(source, from);
        },
      },
    );
    return wasKilled;
  }

  /** It starts, has its old words, and answers. */
  async function goesOn(lab: Lab, from: number): Promise<void> {
    await lab.start();
    if (from > 0) {
      const old = await lab.companion.request("GET", "/v1/sessions/session_id/messages");
      assert.match(await old.text(), new RegExp(OLD_WORD));
    }
    const { conversations, ended } = lab.talk(1, { words: 2, gap_ms: 1 });
    await ended;
    const checks = await lab.check(conversations, 1);
    record("kill -9 in a migration", lab.engine, checks);
  }

  function run(lab: Lab, env: NodeJS.ProcessEnv) {
    const database = lab.engine === "postgres" ? ["--database", lab.database] : [];
    return runCompanion(["--data-dir", lab.dataDir, ...database], env, { node: NODE });
  }

  async function readyOrEnded({ process, output }: ReturnType<typeof run>): Promise<void> {
    const hasEnded = () => process.exitCode !== null || process.signalCode !== null;
    await until("ready or ended", () => hasEnded() || /"msg":"ready"/.test(output()));
  }

  it("has no room on the disk: said so, and it goes on once there is some", async function () {
    const disk = mountSmallDisk(4);
    if (!disk) return this.skip();
    try {
      const sizes = FULL ? [0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192] : [4, 24, 120];
      for (const from of [0, 1]) {
        for (const kilobytes of sizes) await onFullDisk(disk, from, kilobytes);
      }
    } finally {
      disk.unmount();
    }
  });

  async function onFullDisk(
    disk: NonNullable<ReturnType<typeof mountSmallDisk>>,
    from: number,
    kilobytes: number,
  ): Promise<void> {
    const dataDir = join(disk.folder, `data-${from}-${kilobytes}`);
    mkdirSync(dataDir, { mode: 0o700 });
    await withLab(
      SQLITE,
      async (lab) => {
        disk.fill(kilobytes * 1024);
        const short = runCompanion(["--data-dir", dataDir]);
        await readyOrEnded(short);
        const hasFailed = short.process.exitCode !== null;
        short.process.kill("SIGKILL");
        await short.ended;
        if (hasFailed)
          assert.match(
            short.output(),
            /full|no space|ENOSPC/i,
            `${kilobytes} KB: ${short.output()}`,
          );
        disk.free();
        await goesOn(lab, from);
        await lab.kill();
        rmSync(dataDir, { recursive: true });
      },
      {
        dataDir,
        prepare: async (source) => {
          if (from > 0) await makeOldDatabase(source, from);
        },
      },
    );
  }
});

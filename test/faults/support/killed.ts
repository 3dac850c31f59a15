// A companion whose model's server plays a script, killed and started again on the same data.
import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type Companion, newDataDir, startCompanion } from "../../support/companion.ts";
import type { Engine } from "../../support/engines.ts";
import {
  FAKE_MODEL,
  type Script,
  startUpstream,
  type UpstreamRequest,
} from "../../support/upstream/start-upstream.ts";
import type { Checks } from "./invariants.ts";

/** For a test that looks at things of its own. */
export const NOTHING_CHECKED = {
  ...{ shown: 0, order: 0, text: 0, ended: 0, once: 0, readers: 0, next: 0 },
  ...{ intact: 0, alive: 0, told: 0 },
} satisfies Checks;

export interface Killed {
  /** The one that is up. */
  companion(): Companion;
  /** What its model was asked. */
  asked: readonly UpstreamRequest[];
  /** A path or a URL. */
  database: string;
  /**
   * While `work` is under way, which may be cut off by it: some milliseconds after its begin, or
   * when the promise resolves.
   */
  killDuring(
    moment: number | Promise<unknown>,
    work: (companion: Companion) => Promise<unknown>,
  ): Promise<void>;
}

export async function withKilled(
  engine: Engine,
  script: Script,
  body: (killed: Killed) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  const upstream = await startUpstream(script);
  const database = await engine.create();
  const dataDir = newDataDir();
  const start = () =>
    startCompanion({
      dataDir,
      args: [
        ...["--model", `openai-compatible/${FAKE_MODEL}`, "--log-level", "warn"],
        ...["--database", database.flag],
        ...args,
      ],
      env: { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: "fake" },
    });
  let companion = await start();
  try {
    await body({
      companion: () => companion,
      asked: upstream.requests,
      database: database.flag,
      async killDuring(moment, work) {
        const working = work(companion).catch(() => undefined);
        await (typeof moment === "number" ? delay(moment) : moment);
        await companion.kill();
        await working;
        companion = await start();
      },
    });
  } finally {
    await companion.kill();
    await upstream.close();
    await database.remove();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

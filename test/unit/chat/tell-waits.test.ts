import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { tellWaits } from "../../../server/chat/upkeep/tell-waits.ts";
import { createStorageHealth } from "../../../server/db/engine/storage-health.ts";

describe("how long answers have waited for the database", () => {
  it("goes on where what is away changes, and ends once", async () => {
    const health = createStorageHealth();
    const away = {
      awaySince: (performance.now() - 5_000) as number | undefined,
      backAt: undefined,
      listen: () => {},
    };
    const secondMachine = { isAway: false };
    const told: [number, boolean][] = [];
    const waits = tellWaits({ engine: "postgres", away, health, secondMachine }, (waiting) =>
      told.push([waiting.seconds, waiting.second_machine]),
    );
    const next = async () => {
      for (const before = told.length; told.length === before; ) await delay(20);
    };
    try {
      await next();
      health.failed("database_unavailable");
      away.awaySince = undefined;
      secondMachine.isAway = true;
      await next();
      health.worked();
      const [first = [0], second = [0], ...rest] = told;
      assert.ok(first[0] >= 5 && second[0] >= first[0], JSON.stringify(told));
      assert.deepEqual([first[1], second[1], rest], [false, true, [[0, false]]]);
    } finally {
      await waits.stop();
    }
  });
});

import assert from "node:assert/strict";
import { type Wake, watchWake } from "../../../server/shared/clock-watch.ts";

/**
 * Lets both clocks run as they do, with `steps` added to them before the next look;
 * what was noticed by then.
 */
async function looks(steps: { monotonic?: number; wall?: number }[]): Promise<Wake[]> {
  const wakes: Wake[] = [];
  const off = { monotonic: 0, wall: 0 };
  let looked = 0;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const stop = watchWake((wake) => wakes.push(wake), {
    monotonic() {
      const step = steps[looked - 1];
      off.monotonic += step?.monotonic ?? 0;
      off.wall += step?.wall ?? 0;
      return performance.now() + off.monotonic;
    },
    wall() {
      if (looked++ === steps.length) resolve();
      return Date.now() + off.wall;
    },
  });
  await done;
  await new Promise(setImmediate);
  stop();
  return wakes;
}

describe("a wake", () => {
  const cases = {
    "is noticed when the process stood still": [{ monotonic: 7_000, wall: 7_000 }, 7_000],
    "is noticed when the monotonic clock slept, too": [{ wall: 3_600_000 }, 3_600_000],
    "is noticed when the clock was set back": [{ wall: -3_600_000 }, 0],
    "is not a busy second": [{ monotonic: 4_000, wall: 4_000 }, undefined],
    "is not a small correction of the clock": [{ wall: 20_000 }, undefined],
  } as const;
  for (const [what, [step, missed]] of Object.entries(cases)) {
    it(what, async () => {
      const wakes = await looks([step]);
      assert.deepEqual(
        wakes.map(({ missedMs }) => Math.round(missedMs / 1_000)),
        missed === undefined ? [] : [missed / 1_000],
      );
    });
  }

  it("is noticed once", async () => {
    assert.equal((await looks([{ wall: 3_600_000 }, {}, {}])).length, 1);
  }).timeout(10_000);
});

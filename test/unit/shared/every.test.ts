import assert from "node:assert/strict";
import { every } from "../../../server/shared/every.ts";

describe("what is done at intervals", () => {
  it("goes on after an error, gathers no pile, and ends when it is stopped, after the run that goes on", async () => {
    const errors: unknown[] = [];
    const thirdRuns = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    let runs = 0;
    let ended = 0;
    const work = async (): Promise<void> => {
      runs++;
      if (runs === 2) throw new Error("failed");
      if (runs < 3) return;
      thirdRuns.resolve();
      await release.promise;
      ended++;
    };
    const repeating = every(2, work, (err) => errors.push(err));
    await thirdRuns.promise;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(runs, 3, "none began beside the one that goes on");
    assert.deepEqual(errors.map(String), ["Error: failed"]);
    setTimeout(release.resolve, 10);
    await repeating.stop();
    assert.equal(ended, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(runs, 3, "none began after it was stopped");
  });

  it("comes after what it is told each time", async () => {
    const waits = [1, 60];
    const at: number[] = [];
    const enough = Promise.withResolvers<void>();
    const work = () => {
      at.push(performance.now());
      if (waits.length === 0) enough.resolve();
    };
    const repeating = every(() => waits.shift() ?? 1_000, work, enough.reject);
    await enough.promise;
    await repeating.stop();
    const [first = 0, second = 0] = at;
    assert.ok(second - first >= 58, `${second - first} ms`);
    assert.equal(at.length, 2);
  });
});

import assert from "node:assert/strict";
import { mock } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Gatherer } from "../../../server/db/commit/gatherer.ts";

/** A commit that takes until `finish` is called, one at a time. */
function slowCommits() {
  const begun: number[][] = [];
  let pending: PromiseWithResolvers<number[]> | undefined;
  return {
    begun,
    commit(inputs: readonly number[]): Promise<number[]> {
      assert.equal(pending, undefined, "two commits at once");
      begun.push([...inputs]);
      pending = Promise.withResolvers();
      return pending.promise;
    },
    finish(how: (inputs: number[]) => number[] = (inputs) => inputs): void {
      const done = pending;
      pending = undefined;
      done?.resolve(how(begun.at(-1) ?? []));
    },
    fail(error: unknown): void {
      const done = pending;
      pending = undefined;
      done?.reject(error);
    },
  };
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

describe("the gatherer", () => {
  it("commits together what one turn of the event loop brings", async () => {
    const { begun, commit, finish } = slowCommits();
    const gatherer = new Gatherer(commit);
    const outputs = [gatherer.add(1), gatherer.add(2)];
    await nextTurn();
    assert.deepEqual(begun, [[1, 2]]);
    finish();
    assert.deepEqual(await Promise.all(outputs), [1, 2]);
  });

  it("tells all of a group what came of theirs, also where one of them throws at it", async () => {
    const { commit, finish } = slowCommits();
    const gatherer = new Gatherer(commit);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    try {
      const uncaught = new Promise((resolve) => process.once("uncaughtException", resolve));
      const fault = new Error("its own fault");
      gatherer.put(1, () => {
        throw fault;
      });
      const second = gatherer.add(2);
      await nextTurn();
      finish();
      assert.equal(await second, 2);
      assert.equal(await uncaught, fault);
    } finally {
      for (const listener of others) process.on("uncaughtException", listener);
    }
  });

  it("has the next group on its way before those of the last one hear of theirs", async () => {
    const { begun, commit, finish } = slowCommits();
    // As a gate and a look at what is known are passed before anything is sent.
    const gatherer = new Gatherer<number, number>(async (inputs) => {
      for (let step = 0; step < 10; step++) await Promise.resolve();
      return await commit(inputs);
    });
    const first = new Promise((resolve) => gatherer.put(0, () => resolve(begun.length)));
    await nextTurn();
    await nextTurn();
    const others = upTo(100).map((input) => gatherer.add(input));
    finish();
    assert.equal(await first, 2);
    finish();
    await Promise.all(others);
  });

  it("takes no more at once than it was told", async () => {
    const { begun, commit, finish } = slowCommits();
    let time = 0;
    // Each look at the clock is so much later that no group waits for its time.
    const gatherer = new Gatherer(commit, () => (time += 10), 40);
    const outputs = upTo(100).map((input) => gatherer.add(input));
    for (let turn = 0; turn < 20; turn++) {
      await nextTurn();
      finish();
    }
    await Promise.all(outputs);
    assert.deepEqual(
      begun.map(({ length }) => length),
      [40, 40, 20],
    );
  });

  it("takes half of a long queue, so that committing and answering never wait for each other", async () => {
    const { begun, commit, finish } = slowCommits();
    const gatherer = new Gatherer(commit);
    const outputs = upTo(1_000).map((input) => gatherer.add(input));
    for (let turn = 0; turn < 20; turn++) {
      await nextTurn();
      finish();
    }
    assert.deepEqual(await Promise.all(outputs), upTo(1_000));
    assert.deepEqual(
      begun.map(({ length }) => length),
      [500, 256, 244],
    );
  });

  it("lets two milliseconds pass between the commits of many, and none after those of a few", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const { begun, commit, finish } = slowCommits();
      const gatherer = new Gatherer(commit, () => 0);
      /** How many had begun at once, when one came after a commit of so many. */
      const after = async (count: number): Promise<number> => {
        begun.length = 0;
        const outputs = upTo(count).map((input) => gatherer.add(input));
        await nextTurn();
        finish();
        await Promise.all(outputs);
        const last = gatherer.add(7);
        for (let turn = 0; turn < 5; turn++) await nextTurn();
        const { length } = begun;
        mock.timers.tick(2);
        finish();
        assert.equal(await last, 7);
        await nextTurn();
        return length;
      };
      assert.equal(await after(5), 2);
      assert.equal(await after(6), 1);
    } finally {
      mock.timers.reset();
    }
  });

  it("fails those of a failed commit, and goes on with the next", async () => {
    const { commit, finish, fail } = slowCommits();
    const gatherer = new Gatherer(commit);
    const lost = [gatherer.add(1), gatherer.add(2)].map((output) =>
      assert.rejects(output, /disk is full/),
    );
    await nextTurn();
    const kept = gatherer.add(3);
    fail(new Error("disk is full"));
    await Promise.all(lost);
    await nextTurn();
    finish();
    assert.equal(await kept, 3);
  });

  it("rejects what a commit left out, instead of leaving it to wait", async () => {
    const { commit, finish } = slowCommits();
    const gatherer = new Gatherer(commit);
    const outputs = [gatherer.add(1), gatherer.add(2)];
    const left = assert.rejects(outputs[1] ?? Promise.resolve(), /left one of its inputs out/);
    await nextTurn();
    finish((inputs) => inputs.slice(0, 1));
    assert.equal(await outputs[0], 1);
    await left;
  });
});

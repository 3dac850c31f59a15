import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { TokenBatch } from "../../../server/chat/turn/token-batch.ts";

/** A batch whose commits take no time, and what each of them held. */
function setUp() {
  const commits: string[] = [];
  const batch = new TokenBatch(
    ({ chunks }, settle) => {
      commits.push(chunks.map((chunk) => ("token" in chunk ? chunk.token : "")).join(""));
      void Promise.resolve(undefined).then(settle);
    },
    (error) => {
      throw error;
    },
  );
  return { batch, commits };
}

describe("the deltas of an answer", () => {
  it("are committed at once as long as they come as a model says them", async () => {
    const { batch, commits } = setUp();
    for (const word of ["one ", "two ", "three"]) {
      void batch.add("assistant_message", word);
      await delay(1);
    }
    assert.deepEqual(commits, ["one ", "two ", "three"]);
  });

  it("are not waited for where a commit cannot even begin: whoever adds or waits hears of it", async () => {
    const fault = new Error("closed");
    const heard: unknown[] = [];
    const batch = new TokenBatch(
      () => {
        throw fault;
      },
      (error) => heard.push(error),
    );
    void batch.add("assistant_message", "word");
    await assert.rejects(batch.flush(), fault);
    assert.throws(() => batch.add("assistant_message", "another"), fault);
    assert.deepEqual(heard, [fault]);
  });

  it("of a model at full speed leave room between their commits, and wait for nothing at the end", async () => {
    const { batch, commits } = setUp();
    const pour = () => {
      for (let n = 0; n < 100; n++) void batch.add("assistant_message", "x");
    };
    pour();
    await new Promise((resolve) => setImmediate(resolve));
    const before = commits.length;
    pour();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(commits.length, before, "its next commit waits");
    await batch.flush();
    assert.equal(commits.join("").length, 200);
    pour();
    await batch.flush();
    assert.equal(commits.join("").length, 300);
  });
});

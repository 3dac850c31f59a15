import assert from "node:assert/strict";
import { createFairReading } from "../../../server/providers/fair-reading.ts";

const SLICE = 2_048;

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** By this clock two slices take what the line may hold the event loop. */
function setUp() {
  let now = 0;
  const reading = createFairReading(() => now);
  const log: string[] = [];
  const join = (name: string) => {
    const got: Buffer[] = [];
    const lane = reading.join({
      read(bytes) {
        now += 0.125;
        got.push(Buffer.from(bytes));
        log.push(name);
      },
      wait: () => log.push(`${name} waits`),
      go: () => log.push(`${name} goes on`),
    });
    return { lane, text: () => Buffer.concat(got).toString("latin1") };
  };
  return { log, join };
}

describe("the reading of many answers", () => {
  it("gives each who has much to read a slice in its turn, and others the event loop after two slices", async () => {
    const { log, join } = setUp();
    const [a, b, c] = ["a", "b", "c"].map(join);
    for (const one of [a, b, c]) one?.lane.write(Buffer.alloc(4 * SLICE));
    assert.deepEqual(log, [], "nothing is read before the event loop was given back");
    await turnOfTheLoop();
    assert.deepEqual(log.splice(0), ["a", "b"]);
    await turnOfTheLoop();
    assert.deepEqual(log.splice(0), ["c", "a"]);
    await turnOfTheLoop();
    assert.deepEqual(log.splice(0), ["b", "c"]);
  });

  it("reads a few words at once, whoever else has much to read", () => {
    const { log, join } = setUp();
    const [firehose, neighbour] = [join("firehose"), join("neighbour")];
    firehose.lane.write(Buffer.alloc(60_000));
    neighbour.lane.write(Buffer.from("hello"));
    assert.deepEqual(log, ["neighbour"]);
  });

  it("keeps the order of each answer, also of what comes while it waits, and ends after the last of it", async () => {
    const { join } = setUp();
    const { lane, text } = join("a");
    const whole = Array.from({ length: 9_000 }, (_, n) => String(n % 10)).join("");
    lane.write(Buffer.from(whole.slice(0, 8_990)));
    lane.write(Buffer.from(whole.slice(8_990)));
    let read: string | undefined;
    lane.end(() => {
      read = text();
    });
    assert.equal(read, undefined);
    for (let n = 0; n < 5; n++) await turnOfTheLoop();
    assert.equal(read, whole);
  });

  it("asks a source to wait when too much of it waits here, and lets it go on when all of that is read", async () => {
    const { log, join } = setUp();
    const { lane } = join("a");
    lane.write(Buffer.alloc(40_000));
    assert.deepEqual(log, []);
    lane.write(Buffer.alloc(40_000));
    assert.deepEqual(log.splice(0), ["a waits"]);
    for (let n = 0; n < 24; n++) await turnOfTheLoop();
    assert.equal(log.filter((entry) => entry === "a").length, 40);
    assert.equal(log.at(-1), "a goes on");
  });

  it("reads nothing more of an answer that nobody wants", async () => {
    const { log, join } = setUp();
    const { lane } = join("a");
    lane.write(Buffer.alloc(80_000));
    lane.end(() => log.push("ended"));
    lane.leave();
    for (let n = 0; n < 3; n++) await turnOfTheLoop();
    assert.deepEqual(log, ["a waits"]);
  });
});

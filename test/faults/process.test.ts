// The companion's process dies, stops, starves or is asked to end, in the middle of many answers.
import assert from "node:assert/strict";
import { ENGINES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { answering, until, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";

const KILLS = FULL ? 50 : 4;
const STREAMS = 20;

for (const engine of ENGINES) {
  describe(`the process on ${engine.engine}`, function () {
    this.timeout(FULL ? 900_000 : 120_000);

    it(`dies by kill -9 at ${KILLS} moments`, () =>
      withLab(engine, async (lab) => {
        for (let n = 0; n < KILLS; n++) {
          const { conversations, ended } = lab.talk(STREAMS, { words: 300, gap_ms: 2 });
          // Any moment from the first message on its way to the middle of the answers.
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 600));
          await lab.kill();
          await lab.start();
          await ended;
          record("kill -9 of the companion", engine.engine, await lab.check(conversations, 5));
        }
      }));

    for (const [signal, streams] of [
      ["SIGTERM", 0],
      ["SIGTERM", 20],
      ["SIGINT", 200],
    ] as const) {
      it(`is asked to end by ${signal} with ${streams} streams`, () =>
        withLab(engine, async (lab) => {
          const { conversations, ended } = lab.talk(streams, { words: 5_000, gap_ms: 20 });
          await until("words", answering(conversations), 60);
          const asked = performance.now();
          lab.down();
          lab.companion.process.kill(signal);
          const { code } = await lab.companion.ended;
          const seconds = (performance.now() - asked) / 1000;
          assert.equal(code, 0);
          assert.ok(seconds < 5, `ended after ${seconds} s`);
          for (const { final } of conversations) {
            // The end was committed and shown before the connection was closed.
            assert.equal(final?.metadata?.code, "server_stopped");
          }
          await lab.start();
          await ended;
          record(`${signal}, ${streams} streams`, engine.engine, await lab.check(conversations, 5));
        }));
    }

    it("is stopped and goes on, as a laptop that sleeps", () =>
      withLab(engine, async (lab) => {
        const { conversations, ended } = lab.talk(STREAMS, { words: 100, gap_ms: 10 });
        await until("words", answering(conversations));
        lab.companion.process.kill("SIGSTOP");
        await new Promise((resolve) => setTimeout(resolve, FULL ? 20_000 : 6_000));
        lab.companion.process.kill("SIGCONT");
        await ended;
        record("SIGSTOP and SIGCONT", engine.engine, await lab.check(conversations, 5));
      }));

    it("has little memory", () =>
      withLab(
        engine,
        async (lab) => {
          const { conversations, ended } = lab.talk(100, { words: 200, gap_ms: 5 });
          await ended;
          for (const { final } of conversations) assert.equal(final?.type, "done");
          record("a heap of 96 MB, 100 streams", engine.engine, await lab.check(conversations, 5));
        },
        { node: ["--max-old-space-size=96"] },
      ));
  });
}

// A companion dies in the middle of answers that their vendor holds: the next one goes on
// with the very same answers.
import assert from "node:assert/strict";
import { ENGINES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import {
  HELD_VENDORS,
  type HeldPaced,
  type HeldVendor,
  startHeldPaced,
} from "./support/held-paced.ts";
import { answering, until, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";

const KILLS = FULL ? 100 : 2;
const STREAMS = 5;
const WORDS = 150;
const TEXT = Array.from({ length: WORDS }, (_, n) => `w${n} `).join("");

for (const vendor of Object.keys(HELD_VENDORS) as HeldVendor[]) {
  for (const engine of ENGINES) {
    describe(`answers that ${vendor} holds, on ${engine.engine}`, function () {
      this.timeout(FULL ? 1_800_000 : 120_000);

      it(`are the same after ${KILLS} kills in their middle, each asked for once`, async () => {
        let held: HeldPaced | undefined;
        const upstream = async (): Promise<HeldPaced> => (held = await startHeldPaced(vendor));
        const args = ["--model", `${vendor}/paced`, "--resume-answers", "on"];
        await withLab(
          engine,
          async (lab) => {
            for (let n = 0; n < KILLS; n++) {
              const asked = held?.asked() ?? 0;
              const { conversations, ended } = lab.talk(STREAMS, { words: WORDS, gap_ms: 8 });
              await until("words", answering(conversations));
              await new Promise((resolve) => setTimeout(resolve, Math.random() * 700));
              await lab.kill();
              await lab.start();
              await ended;
              for (const { text, final } of conversations) {
                assert.equal(text, TEXT);
                assert.equal(final?.type, "done");
              }
              assert.equal(held?.asked(), asked + STREAMS);
              const checks = await lab.check(conversations, 1);
              record(`kill -9, ${vendor} holds the answer`, engine.engine, checks);
            }
          },
          {
            upstream,
            args,
            async begin(companion) {
              const body = { key: "paced", base_url: held?.url };
              await companion.request("PUT", `/v1/keys/${vendor}`, body);
            },
          },
        );
      });
    });
  }
}

// The model's server fails in each way it can, before its first word and after some.
import assert from "node:assert/strict";
import { ENGINES } from "../support/engines.ts";
import { withLab } from "./support/lab.ts";
import { FAULTS } from "./support/paced-upstream.ts";
import { record } from "./support/results.ts";

type Fault = keyof typeof FAULTS;

for (const engine of ENGINES) {
  describe(`the model's server on ${engine.engine}`, function () {
    this.timeout(120_000);

    it("fails in every way at once, and one answer goes well beside it", () =>
      withLab(
        engine,
        async (lab) => {
          const runs = (Object.keys(FAULTS) as Fault[]).flatMap((fault) =>
            (/^\d/.test(fault) ? [0] : [0, 20]).map((words) => {
              const { conversations, ended } = lab.talk(1, { words, gap_ms: 2, fault });
              return { fault, words, conversations, ended };
            }),
          );
          const good = lab.talk(5, { words: 200, gap_ms: 5 });
          await Promise.all([good.ended, ...runs.map(({ ended }) => ended)]);
          for (const { final } of good.conversations) assert.equal(final?.type, "done");
          for (const { fault, words, conversations } of runs) {
            const [one] = conversations;
            assert.equal(one?.final?.type, "error", `${fault} after ${words} words`);
            assert.match(one.final.metadata?.code ?? "", /^[a-z_]+$/);
            const said = Array.from({ length: words }, (_, n) => `w${n} `).join("");
            assert.equal(one.text, said, `what came before ${fault}`);
            const refused = /^\d/.test(fault);
            record(
              refused ? "model's server refuses" : "model's server breaks off its answer",
              engine.engine,
              await lab.check(conversations),
            );
          }
          await lab.check(good.conversations);
        },
        // Quick to give up, and without waiting between its attempts.
        { args: ["--stall-timeout", "2"] },
      ));
  });
}

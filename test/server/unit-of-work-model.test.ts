// The Unit of Work as a state machine: whatever is tried in whatever order, the database holds
// exactly what the model says.
import assert from "node:assert/strict";
import fc from "fast-check";
import { insertSession } from "../../server/db/tables/sessions.ts";
import { newSession, sessionIds, withDatabase } from "../support/database.ts";
import { ENGINES } from "../support/engines.ts";

const step = fc.record({
  ids: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 0, maxLength: 4 }),
  end: fc.constantFrom("commit", "throw", "swallow") satisfies fc.Arbitrary<
    "commit" | "throw" | "swallow"
  >,
});

for (const engine of ENGINES) {
  it(`unit of work on ${engine.engine} agrees with a simple model`, () =>
    withDatabase(engine, async (open) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
          await open.uow().commit("delete_session", async (trx) => {
            await trx.deleteFrom("sessions").execute();
          });
          const model = new Set<string>();
          const uow = open.uow();
          for (const { ids, end } of steps) {
            const names = ids.map((id) => `s${id}`);
            const conflicts = names.some((name, at) => model.has(name) || names.indexOf(name) < at);
            const committing = uow.commit("create_session", async (trx) => {
              for (const name of names) {
                const inserted = insertSession(trx, newSession(name));
                await (end === "swallow" ? inserted.catch(() => {}) : inserted);
              }
              if (end === "throw") throw new Error("told to");
            });
            const stored = await committing.then(
              () => true,
              () => false,
            );
            // A swallowed conflict must not store the rest of the step.
            assert.equal(stored, end !== "throw" && !conflicts);
            if (stored) for (const name of names) model.add(name);
            assert.equal(uow.isOpen, false);
          }
          assert.deepEqual(await sessionIds(open), [...model].toSorted());
        }),
        { numRuns: engine.engine === "sqlite" ? 100 : 40 },
      );
    }));
}

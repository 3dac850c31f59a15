// Loaded with every mocha run (`--require`).
import { stopSharedPostgres } from "./postgres.ts";

/**
 * A hang ends then; until then a busy machine may take its time. Waits that say what
 * they waited for end before.
 */
const PATIENCE_MS = 180_000;

export const mochaHooks = {
  beforeEach(this: Mocha.Context) {
    const test = this.currentTest;
    test?.timeout(Math.max(test.timeout(), PATIENCE_MS));
  },
  async afterAll() {
    await stopSharedPostgres();
  },
};

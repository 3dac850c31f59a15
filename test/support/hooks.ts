// Loaded with every mocha run (`--require`).
import { stopSharedPostgres } from "./postgres.ts";

export const mochaHooks = {
  async afterAll() {
    await stopSharedPostgres();
  },
};

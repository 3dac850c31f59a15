import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { MUTATIONS } from "./mutations/mutations.ts";

/** `npm run test:mutations` is not run for each change; a place that has moved shows here. */
describe("each planted defect", () => {
  for (const { defect, file, find, test, title } of MUTATIONS) {
    it(`still has its place, and the test that catches it: ${defect}`, () => {
      assert.equal(readFileSync(file, "utf8").split(find).length, 2, `in ${file}, once: ${find}`);
      assert.ok(readFileSync(test, "utf8").includes(title), `in ${test}: ${title}`);
    });
  }
});

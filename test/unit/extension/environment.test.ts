import assert from "node:assert/strict";
import { toEnvironment } from "../../../extension/tools/environment.ts";
import { Environment } from "../../../server/protocol/offers.ts";

describe("what a model is told of where its tools work", () => {
  it("can be sent whatever a workspace calls its folders", () => {
    const hostile = ["app", "", "  ", "a\0b", "x".repeat(1_000), `${"y".repeat(254)}😀`, "\ud800z"];
    const many = Array.from({ length: 80 }, (_, index) => `folder ${index}`);
    const told = toEnvironment("linux", "z".repeat(400), [...hostile, ...many]);
    assert.ok(Environment.safeParse(told).success, JSON.stringify(Environment.safeParse(told)));
    assert.deepEqual(told?.folders.slice(0, 2), ["app", "ab"]);
    assert.equal(toEnvironment("win32", "", ["app"])?.os, "Windows");
    assert.equal(toEnvironment("linux", "bash", ["", "\0"]), undefined);
  });
});

// Schemas of tools of others, as vendors take them.
import assert from "node:assert/strict";
import { EDITOR_TOOLS } from "../../../extension/tools/definitions.ts";
import { plainSchema } from "../../../server/providers/tool-schema.ts";

const STRING = { type: "string" };

describe("a tool's schema, as every vendor takes it", () => {
  it("is what it was where nothing is wrong with it", () => {
    for (const { parameters } of EDITOR_TOOLS)
      assert.deepEqual(plainSchema(parameters), parameters);
  });

  it("is an object, whatever it was", () => {
    const nothing = { type: "object", properties: {} };
    assert.deepEqual(plainSchema({}), nothing);
    assert.deepEqual(plainSchema({ type: ["object", "null"], properties: null }), nothing);
    assert.deepEqual(plainSchema({ type: "null" }), nothing);
    assert.deepEqual(plainSchema({ $ref: "#" }), nothing);
    assert.deepEqual(plainSchema({ properties: { a: STRING } }), {
      type: "object",
      properties: { a: STRING },
    });
  });

  it("has the properties of all its branches, and no branches at its top", () => {
    const schema = plainSchema({
      type: "object",
      properties: { a: STRING },
      required: ["a"],
      oneOf: [{ properties: { b: STRING }, required: ["b"] }, { $ref: "#/$defs/c" }],
      $defs: { c: { properties: { c: STRING } } },
    });
    assert.deepEqual(schema, {
      type: "object",
      properties: { a: STRING, b: STRING, c: STRING },
      required: ["a"],
    });
  });

  it("has what its references mean instead of them, and ends where they go round", () => {
    const schema = plainSchema({
      $schema: "http://json-schema.org/draft-07/schema#",
      type: "object",
      properties: {
        tree: { $ref: "#/definitions/a~1tree%20", description: "The tree" },
        away: { $ref: "https://example.com/schema.json" },
        lost: { $ref: "#/definitions/none" },
        $ref: STRING,
      },
      definitions: {
        "a/tree ": {
          type: "object",
          properties: {
            name: STRING,
            children: { type: "array", items: { $ref: "#/definitions/a~1tree%20" } },
          },
        },
      },
    });
    const children = { type: "array", items: {} };
    const tree = { type: "object", properties: { name: STRING, children } };
    assert.deepEqual(schema, {
      type: "object",
      properties: { tree: { ...tree, description: "The tree" }, away: {}, lost: {}, $ref: STRING },
    });
  });

  it("has no words of older drafts, no null and no boolean for a schema", () => {
    const schema = plainSchema({
      type: "object",
      properties: {
        tuple: { type: "array", items: [STRING, true] },
        list: { type: "array" },
        number: { type: "number", minimum: 0, exclusiveMinimum: true, description: null },
        anything: true,
        nothing: null,
        optional: { type: ["string", "null"], default: null, enum: ["a", null] },
        old: { type: "string", required: true },
      },
      required: ["list", "gone", 1],
      additionalProperties: false,
    });
    assert.deepEqual(schema, {
      type: "object",
      properties: {
        tuple: { type: "array", items: { anyOf: [STRING, {}] } },
        list: { type: "array", items: {} },
        number: { type: "number", minimum: 0 },
        anything: {},
        nothing: {},
        optional: { type: ["string", "null"], default: null, enum: ["a", null] },
        old: STRING,
      },
      required: ["list"],
      additionalProperties: false,
    });
  });

  it("stays small though references multiply, and is done at once", () => {
    const $defs: Record<string, unknown> = { d0: STRING };
    for (let depth = 1; depth <= 40; depth++) {
      const part = { $ref: `#/$defs/d${depth - 1}` };
      $defs[`d${depth}`] = { type: "object", properties: { left: part, right: part } };
    }
    const schema = plainSchema({ $ref: "#/$defs/d40", $defs });
    assert.ok(JSON.stringify(schema).length < 200_000);
  });
});

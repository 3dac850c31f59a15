import assert from "node:assert/strict";
import { EDITOR_TOOLS } from "../../../extension/tools/definitions.ts";
import { fitArguments } from "../../../server/domain/fit-arguments.ts";

const EDIT = { old_text: "a", new_text: "b" };

function fitted(name: string, args: Record<string, unknown>): unknown {
  const tool = EDITOR_TOOLS.find((one) => one.name === name);
  assert.ok(tool);
  const { arguments: made, fault } = fitArguments(tool.parameters, args);
  return fault === undefined ? made : `refused: ${fault}`;
}

const ofOne = (schema: Record<string, unknown>, value: unknown, more = {}): unknown => {
  const root = { type: "object", properties: { it: schema }, required: ["it"], ...more };
  const { arguments: made, fault } = fitArguments(root, { it: value });
  return fault === undefined ? made["it"] : `refused: ${fault}`;
};

describe("arguments in the shapes that models send", () => {
  it("stay as they are where they fit", () => {
    const args = { path: "a", edits: [EDIT] };
    assert.deepEqual(fitted("apply_diff", args), args);
  });

  for (const [what, edits] of Object.entries({
    "a string of JSON": JSON.stringify([EDIT]),
    "strings of JSON": [JSON.stringify(EDIT)],
    "one object": EDIT,
    "one object as a string": JSON.stringify(EDIT),
    "an object with numbers": { "0": EDIT },
    "other spellings of its names": [{ oldText: "a", "new-text": "b" }],
    "a string with raw line feeds": '[{"old_text":"a",\n"new_text":"b",}]',
  })) {
    it(`are a list for ${what}`, () =>
      assert.deepEqual(fitted("apply_diff", { path: "a", edits }), { path: "a", edits: [EDIT] }));
  }

  it("are numbers and booleans for strings, where those are expected", () => {
    assert.deepEqual(fitted("read_file", { path: "a", start_line: " 2", end_line: "3.0" }), {
      path: "a",
      start_line: 2,
      end_line: 3,
    });
    for (const [word, recursive] of [
      ["False", false],
      ["no", false],
      ["Yes", true],
      [1, true],
    ] as const) {
      const args = { path: ".", recursive: word };
      assert.deepEqual(fitted("list_files", args), { path: ".", recursive });
    }
  });

  it("are left out where they are optional and null, or empty where no text is expected", () => {
    const args = { path: "a", start_line: null, end_line: "", nonsense: null };
    assert.deepEqual(fitted("read_file", args), { path: "a" });
    assert.deepEqual(ofOne({ type: ["string", "null"] }, null), null);
    assert.deepEqual(ofOne({ anyOf: [{ type: "string" }, { type: "null" }] }, null), null);
  });

  it("are text for JSON, but no name", () => {
    const content = { a: [1] };
    const text = JSON.stringify(content, null, 2);
    assert.deepEqual(fitted("write_file", { path: "a", content }), { path: "a", content: text });
    assert.match(String(fitted("write_file", { path: content, content: "" })), /path: a string/);
    assert.deepEqual(fitted("read_file", { path: ["a"] }), { path: "a" });
    const include = { query: "a", include: "src/**,b" };
    assert.deepEqual(fitted("search_in_code", { ...include, include: ["src/**", "b"] }), include);
    // Lines, or JSON?
    assert.match(String(fitted("write_file", { path: "a", content: ["b", "c"] })), /a list/);
  });

  it("are what schemas of others say: alternatives, references, choices", () => {
    const maybe = (type: string) => ({ anyOf: [{ type }, { type: "null" }] });
    assert.equal(ofOne(maybe("integer"), "5"), 5);
    assert.equal(ofOne({ type: ["integer", "string"] }, "5"), "5");
    assert.deepEqual(ofOne({ type: "array", items: { type: "string" } }, "a b"), ["a b"]);
    assert.equal(ofOne({ enum: ["open", "closed"] }, "Open"), "open");
    assert.match(String(ofOne({ enum: ["open", "closed"] }, "ajar")), /one of "open", "closed"/);
    const more = { $defs: { n: { type: "number" } } };
    assert.equal(ofOne({ $ref: "#/$defs/n" }, "1.5", more), 1.5);
    const loop = { $defs: { n: { $ref: "#/$defs/n" } } };
    assert.equal(ofOne({ $ref: "#/$defs/n" }, "as it is", loop), "as it is");
    assert.deepEqual(ofOne({}, { what: "ever" }), { what: "ever" });
  });

  it("that still do not fit are refused with what is expected and what came", () => {
    const refused = (name: string, args: Record<string, unknown>, said: RegExp) =>
      assert.match(String(fitted(name, args)), said);
    refused("apply_diff", { path: "a", edits: 7 }, /edits: a list .*old_text, new_text.* 7 came/);
    refused("apply_diff", { path: "a", edits: "all" }, /edits: a list .*a string "all" came/);
    refused(
      "apply_diff",
      { path: "a", edits: [{ ...EDIT, new_text: null }] },
      /\[0\]\.new_text: a string is expected, null came/,
    );
    refused("read_file", { path: "a", start_line: "two" }, /start_line: a whole number.*"two"/);
    refused("read_file", { path: "a", start_line: 2.5 }, /start_line: a whole number.*2\.5/);
    refused("read_file", { file: "a" }, /path: missing; a string is expected, "file" came/);
    refused("list_files", { recursive: "maybe" }, /true or false.*"maybe"/);
  });
});

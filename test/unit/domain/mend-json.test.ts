import assert from "node:assert/strict";
import { mendObject } from "../../../server/domain/mend-json.ts";

const mended = (text: string): unknown => {
  const result = mendObject(text);
  return "fault" in result ? `refused: ${result.fault}` : result.value;
};

describe("arguments that are no JSON", () => {
  const ONE_READING: Record<string, [text: string, meant: unknown]> = {
    "raw line feeds and tabs in a text": ['{"a":"one\n\ttwo\r\n"}', { a: "one\n\ttwo\r\n" }],
    "a backslash that escapes nothing": [
      String.raw`{"query":"\d+\.ts \(","path":"src\app"}`,
      { query: String.raw`\d+\.ts \(`, path: String.raw`src\app` },
    ],
    "such a backslash beside an escaped quote": [
      String.raw`{"a":"\"\d\""}`,
      { a: String.raw`"\d"` },
    ],
    "a brace too many at the end": ['{"a":[{"b":1}]}}', { a: [{ b: 1 }] }],
    "a brace too many in a list": ['{"a":[{"b":1}}]}', { a: [{ b: 1 }] }],
    "a brace too many before the next name": ['{"a":{"b":1}},"c":2}', { a: { b: 1 }, c: 2 }],
    "an item that is closed too early": ['{"a":[{"b":1},"c":2}]}', { a: [{ b: 1, c: 2 }] }],
    "braces twice": ['{{"a":1}}', { a: 1 }],
    "a fence around it": ['```json\n{"a":1}\n```\n', { a: 1 }],
    "words around it": ['The call is {"a":1}, done.', { a: 1 }],
    "commas at the end": ['{"a":[1,2,],}', { a: [1, 2] }],
    "single quotes and the words of Python": [
      `{'a': 'say "hi"', 'b': True, 'c': None}`,
      { a: 'say "hi"', b: true, c: null },
    ],
    "names without quotes": ["{a: 1, b_c: [2]}", { a: 1, b_c: [2] }],
    "JSON in a string": [String.raw`"{\"a\":1}"`, { a: 1 }],
    "an object in a list": ['[{"a":1}]', { a: 1 }],
    "the same twice": ['{"a":1}{"a":1}', { a: 1 }],
    "an empty object before it": ['{}{"a":1}', { a: 1 }],
    nothing: ["null", {}],
  };
  for (const [what, [text, meant]] of Object.entries(ONE_READING)) {
    it(`are read where only one reading is possible: ${what}`, () =>
      assert.deepEqual(mended(text), meant));
  }

  const REFUSED: Record<string, [text: string, why: RegExp]> = {
    "cut off in a text": ['{"path":"a","content":"one', /ends inside of a text/],
    "cut off after a text": ['{"path":"a"', /ends inside of an object/],
    "cut off in a list": ['{"a":[{"b":1}', /ends inside of a list/],
    "cut off, with a brace of the wrong kind": ['{"a":[{"b":1}}', /ends inside of a list/],
    "cut off behind a fence": ['```json\n{"a":', /ends inside/],
    "a quote without its backslash": ['{"a":"say "hi" now"}', /quote.*no backslash.*character 12/],
    "quotes that hide the end": ['{"a":"x = {"b": 1}"}', /refused/],
    "a backslash beside a line feed that may be one": [
      String.raw`{"path":"C:\Users\new"}`,
      /\\U is no escape/,
    ],
    "an escaped quote of another language": [
      String.raw`{"command":"echo 'it'\''s'"}`,
      /\\' is no escape/,
    ],
    "two different objects": ['{"a":1}{"a":2}', /two objects/],
    "one name twice": ["{'a':1,'a':2}", /"a" is there twice/],
    "a missing comma": ['{"a":1 "b":2}', /comma is missing/],
    "the rest of something": ['b":1},{"a":1}', /does not begin/],
    "no object": ["[1]", /no JSON object/],
    "no JSON at all": ["src/a.ts", /no JSON object/],
  };
  for (const [what, [text, why]] of Object.entries(REFUSED)) {
    it(`are refused with the reason: ${what}`, () => assert.match(String(mended(text)), why));
  }

  it("make nothing but data", () => {
    const result = mendObject('{"__proto__":{"polluted":1},}');
    assert.ok("value" in result && Object.hasOwn(result.value, "__proto__"));
    assert.equal(Object.getPrototypeOf(result.value), Object.prototype);
  });

  it("are refused where they are nested without end", () =>
    assert.match(String(mended(`{"a":${"[".repeat(100_000)}`)), /nested/));

  it("take no time to speak of, however long", () => {
    const long = `{"content":"${"\n".repeat(300_000)}${'\\"'.repeat(300_000)}"}`;
    const began = performance.now();
    assert.deepEqual(mended(long), { content: "\n".repeat(300_000) + '"'.repeat(300_000) });
    assert.ok(performance.now() - began < 2_000);
  });
});

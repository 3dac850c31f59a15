import assert from "node:assert/strict";
import { applyEdits, rewrite, shownText } from "../../../extension/tools/files/edits.ts";
import { decodeUtf8, encodeUtf8 } from "../../../extension/tools/files/utf8.ts";

/** Numbers that look like chance, the same each time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    yield state / 2_147_483_648;
  }
}

const edit = (text: string, old_text: string, new_text: string): string =>
  applyEdits(text, [{ old_text, new_text }]);
const bytes = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))),
  );
const hex = (text: string): string => Buffer.from(encodeUtf8(text)).toString("hex");

describe("bytes as text", () => {
  it("come back as they were, whatever they are", () => {
    const next = numbers(1);
    for (let round = 0; round < 3_000; round += 1) {
      const length = Math.floor(next.next().value * 12);
      const some = Buffer.from(
        Array.from({ length }, () => {
          const [kind, value] = [next.next().value, next.next().value];
          return kind < 0.3 ? value * 128 : kind < 0.9 ? 0x80 + value * 128 : 0xe0 + value * 24;
        }),
      );
      const text = decodeUtf8(some);
      assert.deepEqual(Buffer.from(encodeUtf8(text)), some);
      const isUtf8 = Buffer.from(some.toString("utf8")).equals(some);
      assert.equal(text.isWellFormed(), isUtf8, some.toString("hex"));
      if (isUtf8) assert.equal(text, some.toString("utf8"));
    }
  });
});

describe("a change of a text", () => {
  it("finds line feeds in all kinds of line ends, and gives new lines those of their place", () => {
    const mixed = "a\r\nb\nc\r\nd\re";
    assert.equal(edit(mixed, "a\nb\nc", "A\nb\nC"), "A\r\nb\nC\r\nd\re");
    assert.equal(edit(mixed, "b", "b\nnew"), "a\r\nb\nnew\nc\r\nd\re");
    assert.equal(edit(mixed, "c", "new\nc"), "a\r\nb\nnew\r\nc\r\nd\re");
    assert.equal(edit(mixed, "d\ne", "D\nE\nF"), "a\r\nb\nc\r\nD\rE\rF");
    assert.equal(edit(mixed, "a\r\nb\r\n", ""), "c\r\nd\re");
    assert.equal(edit("one line", "line", "line\nmore"), "one line\nmore");
    assert.throws(() => edit("x\r\ny\nx\ny", "x\ny", "z"), /more than once/);
  });

  it("leaves line ends between the lines that it changes as they are", () => {
    assert.equal(
      edit("1\n2\r\n3\n4\r\n5\n", "1\n2\n3\n4\n5", "one\n2\nnew\n3\n4\nfive"),
      "one\n2\r\nnew\r\n3\n4\r\nfive\n",
    );
  });

  it("is not led astray by emoji that hold the marks of line ends", () =>
    assert.equal(
      edit("\u{1f40d}\r\n\u{1f40e}\r\nx\r\n", "x", "y"),
      "\u{1f40d}\r\n\u{1f40e}\r\ny\r\n",
    ));

  it("gives a whole new text the line ends of the old one, line by line", () => {
    assert.equal(rewrite("a\r\nb\r\nc", "a\nB\nc\nd"), "a\r\nB\r\nc\r\nd");
    assert.equal(rewrite("a\r\nb\nc\r\n", "new\na\nb\nc\n"), "new\r\na\r\nb\nc\r\n");
    assert.equal(rewrite("a\nb\n", "a\r\nB\r\n"), "a\nB\n");
    assert.equal(rewrite("", "a\r\nb"), "a\r\nb");
    assert.equal(rewrite("a\r\n", ""), "");
    assert.equal(rewrite("a\nb", "a\nb"), "a\nb", "no last line end");
  });

  it("keeps bytes that are no text, also in the line that it changes", () => {
    const file = decodeUtf8(bytes("a = 1\n// caf", [0xe9], " x ", [0xff], "\r\nend"));
    assert.equal(shownText(file), "a = 1\n// caf\ufffd x \ufffd\nend");
    const other = edit(file, "a = 1", "a = 2");
    assert.equal(
      hex(other),
      bytes("a = 2\n// caf", [0xe9], " x ", [0xff], "\r\nend").toString("hex"),
    );
    const same = edit(file, "// caf\ufffd x \ufffd", "// CAF\ufffd y \ufffd!");
    assert.equal(
      hex(same),
      bytes("a = 1\n// CAF", [0xe9], " y ", [0xff], "!\r\nend").toString("hex"),
    );
    const whole = rewrite(file, `${shownText(file)}\nnew`);
    assert.equal(hex(whole), `${hex(file)}${Buffer.from("\r\nnew").toString("hex")}`);
    assert.equal(hex(edit(file, "// caf\ufffd x \ufffd", "// cafe")), hex("a = 1\n// cafe\r\nend"));
    assert.throws(() => edit(file, "caf\ufffd x \ufffd", "caf\ufffd x"), /which of them/);
  });

  it("touches nothing else, whatever line ends and bytes there are", () => {
    const next = numbers(7);
    const pick = <T>(...of: T[]): T => of[Math.floor(next.next().value * of.length)] as T;
    for (let round = 0; round < 2_000; round += 1) {
      const lines = Array.from({ length: 2 + Math.floor(next.next().value * 8) }, (_, index) =>
        bytes(
          `line ${index} `,
          pick([], [0xe9], [0xc3], [0xed, 0xa0, 0x80]),
          pick("x", "\u{1f40d}", "é"),
        ),
      );
      const ends = lines.map(() => pick("\n", "\r\n", "\r"));
      const last = pick("", "\n", "\r\n");
      const join = (changed: readonly Uint8Array[]): Buffer =>
        Buffer.concat(
          changed.flatMap((line, index) => [
            line,
            Buffer.from(index < lines.length - 1 ? (ends[index] ?? "") : last),
          ]),
        );
      const at = Math.floor(next.next().value * lines.length);
      const was = decodeUtf8(join(lines));
      const wanted = lines.map((line, index) =>
        index === at
          ? Buffer.from(line.toString("latin1").replace("line", "LINE"), "latin1")
          : line,
      );
      const now = edit(was, `line ${at}`, `LINE ${at}`);
      assert.equal(hex(now), join(wanted).toString("hex"));
      assert.equal(hex(rewrite(was, shownText(now))), join(wanted).toString("hex"));
    }
  });

  it("takes no time to speak of in a long text", () => {
    const long = "some line of text\r\n".repeat(100_000);
    const began = performance.now();
    rewrite(long, `new\n${long.replaceAll("line", "word")}`);
    rewrite(long, "all\nnew\n".repeat(50_000));
    assert.ok(performance.now() - began < 5_000, `${performance.now() - began} ms`);
  });
});

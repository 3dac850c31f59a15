import assert from "node:assert/strict";
import { toProposedChange } from "../../../extension/tools/files/proposed-change.ts";
import { decodeUtf8 } from "../../../extension/tools/files/utf8.ts";
import { MAX_SHOWN_LINES } from "../../../server/shared/line-changes.ts";
import { ProposedChange } from "../../../webview/messages.ts";

const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);

function proposed(before: string | undefined, after: string, mark = new Uint8Array()) {
  const encoding = { name: "utf8", mark };
  const change = { path: "/a.txt", before, after, encoding, bytes: new Uint8Array() };
  return ProposedChange.parse(toProposedChange(change));
}

const shown = ({ lines }: ProposedChange): string[] =>
  lines.map(({ sign, text, end, at }) => `${at ? `@${at} ` : ""}${sign}${text}${end ?? ""}`);

const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join("");

describe("a change that is proposed", () => {
  it("is the places that change, each with three lines around it and its number", () => {
    const after = `${numbered(1, 9)}ten\n${numbered(11, 29)}${numbered(31, 40)}`;
    const change = proposed(numbered(1, 40), after);
    assert.deepEqual(shown(change), [
      "@7  7",
      " 8",
      " 9",
      "-10",
      "+ten",
      " 11",
      " 12",
      " 13",
      "@27  27",
      " 28",
      " 29",
      "-30",
      " 31",
      " 32",
      " 33",
    ]);
    assert.deepEqual([change.added, change.removed, change.more], [1, 2, 0]);
  });

  it("is the lines of a new file, and no empty one after its last line end", () => {
    const change = proposed(undefined, "a\n\nb\n");
    assert.deepEqual(shown(change), ["+a", "+", "+b"]);
    assert.equal(change.is_new, true);
    assert.deepEqual(shown(proposed("", "a\n")), ["+a"]);
    assert.equal(proposed("", "a\n").is_new, false);
  });

  it("shows line ends where they are not the file's usual ones, and a last line without", () => {
    const change = proposed("a\r\nb\r\nc\nd", "a\r\nB\r\nc\r\nd\n");
    assert.deepEqual(shown(change), [" a", "-b", "-clf", "-dnone", "+B", "+c", "+dlf"]);
    assert.equal(change.line_ends, "mixed");
    assert.deepEqual(shown(proposed("a\nb", "a\nb\n")), [" a", "-bnone", "+b"]);
    assert.equal(proposed("a\r\n", "b\r\n").line_ends, "crlf");
    assert.equal(proposed("a\r", "b\r").line_ends, "cr");
  });

  it("names the mark, and shows bytes that are no text as a model does", () => {
    assert.equal(proposed("a\n", "b\n", BOM).encoding, "utf8bom");
    assert.equal(proposed("a\n", "b\n").encoding, "utf8");
    const strays = decodeUtf8(Buffer.from([0x61, 0xff, 0x0a, 0x62, 0x0a]));
    assert.deepEqual(shown(proposed(strays, "a\ufffd\nB\n")), [" a\ufffd", "-b", "+B"]);
  });

  it("is bounded, in lines and in their length", () => {
    const change = proposed(numbered(1, 300), "");
    assert.equal(change.lines.length, MAX_SHOWN_LINES);
    assert.deepEqual([change.removed, change.more], [300, 300 - MAX_SHOWN_LINES]);
    assert.ok((proposed(undefined, "x".repeat(9_000)).lines[0]?.text.length ?? 0) < 500);
  });
});

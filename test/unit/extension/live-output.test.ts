// What a terminal gets, as text that can only be added to: the same as the
// whole, however it comes in.
import assert from "node:assert/strict";
import fc from "fast-check";
import { LiveOutput } from "../../../extension/tools/terminal/live-output.ts";
import { plainOutput, TerminalOutput } from "../../../extension/tools/terminal/terminal-output.ts";
import { lastWritten, MAX_OUTPUT, MAX_OUTPUT_PIECE } from "../../../server/protocol/tool-output.ts";

/** A second between each piece and the next, so that every version of a line is said. */
function livePieces(pieces: readonly string[], msBetween = 1_000): string[] {
  const output = new TerminalOutput();
  return pieces.map((piece, index) => {
    output.add(piece);
    return output.take(index * msBetween);
  });
}

describe("the output of a terminal", () => {
  it("is plain text: no orders, and of each line what was written last", () => {
    const sent = [
      "\u001B]633;C\u0007\u001B[1;32mok\u001B[0m\r\n",
      "\u001B]8;;http://x\u001B\\link\u001B]8;;\u001B\\\r\r\n",
      "\u001B(B\u001B7 10%\r 50%\r100%\r\n",
      "\u001B[2K\u001B[1G|\u001B[2K\u001B[1G/\u001B[2K\u001B[Gdone\n",
      "\u001BP1;2qsixel\u001B\\end",
    ];
    assert.equal(plainOutput(sent.join("")), "ok\nlink\n100%\ndone\nend");
  });

  it("reads the same in whatever pieces it comes, also between \\r and \\n, in an order, in a character", () => {
    const part = fc.constantFrom(
      ...["a", "bc ", "\n", "\r", "\r\n", "ё🎈", "\u001B[1;31m", "\u001B[0m", "\u001B[2K\u001B[1G"],
      ...[
        "\u001B]0;title\u0007",
        "\u001B]8;;u\u001B\\",
        "\u001B(B",
        "\u001B7",
        "\u001BPq#\u001B\\",
      ],
    );
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 30 }),
        fc.array(fc.nat({ max: 60 }), { maxLength: 12 }),
        fc.constantFrom(10, 600, 2_000),
        (parts, cuts, msBetween) => {
          const whole = parts.join("");
          const places = [...new Set(cuts)]
            .filter((at) => at < whole.length)
            .toSorted((a, b) => a - b);
          const pieces = [0, ...places].map((from, index) => whole.slice(from, places[index]));
          // The end of the last line, whenever it was written over.
          const live = livePieces([...pieces, "\n"], msBetween);
          assert.equal(lastWritten(live.join("")), plainOutput(`${whole}\n`));
          assert.ok(live.every((piece) => piece.isWellFormed()));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("says a bar of progress now and then, and its last state", () => {
    const output = new TerminalOutput();
    let said = "";
    for (let n = 0; n <= 10_000; n++) {
      output.add(`\r${n / 100} %`);
      said += output.take(n);
    }
    output.add("\nend");
    said += output.take(10_001);
    assert.ok(said.length < 200, `${said.length} characters`);
    assert.equal(lastWritten(said), "100 %\nend");
  });

  it("skips an order without an end, and holds no line of any length", () => {
    const output = new TerminalOutput();
    output.add("\u001B]0;");
    for (let n = 0; n < 1_000; n++) output.add("x".repeat(1_000));
    assert.equal(output.length, 0);
    output.add("\u0007ok");
    assert.equal(output.take(0), "ok");
    for (let n = 0; n < 100; n++) output.add("y".repeat(1_000));
    assert.equal(output.take(0).length, 100_000);
  });
});

interface Sent {
  offset: number;
  output: string;
}

describe("output that is told while a command runs", function () {
  this.timeout(20_000);

  const over = new Error("over");
  const follow = (answer: (sent: Sent, tries: number) => Promise<void> | undefined) => {
    const sent: Sent[] = [];
    const live = new LiveOutput({
      async send(offset, output) {
        sent.push({ offset, output });
        await answer({ offset, output }, sent.length);
      },
      isOver: (thrown) => thrown === over,
      log: { warn() {} },
    });
    return { live, sent };
  };
  const ms = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

  it("goes in bounded pieces, a few a second, up to the bound and one word beyond", async () => {
    const { live, sent } = follow(() => undefined);
    const started = performance.now();
    // The pair of the balloon lies across the end of the first piece.
    const text = `${"a".repeat(MAX_OUTPUT_PIECE - 1)}🎈`;
    live.add(text);
    while (sent.length < 8 && performance.now() - started < 4_000) {
      live.add(`${"b".repeat(5_000)}\n`);
      await ms(20);
    }
    live.close();
    assert.ok(performance.now() - started > 1_400, "it took its time");
    assert.ok(
      sent.every(({ output }) => output.length <= MAX_OUTPUT_PIECE && output.isWellFormed()),
    );
    const all = sent.map(({ output }) => output).join("");
    assert.deepEqual(
      sent.map(({ offset }) => offset),
      sent.map((_, index) => sent.slice(0, index).reduce((sum, one) => sum + one.output.length, 0)),
    );
    assert.ok(all.startsWith(text));
    assert.ok(all.length > MAX_OUTPUT && all.length < MAX_OUTPUT + 10_000, `${all.length}`);
  });

  it("goes again from the same place until it is taken", async () => {
    const { live, sent } = follow((_, tries) =>
      tries === 1 ? Promise.reject(new Error("away")) : undefined,
    );
    live.add("one\n");
    await ms(500);
    live.add("two\n");
    await ms(2_500);
    live.close();
    assert.deepEqual(sent, [
      { offset: 0, output: "one\n" },
      { offset: 0, output: "one\ntwo\n" },
    ]);
  });

  it("ends when nobody waits for the call, and with its result", async () => {
    const refused = follow(() => Promise.reject(over));
    refused.live.add("one\n");
    await ms(400);
    refused.live.add("two\n");
    await ms(400);
    assert.equal(refused.sent.length, 1);
    const ended = follow(() => undefined);
    ended.live.add("one\n");
    ended.live.close();
    await ms(400);
    assert.deepEqual(ended.sent, []);
  });
});

// Whatever a model or a person writes, the frames say exactly that and nothing more.
import assert from "node:assert/strict";
import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { numberedFrom, toAppend } from "../../../server/db/tables/chunks.ts";
import { CHUNK_TYPES, type NewChunk } from "../../../server/protocol/chunks.ts";
import { SSE_HEARTBEAT, SSE_RETRY, toFrame, toFrameOf } from "../../../server/protocol/sse.ts";
import { type AnyChunk, placed } from "../../support/any-chunk.ts";

const nasty = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom(
    "\n",
    "\r\n",
    "\r",
    "\0",
    "\u2028",
    "\uFEFF",
    "data: x",
    "id: 9",
    "event: done",
    ":",
  ),
  fc
    .array(fc.constantFrom("\n\n", "id: 7\n", "data:", "\ud800", "é", "🙂"), { maxLength: 6 })
    .map((parts) => parts.join("")),
);
const chunk = fc
  .record({ type: fc.constantFrom(...CHUNK_TYPES), text: nasty, tool: nasty, meta: nasty })
  .map(
    ({ type, text, tool, meta }): AnyChunk => ({
      type,
      token: text,
      tool_name: tool,
      metadata: { [meta]: meta },
    }),
  );

describe("SSE frames", () => {
  it("carry any text through any cut of the bytes", () => {
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 8 }),
        fc.integer({ min: 1, max: 40 }),
        (bodies, cut) => {
          const chunks = bodies.map((body, index) =>
            placed(body, { seq: index + 1, session_id: "s", turn_id: "t" }),
          );
          const bytes = Buffer.from(
            SSE_RETRY + chunks.map((one) => toFrame(one) + SSE_HEARTBEAT).join(""),
          );
          const got: { id: string | undefined; event: string | undefined; data: string }[] = [];
          const parser = createParser({
            onEvent: ({ id, event, data }) => got.push({ id, event, data }),
          });
          const decoder = new TextDecoder();
          for (let at = 0; at < bytes.length; at += cut) {
            parser.feed(decoder.decode(bytes.subarray(at, at + cut), { stream: true }));
          }
          assert.deepEqual(
            got,
            chunks.map((one) => ({
              id: String(one.seq),
              event: one.type,
              data: JSON.stringify(one),
            })),
          );
          for (const [index, { data }] of got.entries()) {
            assert.deepEqual(JSON.parse(data), JSON.parse(JSON.stringify(chunks[index])));
          }
        },
      ),
      { numRuns: 2_000 },
    );
  }).timeout(30_000);

  it("are the same bytes where what is stored is not made JSON a second time", () => {
    const writer = { sessionId: "s", turnId: "t", fence: 1, after: 0 };
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 8 }), (bodies) => {
        const said = [...bodies, { type: "status" }] as NewChunk[];
        const { rows } = toAppend(writer, said, "c");
        const numbered = numberedFrom(writer, said, said.length);
        assert.deepEqual(
          numbered.map((one, index) => toFrameOf(one, rows[index]?.payload ?? "")),
          numbered.map(toFrame),
        );
      }),
    );
  });
});

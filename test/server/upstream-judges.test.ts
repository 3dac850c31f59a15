// What our scripted servers send is what the vendors' own clients read, to the same
// words and calls as ours.
import assert from "node:assert/strict";
import { collect, HELLO, providerAt, textOf, WEATHER } from "../support/upstream/collect.ts";
import { OFFICIAL, type Read, readByAiSdk } from "../support/upstream/judges.ts";
import { replay } from "../support/upstream/replay.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

/** With our own readers. */
async function readByUs(format: string, origin: string): Promise<Read> {
  const provider = providerAt(origin, { name: format });
  const collected = await collect(provider, { ...HELLO, tools: [WEATHER] });
  assert.equal(collected.error, undefined);
  const calls = collected.events.flatMap((event) =>
    event.type === "tool_call" ? [{ name: event.tool_name, arguments: event.arguments }] : [],
  );
  return { text: textOf(collected), calls };
}

for (const [format, judge] of Object.entries(OFFICIAL)) {
  describe(`the ${format} fixtures`, function () {
    this.timeout(20_000);
    for (const what of ["text", "tool"] as const) {
      it(`${what}: read by the official client, by the AI SDK and by us to the same`, () =>
        withUpstream([replay(format, what)], async ({ origin }) => {
          const ours = await readByUs(format, origin);
          assert.ok(ours.text !== "" && ours.calls.length === (what === "tool" ? 1 : 0));
          assert.deepEqual(await judge(origin), ours);
          assert.deepEqual(await readByAiSdk(format, origin), ours);
        }));
    }
  });
}

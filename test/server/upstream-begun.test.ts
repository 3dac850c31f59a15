// An answer in whose middle its companion died is asked for again: behind its own words where the
// model takes that, else with one instruction.
import assert from "node:assert/strict";
import type { ProviderRequest } from "../../server/providers/provider.ts";
import { collect, HELLO, providerAt, textOf } from "../support/upstream/collect.ts";
import { normal, status } from "../support/upstream/openai-scripts.ts";
import type { Script, UpstreamRequest } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

const CLAUDE: ProviderRequest = { ...HELLO, model: "claude-sonnet-4-5-20250929" };
const NO_PREFILL =
  "This model does not support assistant message prefill. The conversation must end with a user message.";

interface Told {
  role: string;
  content: unknown;
}

function toldBy({ body }: UpstreamRequest): [string, string][] {
  return (body as { messages: Told[] }).messages
    .filter(({ role }) => role !== "system")
    .map(({ role, content }) => [role, wordsOf(content)]);
}

function wordsOf(content: unknown): string {
  return typeof content === "string"
    ? content
    : (content as { text: string }[]).map(({ text }) => text).join("");
}

const says =
  (words: string): Script =>
  (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const content = words === "" ? [] : [{ type: "text", text: words }];
    response.end(JSON.stringify({ type: "message", content, stop_reason: "end_turn" }));
  };

describe("an answer that was begun", () => {
  it("goes on behind its own words, without the blanks at their end, which come once", () =>
    withUpstream([says("\n\nmore")], async (upstream) => {
      const provider = providerAt(upstream.origin, { name: "anthropic" });
      const answer = await collect(provider, { ...CLAUDE, begun: "Some words.\n" });
      assert.equal(textOf(answer), "\nmore");
      assert.deepEqual(toldBy(await upstream.request(0)), [
        ["user", "hello"],
        ["assistant", "Some words."],
      ]);
    }));

  it("is asked for with an instruction where that is refused, and from then on", () =>
    withUpstream(
      [
        status(400, JSON.stringify({ error: { message: NO_PREFILL } })),
        says(" more"),
        says(" more"),
      ],
      async (upstream) => {
        const provider = providerAt(upstream.origin, { name: "anthropic" });
        for (const asked of [1, 2]) {
          const answer = await collect(provider, { ...CLAUDE, begun: "Some words" });
          assert.equal(textOf(answer), " more");
          const told = toldBy(await upstream.request(asked));
          assert.deepEqual(told.slice(0, 2), [
            ["user", "hello"],
            ["assistant", "Some words"],
          ]);
          assert.match(told[2]?.[1] ?? "", /exactly where it stops/);
        }
      },
    ));

  it("is asked for with an instruction of all other models", () =>
    withUpstream([normal(" more")], async (upstream) => {
      const provider = providerAt(`${upstream.origin}/v1`);
      const answer = await collect(provider, { ...HELLO, begun: "Some words " });
      assert.equal(textOf(answer), " more");
      const told = toldBy(await upstream.request(0));
      assert.deepEqual(
        told.map(([role]) => role),
        ["user", "assistant", "user"],
      );
      assert.equal(told[1]?.[1], "Some words ");
    }));

  it("may have been at its end", () =>
    withUpstream([says("")], async ({ origin }) => {
      const provider = providerAt(origin, { name: "anthropic" });
      const { events, error } = await collect(provider, { ...CLAUDE, begun: "All of it." });
      assert.equal(error, undefined);
      assert.deepEqual(
        events.map(({ type }) => type),
        ["finish"],
      );
    }));
});

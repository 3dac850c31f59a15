// Anthropic's `pause_turn`: an answer that its server has interrupted goes on, as one answer.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import type { MessageParam } from "@anthropic-ai/sdk/resources/messages/messages";
import type { ProviderRequest } from "../../server/providers/provider.ts";
import { read, say, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { collect, eventsOf, providerAt, textOf } from "../support/upstream/collect.ts";
import { status } from "../support/upstream/openai-scripts.ts";
import { neverDone, pausing, SAID, USAGE } from "../support/upstream/pausing.ts";
import { FAKE_MODEL, type Script } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

const TEXT = "Let me look. Fjords are deep, and cold.";
const at = (url: string) => providerAt(url, { name: "anthropic" });

/** As the vendor's documentation has it: the content goes back as it came. */
async function readByTheirs(origin: string): Promise<{ text: string; asked: number }> {
  const client = new Anthropic({ apiKey: "test-key-1234567890", baseURL: origin, maxRetries: 0 });
  const messages: MessageParam[] = [{ role: "user", content: "hello" }];
  const said: Anthropic.ContentBlock[] = [];
  for (let asked = 1; ; asked += 1) {
    const before = said.length > 0 ? [{ role: "assistant" as const, content: said }] : [];
    const request = { model: FAKE_MODEL, max_tokens: 100, messages: [...messages, ...before] };
    const { content, stop_reason } = await client.messages.stream(request).finalMessage();
    said.push(...content);
    if (stop_reason === "pause_turn") continue;
    return { text: said.map((one) => (one.type === "text" ? one.text : "")).join(""), asked };
  }
}

describe("an answer that Anthropic pauses", () => {
  it("goes on with all that it said, exactly: one text, one end, the usage of all its requests", () =>
    withUpstream([pausing], async ({ url, requests }) => {
      const collected = await collect(at(url));
      assert.equal(collected.error, undefined);
      assert.equal(textOf(collected), TEXT);
      assert.equal(requests.length, SAID.length);
      const finishes = collected.events.filter(({ type }) => type === "finish");
      assert.deepEqual(finishes, [
        {
          type: "finish",
          reason: "stop",
          usage: {
            input_tokens: SAID.length * (USAGE.input_tokens + USAGE.cache_read_input_tokens),
            cache_read_tokens: SAID.length * USAGE.cache_read_input_tokens,
            output_tokens: SAID.length * USAGE.output_tokens,
          },
        },
      ]);
      const thinking = collected.events.filter(({ type }) => type === "thinking");
      assert.deepEqual(thinking, [
        { type: "thinking", parts: [{ text: 0, calls: 0, data: SAID[0]?.[0] }] },
      ]);
    }));

  it("is read so by the official client", () =>
    withUpstream([pausing], async ({ origin }) => {
      assert.deepEqual(await readByTheirs(origin), { text: TEXT, asked: SAID.length });
    }));

  it("is asked again where its rest is refused in passing, and keeps what came where it is for good", async () => {
    const overloaded = status(529, "Overloaded");
    await withUpstream([pausing, overloaded, pausing], async ({ url, requests }) => {
      assert.equal(textOf(await collect(at(url))), TEXT);
      assert.equal(requests.length, SAID.length + 1);
    });
    const refused: [Script, ...Script[]] = [pausing, status(400, "no")];
    await withUpstream(refused, async ({ url, requests }) => {
      const collected = await collect(at(url));
      assert.match(String(collected.error), /no/);
      assert.equal(textOf(collected), "Let me look. ");
      assert.equal(requests.length, 2);
    });
  });

  it("does not go on for ever", () =>
    withUpstream([neverDone], async ({ url, requests }) => {
      const collected = await collect(at(url));
      assert.equal(collected.error, undefined);
      assert.equal(requests.length, 11);
      assert.equal(textOf(collected), "again ".repeat(11));
      assert.equal(collected.events.at(-1)?.type, "finish");
    }));

  for (const engine of ENGINES) {
    it(`is stored once, as one answer (${engine.engine})`, () =>
      withUpstream([pausing], ({ url }) => {
        const provider = at(url);
        const model = (request: ProviderRequest, signal: AbortSignal) =>
          eventsOf(provider, { ...request, tools: [] }, signal);
        return withChat(engine, model, async ({ chat }) => {
          const turn = await say(chat, "hello");
          const chunks = await read(chat, turn);
          assert.equal(chunks.filter(({ is_final }) => is_final).length, 1);
          assert.equal(chunks.at(-1)?.type, "done");
          const { messages } = await chat.listMessages(turn.session_id);
          const stored = messages.filter(({ role }) => role === "assistant");
          assert.deepEqual(
            stored.map(({ content }) => content),
            [TEXT],
          );
        });
      }));
  }
});

// A whole turn over a fake model's server: whatever it does, a committed chunk says
// so and the words are kept.
import assert from "node:assert/strict";
import type { ErrorCode } from "../../server/protocol/errors.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { type Script as ModelScript, read, say, withChat } from "../support/chat.ts";
import { ENGINES } from "../support/engines.ts";
import { eventsOf, providerAt } from "../support/upstream/collect.ts";
import {
  cut,
  endless,
  hugeLine,
  normal,
  stalls,
  status,
  stream,
  text,
} from "../support/upstream/openai-scripts.ts";
import type { Script, UpstreamRequest } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

const KEY = "test-key-1234567890";

/** The chat's model is the real adapter, with the fake server at its other end. */
function modelAt(url: string, stallSeconds = 1): ModelScript {
  const provider = providerAt(url, { key: KEY, stallSeconds, maxAnswerChars: 1000 });
  return (request, signal) => eventsOf(provider, { ...request, tools: [] }, signal);
}

const CASES: [string, Script, ErrorCode, RegExp][] = [
  ["refuses the key", status(401, `no such key: ${KEY}`), "upstream_unauthorized", /^$/],
  [
    "has too many requests",
    status(429, "no", { "retry-after": "99" }),
    "upstream_rate_limited",
    /^$/,
  ],
  ["breaks off", cut("fin", text("Hel"), text("lo")), "upstream_cut", /^Hello$/],
  ["stalls", stalls(text("Hel"), text("lo")), "upstream_timeout", /^Hello$/],
  ["sends nonsense", stream("what is this\n\n"), "upstream_malformed", /^$/],
  ["sends a line of 10 MB", hugeLine(10_485_760), "upstream_malformed", /^before$/],
  ["never ends", endless(text("word ")), "upstream_too_long", /^(word ){200,201}$/],
];

for (const engine of ENGINES) {
  describe(`a turn on ${engine.engine} whose model's server`, () => {
    for (const [what, script, code, kept] of CASES) {
      it(`${what}: ends with a committed error, keeps the words, and the next message is taken`, () =>
        withUpstream([script, normal("All well.")], (upstream) =>
          withChat(engine, modelAt(upstream.url), async ({ chat, lines, metrics }) => {
            const turn = await say(chat, "hello");
            const chunks = await read(chat, turn);
            const last = chunks.at(-1);
            assert.equal(last?.type, "error");
            assert.equal(last.is_final, true);
            assert.equal(metadataOf(last).code, code);
            assert.match(String(metadataOf(last).hint), /./);
            const shown = chunks.map((chunk) => chunk.token ?? "").join("");
            assert.match(shown, kept);
            const { messages } = await chat.listMessages(turn.session_id);
            const stored = messages.filter(({ role }) => role === "assistant");
            assert.equal(stored.map(({ content }) => content).join(""), shown);
            if (code === "upstream_rate_limited") {
              assert.equal(metadataOf(last).retry_after_seconds, 99);
            }

            const next = await say(chat, "again?", { session_id: turn.session_id });
            const answer = await read(chat, next);
            assert.equal(answer.at(-1)?.type, "done");
            const sent = JSON.stringify(upstream.requests.at(-1)?.body);
            assert.ok(sent.includes("hello") && sent.includes("again?"));

            assert.ok(!JSON.stringify(chunks).includes(KEY), "the key is in a chunk");
            assert.ok(!JSON.stringify(lines).includes(KEY), "the key is in the log");
            assert.match(await metrics.registry.metrics(), new RegExp(`code="${code}"\\} 1`));
          }),
        ));
    }

    it("is slow: stopping the turn closes its connection", () => {
      const asked = Promise.withResolvers<UpstreamRequest>();
      const script: Script = async (request, response) => {
        await stalls(text("so far"))(request, response);
        asked.resolve(request);
      };
      return withUpstream([script], (upstream) =>
        withChat(engine, modelAt(upstream.url, 60), async ({ chat }) => {
          const turn = await say(chat, "hello");
          const request = await asked.promise;
          await chat.cancelTurn(turn.session_id);
          await request.left;
          const chunks = await read(chat, turn);
          assert.equal(chunks.at(-1)?.type, "interrupted");
        }),
      );
    });
  });
}

// A vendor that holds its answers, seen by the provider: connections that break are followed by
// others, to the same answer.
import assert from "node:assert/strict";
import type {
  HeldAnswer,
  HeldAnswers,
  Provider,
  ProviderEvent,
} from "../../server/providers/provider.ts";
import { type Collected, collect, HELLO, providerAt, textOf } from "../support/upstream/collect.ts";
import { HELD_GOOGLE, interactionOf } from "../support/upstream/held-google.ts";
import { HELD_JUDGES } from "../support/upstream/held-judges.ts";
import { HELD_OPENAI, responseOf, type Said } from "../support/upstream/held-openai.ts";
import {
  type HeldFormat,
  type HeldPlan,
  type HeldUpstream,
  withHeldUpstream,
} from "../support/upstream/held-upstream.ts";

const WORDS = Array.from({ length: 20 }, (_, index) => `w${index} `);
const SAID: Said = {
  thoughts: ["Let ", "me ", "think."],
  words: WORDS,
  call: { name: "get_weather", arguments: '{"city":"Oslo"}' },
};

interface Vendor {
  name: string;
  format: HeldFormat;
  /** A request for an answer that nobody holds. */
  plain: RegExp;
  eventsOf(said: Said, id: string): ReturnType<HeldPlan["events"]>;
}

const VENDORS: readonly Vendor[] = [
  {
    name: "openai",
    format: HELD_OPENAI,
    plain: /^POST \/responses$/,
    eventsOf: responseOf,
  },
  {
    name: "google",
    format: HELD_GOOGLE,
    plain: /^POST .*:streamGenerateContent/,
    eventsOf: interactionOf,
  },
];

const HELD_HELLO = { ...HELLO, hold: true };

for (const vendor of VENDORS) {
  describe(`an answer that ${vendor.name} holds`, () => {
    const plan = (more: Partial<HeldPlan> = {}, said = SAID): HeldPlan => ({
      events: (_body, id) => vendor.eventsOf(said, id),
      gapMs: 0,
      ...more,
    });
    const lend = (
      how: HeldPlan,
      run: (upstream: HeldUpstream, provider: Provider) => Promise<void>,
      limits: { stallSeconds?: number; patienceMs?: number } = {},
    ) =>
      withHeldUpstream(vendor.format, how, (upstream) => {
        const { name } = vendor;
        const where = `${upstream.origin}${vendor.format.base}`;
        return run(upstream, providerAt(where, { name, hold: true, ...limits }));
      });
    const undisturbed = async (): Promise<ProviderEvent[]> => {
      let events: ProviderEvent[] = [];
      await lend(plan(), async (_upstream, provider) => {
        events = whole(await collect(provider, HELD_HELLO));
      });
      return events;
    };

    it("tells its name before its first word", () =>
      lend(plan(), async (_upstream, provider) => {
        const { events } = await collect(provider, HELD_HELLO);
        assert.equal(events[0]?.type, "held");
        assert.equal(heldIn(events).id, "answer_1");
      }));

    it("is not asked for when nobody wants it to be held", () =>
      lend(plan(), async (upstream, provider) => {
        const collected = await collect(provider, HELLO);
        assert.equal(upstream.answers.length, 0);
        assert.ok(collected.events.every(({ type }) => type !== "held"));
      }));

    it("is whole over connections that break at every place", async () => {
      const expected = await undisturbed();
      for (const every of [1, 2, 3, 7]) {
        await lend(plan(), async (upstream, provider) => {
          upstream.cutEvery = every;
          const collected = await collect(provider, HELD_HELLO);
          assert.equal(collected.error, undefined);
          assert.deepEqual(whole(collected), expected, `every ${every}`);
          assert.equal(upstream.asked(), 1);
        });
      }
    });

    it("goes on after a connection that says nothing more", async () => {
      const expected = await undisturbed();
      await lend(
        plan({ waitsAt: 8 }),
        async (upstream, provider) => {
          const reading = collect(provider, HELD_HELLO);
          await upstream.seen("GET ");
          upstream.go();
          assert.deepEqual(whole(await reading), expected);
          assert.equal(upstream.asked(), 1);
        },
        { stallSeconds: 0.2 },
      );
    });

    it("comes once more from its beginning, without asking for it", async () => {
      const expected = await undisturbed();
      await lend(plan(), async (upstream, provider) => {
        const first = await collect(provider, HELD_HELLO);
        const held = heldIn(first.events);
        assert.ok(heldBy(provider).isHere(held));
        const signal = new AbortController().signal;
        const again: ProviderEvent[] = [];
        for await (const batch of heldBy(provider).replay(held, HELLO, signal))
          again.push(...batch);
        assert.deepEqual(joined(again), expected);
        assert.equal(upstream.asked(), 1);
      });
    });

    it("is read as a document where it is not streamed any more", async () => {
      const expected = await undisturbed();
      await lend(plan({ waitsAt: 9 }), async (upstream, provider) => {
        upstream.streamsAgain = false;
        const reading = collect(provider, HELD_HELLO);
        await upstream.seen(`POST ${vendor.format.path}`);
        upstream.cut();
        await upstream.seen("GET ", 3);
        upstream.go();
        assert.deepEqual(whole(await reading), expected);
      });
    });

    it("that is gone ends with what had come, and says so", () =>
      lend(plan({ waitsAt: 15 }), async (upstream, provider) => {
        const reading = collect(provider, HELD_HELLO);
        await upstream.seen(`POST ${vendor.format.path}`);
        upstream.forget();
        upstream.cut();
        const { error, ...collected } = await reading;
        assert.match(String(error), /does not give the rest of the answer any more/);
        assert.ok(WORDS.join("").startsWith(textOf({ ...collected, error })));
      }));

    it("is given up when there is no heartbeat of it", () =>
      lend(
        plan({ waitsAt: 15 }),
        async (upstream, provider) => {
          upstream.cutEvery = 5;
          const { error } = await collect(provider, HELD_HELLO);
          assert.match(String(error), /in the middle of the answer/);
          assert.equal(upstream.asked(), 1);
        },
        { patienceMs: 50, stallSeconds: 0.1 },
      ));

    it("is asked for as any other where the server does not hold it", () =>
      lend(plan(), async (upstream, provider) => {
        const message = "Background mode needs storing; this organisation has zero data retention.";
        upstream.refuses = { status: 400, body: { error: { message } } };
        await collect(provider, HELD_HELLO);
        upstream.refuses = undefined;
        await collect(provider, HELD_HELLO);
        assert.match(upstream.requests.at(-1) ?? "", vendor.plain);
        assert.equal(upstream.answers.length, 0);
      }));

    it("is read by the vendor's own client, over a break, to the same words", () =>
      withHeldUpstream(vendor.format, plan(), async ({ origin, asked }) => {
        assert.equal(await HELD_JUDGES[vendor.name]?.(origin), WORDS.join(""));
        assert.equal(asked(), 1);
      }));

    it("is cancelled at the vendor", () =>
      lend(plan({ waitsAt: 9 }), async (upstream, provider) => {
        const reading = collect(provider, HELD_HELLO);
        await upstream.seen("POST ");
        const [answer] = upstream.answers;
        await heldBy(provider).cancel({ id: answer?.id ?? "", at: "" });
        assert.equal(answer?.isCancelled, true);
        assert.match(String((await reading).error), /cancelled/);
      }));
  });
}

function heldIn(events: readonly ProviderEvent[]): HeldAnswer {
  const found = events.find((event) => event.type === "held");
  if (found?.type !== "held") throw new Error("nobody holds it");
  return found.answer;
}

/** Without what is the vendor's affair; words that follow each other as one. */
function whole(collected: Collected): ProviderEvent[] {
  assert.equal(collected.error, undefined);
  return joined(collected.events);
}

function joined(events: readonly ProviderEvent[]): ProviderEvent[] {
  const all: ProviderEvent[] = [];
  for (const event of events) {
    const last = all.at(-1);
    if (event.type === "held") continue;
    if (event.type === "text" && last?.type === "text") last.text += event.text;
    else if (event.type === "reasoning" && last?.type === "reasoning") last.text += event.text;
    else all.push({ ...event });
  }
  return all;
}

function heldBy({ held }: Provider): HeldAnswers {
  if (!held) throw new Error("no answers are held");
  return held;
}

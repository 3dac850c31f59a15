// An unmodified OpenAI client, and curl's kind of request, against the companion.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { type Companion, withCompanion } from "../support/companion.ts";
import { normal } from "../support/upstream/openai-scripts.ts";
import type { Upstream } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

describe("the openai npm client", () => {
  const clientOf = ({ url, token }: Companion) =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });
  const check = (body: (client: OpenAI, companion: Companion) => Promise<void>) => () =>
    withCompanion({ quick: true }, (companion) => body(clientOf(companion), companion));
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "First?" },
    { role: "assistant", content: "Yes." },
    { role: "user", content: "hi" },
  ] as const;

  it(
    "gets whole answers, stored like every turn",
    check(async (client, companion) => {
      const { data, response } = await client.chat.completions
        .create({ model: "demo/demo", messages: [...messages], temperature: 0 })
        .withResponse();
      const [choice] = data.choices;
      assert.equal(choice?.finish_reason, "stop");
      assert.ok((choice?.message.content ?? "").length > 50);
      assert.ok((data.usage?.total_tokens ?? 0) > 0);
      const session = response.headers.get("x-session-id");
      const stored = await companion.request("GET", `/v1/sessions/${session}/messages`);
      const body = (await stored.json()) as { messages: { role: string; content: string }[] };
      assert.equal(body.messages.at(-1)?.content, choice?.message.content);
      assert.equal(body.messages.length, 5);
    }),
  ).timeout(30_000);

  it(
    "gets streamed answers with usage",
    check(async (client) => {
      const stream = await client.chat.completions.create({
        model: "demo/demo",
        messages: [...messages],
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      let finish: string | null | undefined;
      let usage: number | undefined;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        finish = chunk.choices[0]?.finish_reason ?? finish;
        usage = chunk.usage?.total_tokens ?? usage;
      }
      assert.ok(text.length > 50);
      assert.equal(finish, "stop");
      assert.ok((usage ?? 0) > 0);
    }),
  ).timeout(30_000);

  const withModels = (
    body: (client: OpenAI, upstream: Upstream, companion: Companion) => Promise<void>,
  ) =>
    withUpstream([normal("One. Two.")], (upstream) => {
      const env = { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: "test" };
      return withCompanion({ env }, (companion) => body(clientOf(companion), upstream, companion));
    });

  it("hands on how an answer is to be made", () =>
    withModels(async (client, upstream) => {
      await client.chat.completions.create({
        model: "openai-compatible/fake-model",
        messages: [...messages],
        temperature: 0.25,
        top_p: 0.5,
        max_tokens: 77,
        stop: "END",
        seed: 7,
        presence_penalty: 1,
        frequency_penalty: -1,
        user: "somebody",
        response_format: { type: "text" },
      });
      await client.chat.completions.create({
        model: "openai-compatible/fake-model",
        messages: [...messages],
        max_completion_tokens: 78,
        stop: ["A", "B"],
        temperature: null,
      });
      const [first, second] = upstream.requests.map(({ body }) => body as Record<string, unknown>);
      assert.partialDeepStrictEqual(first, {
        temperature: 0.25,
        top_p: 0.5,
        max_tokens: 77,
        stop: ["END"],
        seed: 7,
        presence_penalty: 1,
        frequency_penalty: -1,
      });
      assert.partialDeepStrictEqual(second, { max_tokens: 78, stop: ["A", "B"] });
      assert.equal(second?.["temperature"], undefined);
    })).timeout(30_000);

  it("takes pictures, of this message and of earlier ones, once each; from the web it takes none", () =>
    withModels(async (client, upstream, companion) => {
      const picture = (from: string) => ({ type: "image_url" as const, image_url: { url: from } });
      const pixel = `data:image/png;base64,${Buffer.from("\x89PNG\r\n\x1a\npixel", "latin1").toString("base64")}`;
      const large = `data:image/jpeg;base64,${Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(2_000_000)]).toString("base64")}`;
      const model = "openai-compatible/fake-model";
      const ask = (...content: ({ type: "text"; text: string } | ReturnType<typeof picture>)[]) =>
        client.chat.completions
          .create({
            model,
            messages: [
              { role: "user", content: [{ type: "text", text: "First?" }, picture(pixel)] },
              { role: "assistant", content: "Yes." },
              { role: "user", content },
            ],
          })
          .withResponse();
      const { response } = await ask(
        { type: "text", text: "And?" },
        picture(pixel),
        picture(large),
      );
      const sent =
        (upstream.requests.at(-1)?.body as { messages?: { content: unknown }[] } | undefined)
          ?.messages ?? [];
      const urls = sent.flatMap(({ content }) =>
        Array.isArray(content)
          ? (content as { image_url?: { url: string } }[]).flatMap(
              (part) => part.image_url?.url ?? [],
            )
          : [],
      );
      assert.deepEqual(urls, [pixel, pixel, large]);
      const id = response.headers.get("x-session-id");
      const stored = await companion.request("GET", `/v1/sessions/${id}/messages`);
      const { messages: rows } = (await stored.json()) as {
        messages: { metadata: { attachments?: { media_type: string; bytes: number }[] } }[];
      };
      assert.deepEqual(
        rows.map(({ metadata }) => metadata.attachments?.map(({ media_type }) => media_type)),
        [["image/png"], undefined, ["image/png", "image/jpeg"], undefined],
      );
      const before = upstream.requests.length;
      for (const [url, words] of [
        ["http://169.254.169.254/x.png", /messages\.2: image_url is no data URL/],
        ["data:image/png;base64,bm90IGEgcGljdHVyZQ==", /no picture and no PDF/],
        ["data:image/png;base64,%%%", /not in base64/],
      ] as const) {
        await assert.rejects(
          ask(picture(url)),
          (thrown) => thrown instanceof OpenAI.APIError && words.test(thrown.message),
          url,
        );
      }
      assert.equal(upstream.requests.length, before);
      const list = await companion.request("GET", "/v1/sessions");
      assert.equal(((await list.json()) as { sessions: unknown[] }).sessions.length, 1);
    })).timeout(30_000);

  it("refuses by name what it cannot hand on, before anything is stored or asked", () =>
    withModels(async (client, upstream, companion) => {
      const refused = async (more: object, words: RegExp, model = "openai-compatible/fake-model") =>
        await assert.rejects(
          client.chat.completions.create({ model, messages: [...messages], ...more }),
          (thrown) =>
            thrown instanceof OpenAI.APIError &&
            thrown.status === 400 &&
            words.test(thrown.message),
        );
      await refused(
        { response_format: { type: "json_object" } },
        /response_format: is not supported/,
      );
      await refused({ logit_bias: { 50256: -100 } }, /logit_bias/);
      await refused({ reasoning_effort: "high" }, /reasoning_effort/);
      await refused({ logprobs: true }, /logprobs/);
      await refused({ top_k: 5 }, /top_k/);
      await refused({ constructor: 1 }, /constructor/);
      await refused({ temperature: 3 }, /temperature/);
      await refused({ max_tokens: 0 }, /max_tokens/);
      await refused({ stop: [""] }, /stop/);
      await refused({ seed: 7 }, /seed: cannot be handed on to openai\/gpt-5/, "openai/gpt-5");
      assert.equal(upstream.requests.length, 0);
      const list = await companion.request("GET", "/v1/sessions");
      assert.deepEqual(((await list.json()) as { sessions: unknown[] }).sessions, []);
    })).timeout(30_000);

  it(
    "ends the demo's answer where it was asked to",
    check(async (client) => {
      const ask = (more: object) =>
        client.chat.completions.create({ model: "demo/demo", messages: [...messages], ...more });
      const short = await ask({ max_tokens: 3 });
      assert.equal(short.choices[0]?.finish_reason, "length");
      assert.equal(short.usage?.completion_tokens, 3);
      const whole = (await ask({})).choices[0]?.message.content ?? "";
      const stopped = await ask({ stop: whole.slice(20, 30) });
      assert.equal(stopped.choices[0]?.message.content, whole.slice(0, 20));
    }),
  ).timeout(30_000);

  it(
    "lists models",
    check(async (client) => {
      const ids: string[] = [];
      for await (const model of client.models.list()) ids.push(model.id);
      assert.ok(ids.includes("demo/demo"));
    }),
  ).timeout(30_000);

  it(
    "reads errors as errors",
    check(async (client, companion) => {
      const ask = (more: object) =>
        client.chat.completions.create({ model: "demo/demo", messages: [...messages], ...more });
      await assert.rejects(ask({ model: "nope" }), { status: 400, code: "model_unknown" });
      await assert.rejects(ask({ model: "openai/gpt-5" }), { status: 400, code: "key_missing" });
      await assert.rejects(ask({ n: 2 }), { status: 400 });
      const tools = [{ type: "function", function: { name: "f", parameters: {} } }];
      await assert.rejects(ask({ tools }), /tools: is not supported here/);
      const stranger = new OpenAI({
        baseURL: `${companion.url}/v1`,
        apiKey: "wrong",
        maxRetries: 0,
      });
      await assert.rejects(stranger.models.list(), { status: 401 });
    }),
  ).timeout(30_000);
});

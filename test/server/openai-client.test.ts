// An unmodified OpenAI client, and curl's kind of request, against the companion.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { type Companion, withCompanion } from "../support/companion.ts";

describe("the openai npm client", () => {
  const clientOf = ({ url, token }: Companion) =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });
  const check = (body: (client: OpenAI, companion: Companion) => Promise<void>) => () =>
    withCompanion({}, (companion) => body(clientOf(companion), companion));
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

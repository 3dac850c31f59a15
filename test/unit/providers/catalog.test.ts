import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ChatError } from "../../../server/errors.ts";
import { ModelId } from "../../../server/protocol/fields.ts";
import { ModelList } from "../../../server/protocol/responses.ts";
import { type CatalogOptions, createCatalog } from "../../../server/providers/catalog.ts";
import { VENDOR_NAMES, VENDORS } from "../../../server/providers/vendors.ts";
import { collect, HELLO, NO_SETTINGS, textOf, WEATHER } from "../../support/upstream/collect.ts";
import { normal, silent, status } from "../../support/upstream/openai-scripts.ts";
import { FAKE_MODEL } from "../../support/upstream/start-upstream.ts";
import { withUpstream } from "../../support/upstream/with-upstream.ts";

const open = (options: Partial<CatalogOptions> = {}) =>
  createCatalog({ providers: NO_SETTINGS, defaultModel: undefined, stallSeconds: 1, ...options });

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ChatError);
    assert.match(error.hint ?? "", /./);
    return error.code;
  }
};

describe("the model catalog", () => {
  it("answers from the demo when nobody chose, and from the configured model when somebody did", () => {
    assert.equal(open().resolve(undefined).id, "demo/demo");
    assert.equal(open().resolve(null).providerName, "demo");
    const catalog = open({ defaultModel: "ollama/qwen3" });
    assert.deepEqual(
      { ...catalog.resolve(null), provider: undefined },
      {
        provider: undefined,
        providerName: "ollama",
        model: "qwen3",
        id: "ollama/qwen3",
        contextWindow: 128_000,
        inputs: ["image"],
      },
    );
  });

  it("knows how much known models can read, and assumes 128,000 tokens of others", async () => {
    const { data } = await open().list();
    const windows = Object.fromEntries(data.map((model) => [model.id, model.context_window]));
    assert.equal(windows["demo/demo"], 128_000);
    for (const { id, context_window } of data) {
      if (id.startsWith("anthropic/")) assert.equal(context_window, 200_000);
      if (id.startsWith("google/gemini")) assert.equal(context_window, 1_048_576);
    }
    assert.equal(open().resolve("openai-compatible/gpt-5").contextWindow, 128_000);
  });

  it("takes the name after the first slash as it is", () => {
    const { model, providerName } = open().resolve("openai-compatible/meta/llama:70b");
    assert.deepEqual([providerName, model], ["openai-compatible", "meta/llama:70b"]);
  });

  it("says what is wrong with a model or a provider that there is not", () => {
    for (const id of ["demo/other", "nobody/x", "ollama/", "demo", "", "constructor/x"]) {
      assert.equal(
        codeOf(() => open().resolve(id)),
        "model_unknown",
        id,
      );
    }
    assert.equal(
      codeOf(() => open().resolve("openai/gpt-5.6")),
      "key_missing",
    );
    assert.equal(
      codeOf(() => open().setKey("nobody", "k")),
      "invalid_request",
    );
    assert.equal(
      codeOf(() => open().removeKey("__proto__")),
      "invalid_request",
    );
    assert.equal(
      codeOf(() => open().setKey("openai", "k", "http://")),
      "invalid_request",
    );
  });

  it("lists the demo always, and the vendors' models as usable once there is a key", async () => {
    const catalog = open();
    const usable = async (): Promise<string[]> => {
      const list = await catalog.list();
      assert.ok(ModelList.safeParse(list).success);
      return list.data.filter((model) => model.available).map((model) => model.id);
    };
    assert.deepEqual(await usable(), ["demo/demo"]);
    catalog.setKey("anthropic", "k");
    assert.deepEqual(await usable(), [
      "demo/demo",
      ...VENDORS.anthropic.models.map((name) => `anthropic/${name}`),
    ]);
    assert.equal(catalog.resolve("anthropic/claude-opus-5-5").providerName, "anthropic");
    catalog.removeKey("anthropic");
    assert.deepEqual(await usable(), ["demo/demo"]);
  });

  it("lists what a configured server says it has", () =>
    withUpstream([normal()], async (upstream) => {
      const catalog = open({
        providers: {
          ...NO_SETTINGS,
          openai: { baseUrl: upstream.url },
          ollama: { host: upstream.origin },
        },
        defaultModel: `ollama/${FAKE_MODEL}`,
      });
      const { data, offers, default: chosen } = await catalog.list();
      const ids = data.filter((model) => model.available).map((model) => model.id);
      assert.deepEqual(ids, [
        "demo/demo",
        `openai-compatible/${FAKE_MODEL}`,
        `ollama/${FAKE_MODEL}`,
      ]);
      assert.deepEqual(offers, []);
      assert.equal(chosen, `ollama/${FAKE_MODEL}`);
      // Another server has other models than OpenAI's own.
      assert.ok(!data.some((model) => model.id.startsWith("openai/")));
    }));

  it("takes a model's limit from its user, then from its server, then from what is known", async () => {
    const models = [
      { id: "vllm", max_model_len: 32_768 },
      { id: "router", context_length: 65_536 },
      { id: "limited", context_window: 65_536 },
      { id: "odd", context_length: "a lot" },
      { id: "tiny", context_length: 1 },
    ];
    const server = createServer((_request, response) => {
      response.end(JSON.stringify({ object: "list", data: models }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const id = (name: string) => `openai-compatible/${name}`;
    const catalog = open({
      providers: { ...NO_SETTINGS, openai: { baseUrl: `http://127.0.0.1:${port}/v1` } },
      contextWindows: new Map([
        [id("limited"), 8_192],
        ["anthropic/claude", 50_000],
      ]),
    });
    try {
      assert.equal(catalog.resolve(id("vllm")).contextWindow, 128_000, "nobody has asked yet");
      const { data } = await catalog.list();
      for (const [name, tokens] of Object.entries({
        vllm: 32_768,
        router: 65_536,
        limited: 8_192,
        odd: 128_000,
        tiny: 128_000,
      })) {
        assert.equal(data.find((model) => model.id === id(name))?.context_window, tokens, name);
        assert.equal(catalog.resolve(id(name)).contextWindow, tokens, name);
      }
      catalog.setKey("anthropic", "k");
      assert.equal(catalog.resolve("anthropic/claude").contextWindow, 50_000);
    } finally {
      server.close();
    }
  });

  it("offers servers that it finds on this machine, and never takes one by itself", () =>
    withUpstream([normal()], async (upstream) => {
      const localUrls = { ollama: upstream.url, lmStudio: upstream.url };
      const catalog = open({ localUrls });
      const list = await catalog.list();
      assert.deepEqual(list.offers, [
        { model: `openai-compatible/${FAKE_MODEL}`, label: "LM Studio on this machine" },
        { model: `ollama/${FAKE_MODEL}`, label: "Ollama on this machine" },
      ]);
      assert.equal(list.default, "demo/demo");
      assert.equal(catalog.resolve(undefined).id, "demo/demo");
      assert.ok(list.data.every((model) => !model.available || model.demo));
      for (const { model } of list.offers) {
        const { provider } = catalog.resolve(model);
        assert.equal(textOf(await collect(provider)), "Hello from the fake model.");
      }
    }));

  it("does not wait for a server that does not answer", () =>
    withUpstream([silent], async (upstream) => {
      const catalog = open();
      catalog.setKey("openai-compatible", undefined, `${upstream.origin}/nowhere`);
      catalog.setKey("ollama", undefined, "http://127.0.0.1:9");
      const started = performance.now();
      const { data } = await catalog.list();
      assert.ok(performance.now() - started < 1_500);
      assert.ok(!data.some((model) => /^(ollama|openai-compatible)\//.test(model.id)));
    }));

  it("has the default in the list even if its server is away", async () => {
    const { data } = await open({ defaultModel: "openai-compatible/mine" }).list();
    assert.ok(data.some((model) => model.id === "openai-compatible/mine" && model.available));
  });

  it("answers without tools where a model takes none, and asks it only once", () =>
    withUpstream(
      [status(400, "registry/fake does not support tools"), normal("Plain words.")],
      async (upstream) => {
        const catalog = open({ providers: { ...NO_SETTINGS, openai: { baseUrl: upstream.url } } });
        const tools = [WEATHER];
        for (const asked of [2, 3]) {
          const { provider } = catalog.resolve(`openai-compatible/${FAKE_MODEL}`);
          const collected = await collect(provider, { ...HELLO, tools });
          assert.equal(textOf(collected), "Plain words.");
          assert.equal(upstream.requests.length, asked);
        }
        const offered = upstream.requests.map(({ body }) => "tools" in (body as object));
        assert.deepEqual(offered, [true, false, false]);
      },
    ));

  it("passes on what else a server refuses a request with tools for", () =>
    withUpstream([status(400, "your tool is too long"), normal()], async (upstream) => {
      const catalog = open({ providers: { ...NO_SETTINGS, openai: { baseUrl: upstream.url } } });
      const { provider } = catalog.resolve(`openai-compatible/${FAKE_MODEL}`);
      const { error } = await collect(provider, { ...HELLO, tools: [WEATHER] });
      assert.ok(error instanceof ChatError);
      assert.equal(error.code, "upstream_rejected");
      assert.equal(upstream.requests.length, 1);
    }));

  it("knows models that the vendors' SDKs know, too, under ids that a request may have", () => {
    for (const name of VENDOR_NAMES) {
      const { models } = VENDORS[name];
      if (models.length === 0) continue;
      const sdk = readFileSync(new URL(import.meta.resolve(`@ai-sdk/${name}`)), "utf8");
      for (const model of models) {
        assert.ok(ModelId.safeParse(`${name}/${model}`).success, model);
        assert.ok(sdk.includes(`"${model}"`), `${name} does not know ${model}`);
      }
    }
  });
});

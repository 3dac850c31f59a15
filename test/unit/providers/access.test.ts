import assert from "node:assert/strict";
import { ChatError } from "../../../server/errors.ts";
import { createAccessBook, type ProviderSettings } from "../../../server/providers/access.ts";

const open = (settings: Partial<ProviderSettings> = {}) =>
  createAccessBook({ openai: {}, anthropic: {}, google: {}, ollama: {}, ...settings });

describe("keys and addresses", () => {
  it("needs a key for the vendors and none for local servers", () => {
    const book = open();
    for (const name of ["openai", "anthropic", "google"] as const) {
      assert.throws(
        () => book.use(name),
        (error) =>
          error instanceof ChatError &&
          error.code === "key_missing" &&
          /Set API key/.test(error.hint ?? ""),
      );
    }
    assert.equal(book.use("ollama").baseUrl, "http://127.0.0.1:11434/v1");
    assert.equal(book.use("openai-compatible").baseUrl, "http://127.0.0.1:1234/v1");
  });

  it("shares OpenAI's variables with every server that speaks its API", () => {
    const book = open({ openai: { key: "k", baseUrl: "https://proxy.example/v1/" } });
    assert.equal(book.use("openai").baseUrl, "https://proxy.example/v1");
    assert.equal(book.use("openai-compatible").baseUrl, "https://proxy.example/v1");
    assert.equal(book.use("openai-compatible").key, "k");
    assert.equal(
      open({ openai: { key: "k" } }).use("openai-compatible").baseUrl,
      "https://api.openai.com/v1",
    );
  });

  it("takes the addresses that vendors' pages show as they are meant", () => {
    for (const [name, given, meant] of [
      ["openai", "https://x.openai.azure.com", "https://x.openai.azure.com/openai/v1"],
      ["openai", "https://x.services.ai.azure.com/", "https://x.services.ai.azure.com/openai/v1"],
      ["openai", "https://x.openai.azure.com/openai/", "https://x.openai.azure.com/openai/v1"],
      ["openai-compatible", "https://openrouter.ai/api", "https://openrouter.ai/api/v1"],
      [
        "openai-compatible",
        "https://x.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
        "https://x.services.ai.azure.com/models",
      ],
      [
        "openai-compatible",
        "https://x.services.ai.azure.com/models",
        "https://x.services.ai.azure.com/models",
      ],
      ["openai-compatible", "https://openrouter.ai", "https://openrouter.ai/api/v1"],
      ["anthropic", "https://api.deepseek.com/anthropic", "https://api.deepseek.com/anthropic/v1"],
      ["anthropic", "https://api.z.ai/api/anthropic/", "https://api.z.ai/api/anthropic/v1"],
      ["anthropic", "https://gateway.example/anthropic/v1", "https://gateway.example/anthropic/v1"],
      ["anthropic", "https://gateway.example/x/v1/messages", "https://gateway.example/x/v1"],
    ] as const) {
      const book = open();
      book.set(name, { key: "k", baseUrl: given });
      assert.equal(book.use(name).baseUrl, meant, given);
    }
  });

  it("never takes a key to another origin", () => {
    const book = open();
    book.set("openai", { key: "k", baseUrl: "https://one.example/v1" });
    book.set("openai", { baseUrl: "https://one.example/v2" });
    assert.equal(book.use("openai").key, "k");
    for (const other of [
      "https://two.example/v1",
      "http://one.example/v1",
      "https://one.example:8443/v1",
    ]) {
      const moved = open();
      moved.set("openai", { key: "k", baseUrl: "https://one.example/v1" });
      moved.set("openai", { baseUrl: other });
      assert.throws(() => moved.use("openai"), /needs an API key/);
      moved.set("openai", { baseUrl: "https://one.example/v1" });
      assert.throws(() => moved.use("openai"), /needs an API key/);
    }
  });

  it("takes a key without an address for the vendor's own, whatever the environment says", () => {
    const book = open({ openai: { key: "env", baseUrl: "https://proxy.example/v1" } });
    book.set("openai", { key: "mine" });
    assert.deepEqual(
      [book.use("openai").key, book.use("openai").baseUrl],
      ["mine", "https://api.openai.com/v1"],
    );
    book.reset("openai");
    assert.deepEqual(
      [book.use("openai").key, book.use("openai").baseUrl],
      ["env", "https://proxy.example/v1"],
    );
  });

  it("forgets a key on demand", () => {
    const book = open();
    book.set("anthropic", { key: "k" });
    book.reset("anthropic");
    assert.throws(() => book.use("anthropic"), /needs an API key/);
  });

  it("reads addresses as people write them", () => {
    const ollama = (host: string): string => open({ ollama: { host } }).use("ollama").baseUrl;
    assert.equal(ollama("0.0.0.0"), "http://127.0.0.1:11434/v1");
    assert.equal(ollama("localhost:9999"), "http://localhost:9999/v1");
    assert.equal(ollama("http://gpu.example"), "http://gpu.example:11434/v1");
    assert.equal(ollama("https://gpu.example/"), "https://gpu.example/v1");
    assert.equal(ollama("http://[::1]:1/v1/"), "http://[::1]:1/v1");
    assert.equal(ollama("http://gpu.example:1/api/"), "http://gpu.example:1/v1");
    assert.equal(ollama("http://gpu.example:1/api/chat"), "http://gpu.example:1/v1");
    assert.equal(ollama("https://gpu.example/ollama"), "https://gpu.example/ollama/v1");
    assert.equal(ollama("[::1]"), "http://[::1]:11434/v1");
    const google = open({ google: { key: "k", baseUrl: "https://g.example" } });
    assert.equal(google.use("google").baseUrl, "https://g.example/v1beta");
    assert.throws(() => open({ openai: { baseUrl: "http://" } }), /not a URL/);
  });
});

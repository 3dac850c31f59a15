import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import {
  endless,
  hugeLine,
  moreArguments,
  text,
  toolCall,
} from "../support/upstream/openai-scripts.ts";
import type { Script } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

const READER = fileURLToPath(new URL("../support/upstream/reader-process.ts", import.meta.url));
const MAX_GROWTH = 50 * 1024 * 1024;

// So that the process grows by what is held, and not by garbage that V8 has
// not cared to collect yet.
const TIGHT = ["--max-semi-space-size=2", "--optimize-for-size"];
const ANSWERS = 3;

/** Reads answers in a process of its own, so that only the reader's memory is measured. */
async function growth(script: Script, expectedCode: string): Promise<number> {
  return await withUpstream([script], async (upstream) => {
    const reader = fork(READER, [upstream.url, String(ANSWERS)], {
      execArgv: TIGHT,
      // A proxy that is not there, and settings of the SDKs that would lead
      // elsewhere: none may matter.
      env: {
        PATH: process.env["PATH"],
        NODE_USE_ENV_PROXY: "1",
        HTTP_PROXY: "http://127.0.0.1:9",
        HTTPS_PROXY: "http://127.0.0.1:9",
        OPENAI_BASE_URL: "http://127.0.0.1:9",
        OPENAI_API_KEY: "not-for-this-server",
      },
    });
    const [told] = (await once(reader, "message")) as [{ codes: string[]; growth: number }];
    if (reader.exitCode === null) await once(reader, "exit");
    assert.deepEqual(
      told.codes,
      Array.from({ length: ANSWERS }, () => expectedCode),
    );
    for (const { headers } of upstream.requests) {
      assert.equal(headers.authorization, "Bearer test-key-1234567890");
    }
    return told.growth;
  });
}

describe("the memory of a companion whose model's server goes mad", function () {
  this.timeout(60_000);

  const cases: [string, Script, string][] = [
    ["a line of 10 MB", hugeLine(10 * 1024 * 1024), "upstream_malformed"],
    ["an answer without an end", endless(text("word ".repeat(10))), "upstream_too_long"],
    ["an event without an end", endless(`data: ${"x".repeat(100)}\n`), "upstream_malformed"],
    [
      "a tool call without an end",
      async (request, response) => {
        const first = toolCall("call_1", "get_weather", '{"city":"');
        await endless(first + moreArguments("Oslo".repeat(50)))(request, response);
      },
      "upstream_too_long",
    ],
    [
      "a tool call without a name or an end",
      endless(moreArguments("Oslo".repeat(50))),
      "upstream_malformed",
    ],
  ];
  for (const [name, script, code] of cases) {
    it(`grows by less than 50 MB with ${name}`, async () => {
      const bytes = await growth(script, code);
      assert.ok(bytes < MAX_GROWTH, `grew by ${Math.round(bytes / 1024 / 1024)} MB`);
    });
  }
});

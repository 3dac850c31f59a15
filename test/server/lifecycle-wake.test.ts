// Sleep, wake and clocks that are set: nothing ends early, nothing hangs, and who slept too
// long writes nothing more.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { metadataOf } from "../support/any-chunk.ts";
import { ask, lastOf, logOf, until } from "../support/asking.ts";
import {
  type Companion,
  newDataDir,
  type StartOptions,
  startCompanion,
} from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";
import { stalls, text } from "../support/upstream/openai-scripts.ts";
import { FAKE_MODEL } from "../support/upstream/start-upstream.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

const MODEL = `openai-compatible/${FAKE_MODEL}`;
const DAY_MS = 86_400_000;

describe("after a sleep", () => {
  let companions: Companion[] = [];
  const start = async (options: Partial<StartOptions> = {}) => {
    const companion = await startCompanion({ dataDir: newDataDir(), ...options });
    companions.push(companion);
    return companion;
  };
  afterEach(async () => {
    for (const companion of companions) {
      companion.process.kill("SIGCONT");
      await companion.kill();
      rmSync(companion.dataDir, { recursive: true, force: true });
    }
    companions = [];
  });
  const hasSlept = (companion: Companion) => companion.output().includes("slept, or the clock");

  it("readers hear at once that the companion lives, and their answer goes on", async () => {
    const companion = await start();
    const { chunks } = await ask(companion, "Hello");
    const quiet = await companion.request("POST", "/v1/sessions", { title: "quiet" });
    const { id } = (await quiet.json()) as { id: string };
    const reader = await companion.request("GET", `/v1/sessions/${id}/stream`);
    assert.ok(reader.body);
    let heard = "";
    let beats = 0;
    const listening = (async () => {
      const decoder = new TextDecoder();
      for await (const bytes of reader.body ?? []) {
        heard += decoder.decode(bytes);
        beats = heard.split(": ping").length - 1;
      }
    })().catch(() => undefined);
    await until("the session's first chunk", () => heard.includes("session_info"));
    companion.process.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    assert.equal(beats, 0);
    companion.process.kill("SIGCONT");
    await until("a heartbeat", () => beats > 0, 3_000);
    assert.ok(hasSlept(companion));
    assert.equal((await lastOf(chunks))?.type, "done");
    await companion.kill();
    await listening;
  }).timeout(30_000);

  it("a clock set forward by a day ends nothing early, and one set back holds nothing up", async () => {
    const node = ["--import", "./test/support/planted/clock.ts"];
    const ends = [DAY_MS, -DAY_MS].map(async (shift) => {
      const env = { PLANTED_CLOCK_MS: String(shift), PLANTED_CLOCK_AT: "SIGUSR2" };
      const companion = await start({ node, env, args: ["--idle-exit", "4"] });
      const { chunks } = await ask(companion, "Hello");
      companion.process.kill("SIGUSR2");
      await until("it was noticed", () => hasSlept(companion), 5_000);
      assert.equal((await lastOf(chunks))?.type, "done");
      const unused = performance.now();
      // And back again, while nobody uses it.
      companion.process.kill("SIGUSR2");
      assert.deepEqual(await companion.ended, { code: 0, signal: null });
      const seconds = (performance.now() - unused) / 1_000;
      assert.ok(seconds > 3 && seconds < 15, `${seconds} s`);
    });
    await Promise.all(ends);
  }).timeout(60_000);

  it("a model that does not go on is given up soon, with its words kept", () =>
    withUpstream([stalls(text("So "), text("far"))], async (upstream) => {
      const companion = await start({
        node: ["--import", "./test/support/planted/clock.ts"],
        env: {
          PLANTED_CLOCK_MS: String(DAY_MS),
          PLANTED_CLOCK_AT: "SIGUSR2",
          OPENAI_BASE_URL: upstream.url,
          OPENAI_API_KEY: "test",
        },
        args: ["--stall-timeout", "60"],
      });
      const { chunks, sessionId } = await ask(companion, "Hello", MODEL);
      const begun = performance.now();
      companion.process.kill("SIGUSR2");
      const last = await lastOf(chunks);
      assert.equal(metadataOf(last).code, "upstream_cut");
      const seconds = (performance.now() - begun) / 1_000;
      assert.ok(seconds < 25, `${seconds} s`);
      const messages = await companion.request("GET", `/v1/sessions/${sessionId}/messages`);
      assert.match(await messages.text(), /So far/);
    })).timeout(60_000);

  it("a companion that slept past its lease stops its answer and writes nothing more, whatever the clocks say", () =>
    withUpstream([stalls(text("So "), text("far"))], async (upstream) => {
      const engine = ENGINES.find((candidate) => candidate.engine === "postgres");
      const database = await engine?.create();
      assert.ok(database);
      try {
        const args = ["--database", database.flag, "--continue-answers", "off"];
        const models = { OPENAI_BASE_URL: upstream.url, OPENAI_API_KEY: "test" };
        const sleeper = await start({ args, env: models });
        const other = await start({
          args,
          node: ["--import", "./test/support/planted/clock.ts"],
          env: { PLANTED_CLOCK_MS: String(-DAY_MS / 24) },
        });
        const { sessionId } = await ask(sleeper, "Hello", MODEL);
        const messages = `/v1/sessions/${sessionId}/messages`;
        await until("all words", async () =>
          (await (await sleeper.request("GET", messages)).text()).includes("So far"),
        );
        sleeper.process.kill("SIGSTOP");
        // The other one, whose clock is an hour slow, ends it once the lease is over.
        const log = await logOf(other, sessionId);
        assert.equal(metadataOf(log.at(-1)).code, "server_restarted");
        assert.equal(log.map(({ token }) => token ?? "").join(""), "So far");
        const request = await upstream.request(0);
        const woke = performance.now();
        sleeper.process.kill("SIGCONT");
        await request.left;
        const seconds = (performance.now() - woke) / 1_000;
        assert.ok(seconds < 10, `it listened to the model for ${seconds} s more`);
        await until("it runs nothing", async () => {
          const metrics = await sleeper.request("GET", "/metrics");
          return (await metrics.text()).includes("\nsse_turns_running 0\n");
        });
        assert.deepEqual(await logOf(sleeper, sessionId), log);
        assert.deepEqual(await logOf(other, sessionId), log);
      } finally {
        await Promise.all(companions.map((companion) => companion.kill()));
        await database.remove();
      }
    })).timeout(90_000);
});

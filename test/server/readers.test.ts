// Who may read, and what an open stream keeps in memory.
import assert from "node:assert/strict";
import { type Companion, withCompanion } from "../support/companion.ts";

async function newSession(companion: Companion): Promise<string> {
  const response = await companion.request("POST", "/v1/sessions", {});
  return ((await response.json()) as { id: string }).id;
}

/** Resolves when its first chunk is there. */
async function read(companion: Companion, sessionId: string, headers = {}) {
  const left = new AbortController();
  const response = await fetch(`${companion.url}/v1/sessions/${sessionId}/stream`, {
    headers: { authorization: `Bearer ${companion.token}`, ...headers },
    signal: left.signal,
  });
  const reader = response.body?.getReader();
  await reader?.read();
  return { status: response.status, reader, leave: () => left.abort() };
}

describe("readers", () => {
  it("are as many as the companion was told, beside those who send", async () => {
    await withCompanion({ args: ["--max-readers", "2"], quick: true }, async (companion) => {
      const id = await newSession(companion);
      const first = await read(companion, id);
      assert.equal(first.status, 200);
      assert.equal((await read(companion, id)).status, 200);
      assert.equal((await read(companion, id)).status, 429);
      const sent = await companion.request("POST", "/v1/messages/stream", {
        message: { type: "user_message", content: "hi" },
      });
      assert.equal(sent.status, 200);
      await sent.text();
      first.leave();
      let next = await read(companion, id);
      while (next.status === 429) next = await read(companion, id);
      assert.equal(next.status, 200);
    });
  });

  it("keep nothing of their requests while they wait", async () => {
    const node = ["--expose-gc", "--import", "./test/support/planted/tell-heap.ts"];
    await withCompanion({ node }, async (companion) => {
      const told = () => [...companion.output().matchAll(/heap in use: (\d+)/g)];
      const heap = async () => {
        const before = told().length;
        companion.process.kill("SIGUSR2");
        while (told().length === before) await new Promise((resolve) => setTimeout(resolve, 10));
        return Number(told().at(-1)?.[1]);
      };
      const open: unknown[] = [];
      const openMany = async () => {
        for (let round = 0; round < 3; round++) {
          const id = await newSession(companion);
          for (let n = 0; n < 50; n++) open.push(await read(companion, id, { "x-long": LONG }));
        }
      };
      await openMany();
      const before = await heap();
      await openMany();
      const each = ((await heap()) - before) / 150;
      assert.ok(each < LONG.length, `${Math.round(each)} bytes each`);
    });
  });
});

/** A browser sends a few KB; the most that is taken is 16. */
const LONG = "x".repeat(14_000);

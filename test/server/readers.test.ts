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

const TELLS_HEAP = ["--expose-gc", "--import", "./test/support/planted/tell-heap.ts"];

/** Bytes in use, garbage collected. */
async function heapOf(companion: Companion): Promise<number> {
  const told = () => [...companion.output().matchAll(/heap in use: (\d+)/g)];
  const before = told().length;
  companion.process.kill("SIGUSR2");
  while (told().length === before) await new Promise((resolve) => setTimeout(resolve, 10));
  return Number(told().at(-1)?.[1]);
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
    await withCompanion({ node: TELLS_HEAP }, async (companion) => {
      const open: unknown[] = [];
      const eachOf = async (headers: Record<string, string>) => {
        const before = await heapOf(companion);
        for (let round = 0; round < 3; round++) {
          const id = await newSession(companion);
          for (let n = 0; n < 50; n++) open.push(await read(companion, id, headers));
        }
        return ((await heapOf(companion)) - before) / 150;
      };
      // What comes with the first of them is no reader's own.
      await eachOf({ "x-long": LONG });
      const short = await eachOf({});
      const long = await eachOf({ "x-long": LONG });
      const told = `${Math.round(short)} bytes each, ${Math.round(long)} with ${LONG.length} more sent`;
      assert.ok(long - short < LONG.length / 2, told);
    });
  });

  it("keep nothing of what they have had while they wait", async () => {
    await withCompanion({ node: TELLS_HEAP, quick: true }, async (companion) => {
      const content = "x".repeat(200_000);
      const message = { type: "user_message", content };
      const sent = await companion.request("POST", "/v1/messages/stream", { message });
      await sent.text();
      const id = sent.headers.get("x-session-id") ?? "";
      const openMany = async (count: number) => {
        for (let n = 0; n < count; n++) {
          const { reader } = await read(companion, id);
          // Its last words are those of the end.
          const decoder = new TextDecoder();
          for (let text = ""; !text.includes("event: done\n"); ) {
            const { value, done } = (await reader?.read()) ?? { done: true, value: undefined };
            assert.ok(!done);
            text = text.slice(-100) + decoder.decode(value, { stream: true });
          }
        }
      };
      await openMany(5);
      const before = await heapOf(companion);
      await openMany(30);
      const each = ((await heapOf(companion)) - before) / 30;
      assert.ok(each < content.length / 2, `${Math.round(each)} bytes each`);
    });
  });
});

/** A browser sends a few KB; the most that is taken is 16. */
const LONG = "x".repeat(14_000);

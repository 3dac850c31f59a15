// W3C Trace Context over real HTTP: what is taken, what is answered, and what carries it.
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseTraceparent, toTraceparent, traceOf } from "../../server/observe/trace-context.ts";
import { TransactionList } from "../../server/protocol/transactions.ts";
import { type Companion, chunksOf, rawRequest, withCompanion } from "../support/companion.ts";
import { POSTGRES } from "../support/engines.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const VALID = `00-${TRACE}-${PARENT}-01`;
const ANSWERED = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

describe("traceparent", () => {
  it("is taken when it is valid, also of a version to come", () => {
    for (const [header, flags] of [
      [VALID, 1],
      [`00-${TRACE}-${PARENT}-00`, 0],
      [`00-${TRACE}-${PARENT}-ff`, 3],
      [`01-${TRACE}-${PARENT}-01`, 1],
      [`cc-${TRACE}-${PARENT}-02-what the future brings`, 2],
      [`cc-${TRACE}-${PARENT}-01-`, 1],
    ] as const) {
      assert.deepEqual(parseTraceparent(header), { traceId: TRACE, flags }, header);
    }
  });

  it("is ignored when it is not", () => {
    for (const header of [
      "",
      "00",
      `ff-${TRACE}-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-01-`,
      `00-${TRACE}-${PARENT}-01-more`,
      `cc-${TRACE}-${PARENT}-01.more`,
      `cc-${TRACE}-${PARENT}-0102`,
      `00-${"0".repeat(32)}-${PARENT}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${PARENT}-01`,
      `00-${TRACE.slice(1)}-${PARENT}-01`,
      `00-${TRACE}0-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-1`,
      `00-${TRACE}-${PARENT}-0g`,
      `00_${TRACE}_${PARENT}_01`,
      ` ${VALID}`,
      `${VALID} `,
      `${VALID}\n`,
      `${VALID}, ${VALID}`,
    ]) {
      assert.equal(parseTraceparent(header), undefined, JSON.stringify(header));
    }
  });

  it("is answered with one that is valid, whatever came", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constant(VALID), fc.constant(undefined)), (header) => {
        const trace = traceOf(header);
        const [, traceId, spanId] = ANSWERED.exec(toTraceparent(trace)) ?? [];
        assert.ok(traceId && spanId && spanId !== PARENT);
        assert.equal(parseTraceparent(toTraceparent(trace))?.traceId, trace.traceId);
        assert.equal(traceId === TRACE, header === VALID);
      }),
    );
  });
});

describe("a trace", () => {
  it("is named in every answer: a new one where none came, more than one, or one that is not valid", () =>
    withCompanion({}, async (companion) => {
      const answered = async (path: string, headers: Record<string, string>) => {
        const response = await fetch(companion.url + path, { headers });
        return ANSWERED.exec(response.headers.get("traceparent") ?? "") ?? [];
      };
      const auth = { authorization: `Bearer ${companion.token}` };
      assert.equal((await answered("/v1/agents", { ...auth, traceparent: VALID }))[1], TRACE);
      assert.equal((await answered("/healthz", { traceparent: VALID }))[1], TRACE);
      assert.equal((await answered("/v1/agents", { traceparent: VALID }))[1], TRACE, "refused");
      const fresh = new Set<string | undefined>();
      for (const traceparent of [undefined, "nonsense", `ff${VALID.slice(2)}`]) {
        const headers = traceparent === undefined ? auth : { ...auth, traceparent };
        fresh.add((await answered("/v1/agents", headers))[1]);
      }
      assert.equal(fresh.size, 3);
      assert.ok(!fresh.has(undefined) && !fresh.has(TRACE));
      const head = [
        "GET /healthz HTTP/1.1",
        `Host: 127.0.0.1:${companion.port}`,
        "Connection: close",
        `traceparent: ${VALID}`,
        `Traceparent: ${VALID}`,
      ];
      const twice = await rawRequest(companion.port, `${head.join("\r\n")}\r\n\r\n`);
      assert.match(twice, /^traceparent: 00-/im);
      assert.ok(!twice.includes(TRACE));
    }));

  it("stands in the log, the transactions and the exemplars of its turn, to the end and of no other", () =>
    withCompanion({ args: ["--slow-threshold", "0"] }, async (companion) => {
      const turns = await Promise.all(
        Array.from({ length: 4 }, async (_, index) => {
          const traceId = `${index + 1}`.repeat(32);
          // The first leaves at once: its turn goes on without it.
          return { traceId, sessionId: await ask(companion, traceId, index === 0) };
        }),
      );
      await turnsEnded(companion);
      const transactions = await listed(companion);
      for (const { traceId, sessionId } of turns) {
        const mine = transactions.filter(({ session_id }) => session_id === sessionId);
        assert.deepEqual([...new Set(mine.map(({ trace_id }) => trace_id))], [traceId]);
        assert.equal(mine[0]?.operation, "complete_turn");
        const lines = logLines(companion).filter((line) => line["session_id"] === sessionId);
        assert.ok(lines.length > 5);
        assert.ok(lines.every((line) => line["trace_id"] === traceId));
      }

      const open = await metricsOf(companion, "application/openmetrics-text; version=1.0.0");
      const exemplars = [
        ...open.matchAll(/^(\w+)\{([^}]*)\} \d+ # \{trace_id="(\w+)"\} (\S+) (\S+)$/gm),
      ];
      const names = new Set(exemplars.map(([, name = ""]) => name));
      assert.deepEqual([...names].toSorted(), [
        "chat_time_to_first_chunk_seconds_bucket",
        "sse_transaction_duration_seconds_bucket",
      ]);
      const known = new Set(turns.map(({ traceId }) => traceId));
      for (const [line, , labels = "", traceId = "", value, at] of exemplars) {
        assert.ok(known.has(traceId), line);
        const le = /le="([^"]+)"/.exec(labels)?.[1] ?? "";
        assert.ok(le === "+Inf" || Number(value) <= Number(le), line);
        assert.ok(Math.abs(Number(at) - Date.now() / 1000) < 60, line);
      }

      const plain = await metricsOf(companion, "text/plain");
      assert.ok(!plain.includes("trace_id"), "no exemplar in a form that has none");
      assert.ok(plain.split("\n").every((line) => line.startsWith("#") || !line.includes("#")));
    }));

  it("is not of what a companion does for all, though the first of its turns set it going", async () => {
    const database = await POSTGRES.create();
    try {
      await withCompanion({ args: ["--database", database.flag] }, async (companion) => {
        await ask(companion, "9".repeat(32), true, "A long answer, please.");
        for (;;) {
          const renewed = (await listed(companion)).find(
            ({ operation }) => operation === "renew_lease",
          );
          if (renewed) return assert.equal(renewed.trace_id, null);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      });
    } finally {
      await database.remove();
    }
  });
});

async function ask(
  companion: Companion,
  traceId: string,
  leaves: boolean,
  content = "Hello",
): Promise<string> {
  const response = await fetch(`${companion.url}/v1/messages/stream`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${companion.token}`,
      "content-type": "application/json",
      traceparent: `00-${traceId}-${PARENT}-01`,
    },
    body: JSON.stringify({ message: { type: "user_message", content } }),
  });
  let sessionId = "";
  for await (const chunk of chunksOf(response)) {
    sessionId = chunk.session_id;
    if (leaves) break;
  }
  return sessionId;
}

async function turnsEnded(companion: Companion): Promise<void> {
  for (;;) {
    const text = await metricsOf(companion, "text/plain");
    if (/^sse_turns_running 0$/m.test(text)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function listed(companion: Companion) {
  const response = await companion.request("GET", "/v1/transactions?limit=200");
  return TransactionList.parse(await response.json()).transactions;
}

async function metricsOf(companion: Companion, accept: string): Promise<string> {
  const headers = { accept, authorization: `Bearer ${companion.metricsToken}` };
  return await (await fetch(`${companion.url}/metrics`, { headers })).text();
}

function logLines(companion: Companion): Record<string, unknown>[] {
  return companion
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line): Record<string, unknown> => JSON.parse(line));
}

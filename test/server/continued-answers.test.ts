// A companion dies in mid-answer, nobody holds that answer, and another companion on the same
// Postgres has it continued: once, marked, nothing shown lost or said twice.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { sql } from "kysely";
import { followPeers } from "../../server/chat/upkeep/follow-peers.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { Conversation } from "../faults/support/conversation.ts";
import { answering, Lab, until } from "../faults/support/lab.ts";
import { startPacedUpstream } from "../faults/support/paced-upstream.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { logOf } from "../support/asking.ts";
import {
  CLIENT_TOOL,
  collect,
  FINISH,
  openChat,
  read,
  type Script,
  say,
  stall,
  type TestChat,
  text,
  transcript,
} from "../support/chat.ts";
import { newDataDir } from "../support/companion.ts";
import { POSTGRES } from "../support/engines.ts";

const SHORT = { words: 60, gap_ms: 20 };
/** Nobody comes to its end, however slow the machine is. */
const LONG = { words: 3_000, gap_ms: 20 };
const LEASE_MS = 5_000;
const TAKEN_WITHIN_MS = 2_000;

function wordsOf({ words }: { words: number }): string {
  return Array.from({ length: words }, (_, index) => `w${index} `).join("");
}

function marksIn(log: readonly StreamChunk[]): number {
  return log.filter((chunk) => metadataOf(chunk).state === "continued").length;
}

/** Companions on one Postgres, each on a data directory of its own. */
async function withLabs(
  count: number,
  body: (...labs: Lab[]) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  const database = await POSTGRES.create();
  const dirs = Array.from({ length: count }, newDataDir);
  const labs: Lab[] = [];
  try {
    for (const dataDir of dirs) {
      const lab = new Lab(await startPacedUpstream(), { database: database.flag, dataDir, args });
      labs.push(lab);
      await lab.start();
    }
    await body(...labs);
  } finally {
    for (const lab of labs) await lab.close();
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
    await database.remove();
  }
}

describe("an answer whose companion has died", function () {
  this.timeout(60_000);

  it("is continued by another one in time, once, and whole", () =>
    withLabs(3, async (first, second, third) => {
      assert.ok(first && second && third);
      let home = first;
      const begin = (wish: typeof SHORT) =>
        Array.from({ length: 3 }, () => {
          const conversation = new Conversation(wish);
          return { conversation, ended: conversation.run(() => home.where()) };
        });
      const short = begin(SHORT);
      const long = begin(LONG);
      const all = [...short, ...long].map(({ conversation }) => conversation);
      await until("words", answering(all));
      home = second;
      await first.kill();
      const killed = performance.now();
      const shown = new Map(all.map((one) => [one, one.cursor]));
      // The mark, and words.
      const goOn = () => all.every((one) => one.cursor > (shown.get(one) ?? 0) + 3);
      await until("words of the next companion", goOn);
      const silent = performance.now() - killed;
      assert.ok(silent < LEASE_MS + TAKEN_WITHIN_MS, `silent for ${silent} ms`);
      await Promise.all(short.map(({ ended }) => ended));
      for (const { conversation } of short) {
        assert.equal(conversation.final?.type, "done", JSON.stringify(conversation.final));
        assert.equal(conversation.text, wordsOf(SHORT));
        assert.equal(marksIn(await logOf(second.companion, conversation.sessionId ?? "")), 1);
      }

      // Whoever takes over may be any of those that are left.
      home = first;
      await first.start();
      await Promise.all([second.kill(), third.kill()]);
      await Promise.all(long.map(({ ended }) => ended));
      for (const { conversation } of long) {
        assert.equal(conversation.final?.metadata?.code, "server_restarted");
        assert.ok(wordsOf(LONG).startsWith(conversation.text));
        assert.equal(marksIn(await logOf(first.companion, conversation.sessionId ?? "")), 1);
      }
      await first.check(all, 2);
    }));

  it("is taken over when its lease ends, not at some look after it", async () => {
    const stalls: Script = async function* (_, signal) {
      yield text("It says ");
      await stall(signal);
    };
    const taken: number[] = [];
    const goesOn: Script = () => {
      taken.push(performance.now());
      return [text("hello"), FINISH];
    };
    const database = await POSTGRES.create();
    const dead = await openChat(database.source, stalls);
    const next = await openChat(database.source, goesOn);
    const following = followPeers(next.deps);
    try {
      const turns = await Promise.all(Array.from({ length: 6 }, () => say(dead.chat, "say it")));
      await Promise.all(turns.map(({ session_id }) => shown(dead, session_id, "It says ")));
      await dead.crash();
      // All over the time between two looks.
      const ends: number[] = [];
      for (const [n, { session_id }] of turns.entries()) {
        const left = 1_200 + n * 170;
        ends.push(performance.now() + left);
        await sql`update sessions set lease_expires_at =
          (extract(epoch from clock_timestamp()) * 1000)::bigint + ${left}::bigint
          where id = ${session_id}`.execute(next.database.writer);
      }
      await until("all to be taken over", () => taken.length === turns.length, 10);
      const late = taken.map((at, n) => Math.round(at - (ends[n] ?? at)));
      assert.ok(Math.max(...late) < 500, `${late.join()} ms after the leases' ends`);
    } finally {
      await following.stop();
      await next.close();
      await database.remove();
    }
  });

  it("is closed where that is turned off", () =>
    withLabs(
      2,
      async (first, second) => {
        assert.ok(first && second);
        let home = first;
        const conversation = new Conversation(LONG);
        const ended = conversation.run(() => home.where());
        await until("words", answering([conversation]));
        home = second;
        await first.kill();
        await ended;
        assert.equal(conversation.final?.metadata?.code, "server_restarted");
        assert.equal(marksIn(await logOf(second.companion, conversation.sessionId ?? "")), 0);
      },
      ["--continue-answers", "off"],
    ));

  it("has its calls run once", async () => {
    const calls: Script = async function* ({ messages }, signal) {
      if (messages.at(-1)?.role !== "tool") {
        yield { type: "tool_call", call_id: "c1", tool_name: CLIENT_TOOL.name, arguments: {} };
        yield { type: "finish", reason: "tool_calls", usage: undefined };
        return;
      }
      yield text("It says ");
      await stall(signal);
    };
    const goesOn: Script = () => [text("hello"), FINISH];
    const database = await POSTGRES.create();
    const dead = await openChat(database.source, calls);
    const next = await openChat(database.source, goesOn);
    const following = followPeers(next.deps);
    try {
      const turn = await say(dead.chat, "read it");
      const { session_id } = turn;
      await read(dead.chat, turn);
      const result = { type: "tool_result", call_id: "c1", result: "contents" } as const;
      await dead.chat.startTurn({ session_id, message: result });
      await until("the answer to the result", () => dead.requests.length === 2);
      await shown(dead, session_id, "It says ");
      await dead.crash();
      await sql`update sessions set lease_expires_at = lease_expires_at - 10000`.execute(
        next.database.writer,
      );
      const log = await collect(next.chat, session_id, { after: 0, until: "turn_end" });
      assert.deepEqual(transcript(log).slice(2), [
        "tool_call read_file",
        "status waiting",
        "tool_result contents",
        "assistant_message It says ",
        "status continued",
        "assistant_message hello",
        "done",
      ]);
      const [asked] = next.requests;
      assert.equal(asked?.begun, "It says ");
      assert.equal(asked?.messages.at(-1)?.content, "contents");
      assert.equal(next.requests.length, 1);
      const { messages } = await next.chat.listMessages(session_id);
      assert.equal(messages.at(-1)?.content, "It says hello");
    } finally {
      await following.stop();
      await next.close();
      await database.remove();
    }
  });
});

async function shown({ chat }: TestChat, sessionId: string, words: string): Promise<void> {
  const signal = new AbortController().signal;
  for await (const batch of chat.stream(sessionId, { after: 0, until: "left" }, signal)) {
    if (batch.some(({ chunk }) => chunk.token === words)) return;
  }
}

// The invariants that hold after every fault, whatever it was; one function for all of them.
import assert from "node:assert/strict";
import { type Address, Conversation, chunkOf } from "./conversation.ts";
import type { PacedUpstream } from "./paced-upstream.ts";
import { type StorageView, viewStorage } from "./storage-view.ts";

/** Columns of the table of results, with what each promises. */
export const INVARIANTS = {
  shown: "every frame that any client was shown is in the log, byte for byte",
  order: "each session's chunks are 1, 2, 3 … without a gap or a double",
  text: "each message is what its chunks say",
  ended: "each turn has exactly one end, and none is left running",
  once: "each message was stored once, whatever was sent again",
  readers:
    "each reader came to its turn's end, without a gap or a double on the way; one that failed says what was the matter",
  next: "the next message of the session is answered",
  intact: "the database finds nothing wrong with itself",
  alive: "the companion says it is ready",
  told: "while nothing could be stored, `/readyz` said 503 and why, the status bar the same, and 200 after",
} as const;
export type Invariant = keyof typeof INVARIANTS;

/** How many single things were checked, by invariant. */
export type Checks = Record<Invariant, number>;

export interface Aftermath {
  address: Address;
  /** A path or a postgres URL. */
  database: string;
  conversations: readonly Conversation[];
  upstream: PacedUpstream;
  /** Asks the next message of only so many sessions. */
  nextOf?: number;
}

/** Throws with the first thing that does not hold; returns how much was looked at. */
export async function assertInvariants(after: Aftermath): Promise<Checks> {
  const { address, conversations, database } = after;
  const view = viewStorage(database);
  try {
    const alive = await checkReady(address);
    const readers = checkReaders(conversations);
    const shown = await checkShown(address, conversations);
    const next = await checkNext(after);
    const ids = conversations.flatMap(({ sessionId }) => sessionId ?? []);
    const order = await checkOrder(view, ids);
    const text = await checkText(view, ids);
    const ended = await checkEnded(view, ids);
    const once = await checkOnce(view, conversations);
    assert.deepEqual(await view.integrity(), []);
    return { shown, order, text, ended, once, readers, next, intact: 1, alive, told: 0 };
  } finally {
    await view.close();
  }
}

async function checkReady(address: Address): Promise<number> {
  const response = await ask(address, "/readyz");
  const { ready } = (await response.json()) as { ready: boolean };
  assert.equal(ready, true, "ready after the fault");
  return 1;
}

function checkReaders(conversations: readonly Conversation[]): number {
  for (const { complaints, finals, sessionId, final } of conversations) {
    assert.deepEqual(complaints, [], `reader of ${sessionId}`);
    assert.equal(finals, 1, `${sessionId} ended with ${final?.type}`);
    assert.notEqual(final?.metadata?.["code"], "internal", `the end of ${sessionId} is explained`);
  }
  return conversations.length;
}

async function checkShown(
  address: Address,
  conversations: readonly Conversation[],
): Promise<number> {
  let frames = 0;
  for (const { sessionId, frames: shown } of conversations) {
    const response = await ask(address, `/v1/sessions/${sessionId}/stream?until=turn_end`);
    const log = new Map<number, string>();
    for (const block of (await response.text()).split("\n\n")) {
      if (block.startsWith("id: ")) log.set(chunkOf(block).seq, block);
    }
    for (const [seq, block] of shown) {
      assert.equal(log.get(seq), block, `chunk ${seq} of ${sessionId}`);
      frames++;
    }
  }
  return frames;
}

async function checkOrder(view: StorageView, ids: readonly string[]): Promise<number> {
  for (const id of ids) {
    const rows = await view.rows<{ seq: number | string }>(
      "select seq from chunks where session_id = ? order by seq",
      [id],
    );
    assert.deepEqual(
      rows.map(({ seq }) => Number(seq)),
      Array.from({ length: rows.length }, (_, index) => index + 1),
    );
    const [session] = await view.rows<{ last_seq: number | string }>(
      "select last_seq from sessions where id = ?",
      [id],
    );
    assert.equal(Number(session?.last_seq), rows.length, `last_seq of ${id}`);
  }
  return ids.length;
}

async function checkText(view: StorageView, ids: readonly string[]): Promise<number> {
  let messages = 0;
  for (const id of ids) {
    const said = new Map<string, string>();
    for (const { turn_id, payload } of await view.rows<{ turn_id: string; payload: string }>(
      "select turn_id, payload from chunks where session_id = ? and type = 'assistant_message' order by seq",
      [id],
    )) {
      const { token } = JSON.parse(payload) as { token: string };
      said.set(turn_id, (said.get(turn_id) ?? "") + token);
    }
    const stored = await view.rows<{ turn_id: string; content: string }>(
      "select turn_id, content from messages where session_id = ? and role = 'assistant'",
      [id],
    );
    assert.deepEqual(new Map(stored.map((row) => [row.turn_id, row.content])), said);
    messages += stored.length;
  }
  return messages;
}

async function checkEnded(view: StorageView, ids: readonly string[]): Promise<number> {
  let turns = 0;
  for (const id of ids) {
    const rows = await view.rows<{ id: string; status: string; ends: number | string }>(
      `select id, status, (select count(*) from chunks where chunks.turn_id = turns.id
       and chunks.type in ('done', 'error', 'interrupted')) as ends from turns where session_id = ?`,
      [id],
    );
    for (const { id: turn, status, ends } of rows) {
      assert.match(status, /^(done|error|interrupted)$/, `turn ${turn}`);
      assert.equal(Number(ends), 1, `ends of turn ${turn}`);
      turns++;
    }
  }
  return turns;
}

async function checkOnce(
  view: StorageView,
  conversations: readonly Conversation[],
): Promise<number> {
  for (const { requestId, turnId } of conversations) {
    const rows = await view.rows<{ turn_id: string; messages: number | string }>(
      `select turn_id, (select count(*) from messages where messages.turn_id = requests.turn_id
       and role = 'user') as messages from requests where request_id = ?`,
      [requestId],
    );
    assert.deepEqual(
      rows.map((row) => [row.turn_id, Number(row.messages)]),
      [[turnId, 1]],
    );
  }
  return conversations.length;
}

async function checkNext({ address, conversations, nextOf }: Aftermath): Promise<number> {
  const asked = conversations.slice(0, nextOf ?? conversations.length);
  await Promise.all(
    asked.map(async ({ sessionId }) => {
      const next = new Conversation({ words: 2, gap_ms: 1 }, sessionId);
      await next.run(() => Promise.resolve(address));
      assert.equal(next.final?.type, "done", `next of ${sessionId}: ${JSON.stringify(next.final)}`);
      assert.equal(next.text, "w0 w1 ");
    }),
  );
  return asked.length;
}

async function ask({ port, token }: Address, path: string): Promise<Response> {
  return await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
}

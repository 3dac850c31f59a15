// The companion is killed while chats change as a whole: an earlier message is edited, a chat is
// forked, chats come in from a file. Each is there whole or not at all, and nothing twice.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ENGINES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { Conversation } from "./support/conversation.ts";
import { type Lab, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";

const KILLS = FULL ? 25 : 2;
const CHATS = 4;
const TURNS = 3;
const WISH = { words: 4, gap_ms: 1 };

interface Answer {
  status: number;
  text: string;
}

/** Of the companion that is up; undefined where it died on the way. */
async function ask(
  lab: Lab,
  method: string,
  path: string,
  body?: { type: string; text: string },
): Promise<Answer | undefined> {
  const { port, token } = await lab.where();
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body && { "content-type": body.type }),
      },
      ...(body && { body: body.text }),
    });
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
}

async function read<T>(lab: Lab, path: string): Promise<T> {
  const answer = await ask(lab, "GET", path);
  assert.equal(answer?.status, 200, answer?.text);
  return JSON.parse(answer.text) as T;
}

/** A chat with some answers, each sent by a client of its own. */
async function talk(lab: Lab): Promise<Conversation[]> {
  const turns: Conversation[] = [];
  for (let n = 0; n < TURNS; n++) {
    const one = new Conversation({ ...WISH, words: WISH.words + n }, turns[0]?.sessionId);
    await one.run(lab.where);
    turns.push(one);
  }
  return turns;
}

const talkInAll = (lab: Lab): Promise<Conversation[][]> =>
  Promise.all(Array.from({ length: CHATS }, () => talk(lab)));

/** While `work` is under way, at whatever moment of it. */
async function killDuring(lab: Lab, longestMs: number, work: () => Promise<unknown>) {
  const working = work();
  await delay(Math.random() * longestMs);
  await lab.kill();
  await lab.start();
  await working;
}

const idOf = (turns: readonly Conversation[]): string => turns[0]?.sessionId ?? "";

const pick = (count: number): number => Math.floor(Math.random() * count);

interface Said {
  role: string;
  content: string;
  turn_id: string;
}

const saidIn = async (lab: Lab, id: string): Promise<Said[]> =>
  (await read<{ messages: Said[] }>(lab, `/v1/sessions/${id}/messages`)).messages;

async function checkEdits(lab: Lab, chats: Conversation[][]): Promise<Conversation[]> {
  const edits: { edit: Conversation; kept: Conversation[] }[] = [];
  await killDuring(lab, 250, () =>
    Promise.all(
      chats.map(async (turns) => {
        const from = pick(TURNS);
        const replaces = turns[from]?.turnId;
        const edit = new Conversation({ ...WISH, words: 30 }, idOf(turns), { replaces });
        edits.push({ edit, kept: turns.slice(0, from) });
        await delay(Math.random() * 50);
        await edit.run(lab.where);
      }),
    ),
  );
  for (const { edit, kept } of edits) {
    const said = await saidIn(lab, edit.sessionId ?? "");
    assert.deepEqual(
      said.filter(({ role }) => role === "user").map(({ turn_id }) => turn_id),
      [...kept, edit].map(({ turnId }) => turnId),
      "what was edited is there once, with what came before it and nothing after it",
    );
  }
  return edits.map(({ edit }) => edit);
}

async function sessionIds(lab: Lab): Promise<string[]> {
  const found: string[] = [];
  for (let cursor = ""; ; ) {
    const path = `/v1/sessions?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    const { sessions, next_cursor } = await read<{
      sessions: { id: string }[];
      next_cursor: string | null;
    }>(lab, path);
    found.push(...sessions.map(({ id }) => id));
    if (!next_cursor) return found;
    cursor = next_cursor;
  }
}

/** The contents of both in their order, which have no id. */
const contents = (said: readonly Said[]): string[] =>
  said.map((one) => `${one.role} ${one.content}`);

async function checkForks(lab: Lab, chats: Conversation[][]): Promise<Conversation[]> {
  const before = new Set(await sessionIds(lab));
  const logs = await Promise.all(chats.map((turns) => exported(lab, idOf(turns))));
  const asked = chats.map((turns) => {
    const last = pick(TURNS);
    const at_seq = turns[last]?.final?.seq ?? 0;
    return { id: idOf(turns), turns: last + 1, wish: { at_seq, request_id: randomUUID() } };
  });
  const fork = ({ id, wish }: (typeof asked)[number]) =>
    ask(lab, "POST", `/v1/sessions/${id}/fork`, {
      type: "application/json",
      text: JSON.stringify(wish),
    });
  await killDuring(lab, 30, () =>
    Promise.all(
      asked.map(async (one) => {
        await delay(Math.random() * 15);
        await fork(one);
      }),
    ),
  );
  const said: string[] = [];
  for (const one of [...asked, ...asked]) {
    const answer = await fork(one);
    assert.equal(answer?.status, 201, answer?.text);
    said.push((JSON.parse(answer.text) as { id: string }).id);
  }
  const made = (await sessionIds(lab)).filter((id) => !before.has(id));
  assert.equal(made.length, CHATS, "each is made once, however often it is asked for");
  assert.deepEqual(new Set(said), new Set(made));
  const wanted = await Promise.all(
    asked.map(async ({ id, turns }) =>
      contents(await saidIn(lab, id))
        .slice(0, 2 * turns)
        .join(),
    ),
  );
  for (const id of made) {
    const whole = contents(await saidIn(lab, id)).join();
    assert.ok(wanted.includes(whole), `a fork is no beginning of any chat: ${whole}`);
  }
  const after = await Promise.all(chats.map((turns) => exported(lab, idOf(turns))));
  assert.deepEqual(after, logs, "what was forked is as it was");
  const next = made.map((id) => new Conversation(WISH, id));
  await Promise.all(next.map((one) => one.run(lab.where)));
  return next;
}

async function exported(lab: Lab, id: string): Promise<string> {
  const answer = await ask(lab, "GET", `/v1/sessions/${id}/export`);
  assert.equal(answer?.status, 200, answer?.text);
  return answer.text;
}

interface Imported {
  complete: boolean;
  counts: Record<string, number>;
}

async function checkImport(lab: Lab, chats: Conversation[][]): Promise<Conversation[]> {
  const ids = chats.map(idOf);
  const files = await Promise.all(ids.map((id) => exported(lab, id)));
  const text = files.join("");
  for (const id of ids) {
    const gone = await ask(lab, "DELETE", `/v1/sessions/${id}?for_good=true`);
    assert.ok(gone && gone.status < 300, gone?.text);
  }
  const put = () => ask(lab, "POST", "/v1/import", { type: "application/jsonl", text });
  await killDuring(lab, 60, put);
  for (const added of [undefined, 0]) {
    const answer = await put();
    assert.equal(answer?.status, 200, answer?.text);
    const { complete, counts } = JSON.parse(answer.text) as Imported;
    assert.ok(complete);
    const { imported = 0, present = 0 } = counts;
    assert.equal(imported + present, ids.length, JSON.stringify(counts));
    if (added !== undefined) assert.equal(imported, added, "the same once more adds nothing");
  }
  assert.deepEqual(await Promise.all(ids.map((id) => exported(lab, id))), files);
  const next = ids.map((id) => new Conversation(WISH, id));
  await Promise.all(next.map((one) => one.run(lab.where)));
  assert.ok(next.every(({ final }) => final?.type === "done"));
  return next;
}

const FAULTS = {
  "kill -9, an earlier message edited": { does: "edits of earlier messages", check: checkEdits },
  "kill -9, chats forked": { does: "forks", check: checkForks },
  "kill -9, chats imported": { does: "imports", check: checkImport },
};

for (const engine of ENGINES) {
  describe(`chats that change as a whole on ${engine.engine}`, function () {
    this.timeout(FULL ? 900_000 : 120_000);

    for (const [fault, { does, check }] of Object.entries(FAULTS)) {
      it(`are whole and there once after ${does}, though the companion dies at ${KILLS} moments`, () =>
        withLab(engine, async (lab) => {
          for (let n = 0; n < KILLS; n++) {
            const chats = await talkInAll(lab);
            const changed = await check(lab, chats);
            if (check === checkEdits) {
              record(fault, engine.engine, await lab.check([...chats.flat(), ...changed], 2));
              continue;
            }
            // Their logs are small: runs of deltas are one chunk. Their words were compared.
            const checks = await lab.check(check === checkForks ? chats.flat() : [], 2);
            const { text, next, ...rest } = checks;
            const count = changed.length;
            record(fault, engine.engine, { ...rest, text: text + count, next: next + count });
          }
        }));
    }
  });
}

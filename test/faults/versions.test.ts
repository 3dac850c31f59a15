// The companion is killed while another version of a message is chosen, at whatever moment.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import { emptyLog } from "../../webview/turns/model.ts";
import { takeChunks } from "../../webview/turns/turns.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { ENGINES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { Conversation } from "./support/conversation.ts";
import { type Lab, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";

const KILLS = FULL ? 50 : 3;
const VERSIONS = 3;

async function ask(lab: Lab, path: string, body?: unknown): Promise<string> {
  const { port, token } = await lab.where();
  const response = await fetch(`http://127.0.0.1:${port}/v1/sessions/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

/** One chat whose only message is there in several versions. */
async function talk(lab: Lab): Promise<Conversation[]> {
  const made: Conversation[] = [];
  for (let n = 0; n < VERSIONS; n++) {
    const [first] = made;
    if (first) await ask(lab, `${first.sessionId}/rewind`, { turn_id: made.at(-1)?.turnId });
    const one = new Conversation({ words: 3 + n, gap_ms: 1 }, first?.sessionId);
    await one.run(lab.where);
    made.push(one);
  }
  return made;
}

async function logOf(lab: Lab, id: string): Promise<StreamChunk[]> {
  const text = await ask(lab, `${id}/stream?until=turn_end`);
  return text.split("\n").flatMap((line): StreamChunk[] => {
    return line.startsWith("data: ") ? [JSON.parse(line.slice(6))] : [];
  });
}

const choices = (log: readonly StreamChunk[]) =>
  log.filter((chunk) => metadataOf(chunk).state === "version_chosen").length;

for (const engine of ENGINES) {
  describe(`versions on ${engine.engine}`, function () {
    this.timeout(FULL ? 900_000 : 120_000);

    it(`are chosen once, though the companion dies by kill -9 at ${KILLS} moments`, () =>
      withLab(engine, async (lab) => {
        const versions = await talk(lab);
        const id = versions[0]?.sessionId ?? "";
        for (let n = 0; n < KILLS; n++) {
          const turn_id = versions[n % (VERSIONS - 1)]?.turnId;
          const choice = { turn_id, request_id: randomUUID() };
          const choose = () => ask(lab, `${id}/choose_version`, choice);
          const asked = choose().catch(() => undefined);
          await delay(Math.random() * 15);
          await lab.kill();
          await asked;
          await lab.start();
          await choose();
          await choose();
          const log = await logOf(lab, id);
          assert.equal(choices(log), n + 1, "it is chosen once, however often it is asked");
          const shown = takeChunks(emptyLog(id), log).turns.map((turn) => turn.id);
          assert.deepEqual(shown, [turn_id]);
          const { messages } = JSON.parse(await ask(lab, `${id}/messages`)) as {
            messages: { turn_id: string }[];
          };
          assert.deepEqual([...new Set(messages.map((one) => one.turn_id))], shown);
        }
        record("kill -9, a version chosen", engine.engine, await lab.check(versions, 1), KILLS);
      }));
  });
}

// The companion is killed while a person decides places of what a turn has changed in a file.
import assert from "node:assert/strict";
import type { OfferedTool } from "../../server/protocol/offers.ts";
import type { MessageList, PendingList } from "../../server/protocol/responses.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { logOf } from "../support/asking.ts";
import type { Companion } from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { WRITE } from "../support/tools.ts";
import { playsCalls, textOf } from "../support/upstream/openai-scripts.ts";
import { NOTHING_CHECKED, withKilled } from "./support/killed.ts";
import { record } from "./support/results.ts";

const KILLS = FULL ? 50 : 3;
const DECISIONS = ["keep", "undo", "open"] as const;
const TOOL: OfferedTool = { ...WRITE, rule: "allow" };
const CHANGED = { path: "src/a.ts", is_new: false, added: 60, removed: 60 };

const hunkOf = (n: number): string => `-${n},1+${n},1`;

async function post({ request }: Companion, path: string, body: object): Promise<string> {
  const answer = await request("POST", path, body);
  const text = await answer.text();
  assert.ok(answer.ok, `${answer.status} ${text}`);
  return text;
}

const say = (companion: Companion, body: object) =>
  post(companion, "/v1/messages/stream", { client_id: "window", tools: [TOOL], ...body });

/** A turn whose one call has changed many places of a file. */
async function changedTurn(companion: Companion) {
  const session = await (await companion.request("POST", "/v1/sessions", {})).json();
  const { id: session_id } = session as { id: string };
  await say(companion, { session_id, message: { type: "user_message", content: "Change it" } });
  const listed = await companion.request("GET", `/v1/sessions/${session_id}/pending`);
  const { call_id, turn_id } = ((await listed.json()) as PendingList).pending[0] ?? {};
  const result = { type: "tool_result", call_id, result: "Changed.", changed: CHANGED };
  await post(companion, "/v1/messages/stream", {
    session_id,
    client_id: "window",
    message: result,
  });
  return { session_id, turn_id: turn_id ?? "" };
}

for (const engine of ENGINES) {
  describe(`decisions on changes on ${engine.engine}`, function () {
    this.timeout(FULL ? 900_000 : 120_000);

    it(`are taken once, though the companion dies by kill -9 at ${KILLS} moments`, () => {
      const call = { name: TOOL.name, arguments: { path: CHANGED.path, content: "" } };
      const script = playsCalls((question) => (question === "Change it" ? [call] : []));
      return withKilled(engine, script, async ({ companion, asked, killDuring }) => {
        const { session_id, turn_id } = await changedTurn(companion());
        const decided: Record<string, string> = {};
        for (let n = 0; n < KILLS; n++) {
          // Every third takes back what was said of a place before.
          const decision = DECISIONS[n % DECISIONS.length] ?? "open";
          const hunk = hunkOf(decision === "open" ? n - 1 : n);
          const word = {
            path: CHANGED.path,
            decision,
            hunks: [hunk],
            open: 1,
            added: 1,
            removed: 1,
          };
          const decide = (one: Companion) =>
            post(one, `/v1/sessions/${session_id}/turns/${turn_id}/changes`, word);
          await killDuring(Math.random() * 15, decide);
          await decide(companion());
          await decide(companion());
          if (decision === "open") delete decided[hunk];
          else decided[hunk] = decision;
          const told = (await logOf(companion(), session_id))
            .map(metadataOf)
            .filter(({ state }) => state === "change_decided");
          assert.equal(told.length, n + 1, "it is decided once, however often it is said");
          assert.deepEqual([told.at(-1)?.decision, told.at(-1)?.hunks], [decision, [hunk]]);
          const path = `/v1/sessions/${session_id}/messages`;
          const { messages } = (await (
            await companion().request("GET", path)
          ).json()) as MessageList;
          assert.deepEqual(
            messages.find(({ role }) => role === "tool")?.metadata["decided"],
            decided,
          );
          const message = { type: "user_message", content: "And now?" };
          await say(companion(), { session_id, message });
          const body = asked.at(-1)?.body as { messages: { role: string; content: unknown }[] };
          const undone = Object.values(decided).filter((one) => one === "undo").length;
          const result = textOf(body.messages.find(({ role }) => role === "tool")?.content);
          assert.equal(/undone/.test(result), undone > 0, result);
          const checks = { ...NOTHING_CHECKED, once: 1, text: 1, next: 1 };
          record("kill -9, places of a change decided", engine.engine, checks);
        }
      });
    });
  });
}

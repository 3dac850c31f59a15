// The companion is killed while a person makes a rule of a call, at whatever moment.
import assert from "node:assert/strict";
import type { ApprovalRuleList } from "../../server/protocol/approvals.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import type { PendingList } from "../../server/protocol/responses.ts";
import { metadataOf } from "../support/any-chunk.ts";
import { logOf, until } from "../support/asking.ts";
import type { Companion } from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { EXECUTE } from "../support/tools.ts";
import { playsCalls } from "../support/upstream/openai-scripts.ts";
import { NOTHING_CHECKED, withKilled } from "./support/killed.ts";
import { record } from "./support/results.ts";

const KILLS = FULL ? 50 : 3;
/** Looked at here are the rule, which is there once, and the next call, which it allows. */
const RULE = { type: "command_prefix", pattern: "npm test" } as const;

/** Asks for a call, and resolves with its session once that is judged. */
async function askIn(companion: Companion, workspace: string): Promise<string> {
  const { request } = companion;
  const session = await request("POST", "/v1/sessions", {});
  const { id } = (await session.json()) as { id: string };
  const message = { type: "user_message", content: "Do it" };
  const body = { session_id: id, workspace, client_id: "window", tools: [EXECUTE], message };
  const answer = await request("POST", "/v1/messages/stream", body);
  assert.equal(answer.status, 200, await answer.clone().text());
  await answer.text();
  return id;
}

async function decide({ request }: Companion, session_id: string, call_id: string) {
  const message = { type: "tool_decision", call_id, decision: "approve", remember: RULE };
  const answer = await request("POST", "/v1/messages/stream", { session_id, message });
  assert.equal(answer.status, 200, await answer.clone().text());
  await answer.body?.cancel();
}

for (const engine of ENGINES) {
  describe(`rules on ${engine.engine}`, function () {
    this.timeout(FULL ? 900_000 : 120_000);

    it(`are made once, though the companion dies by kill -9 at ${KILLS} moments`, () => {
      const calls = [{ name: EXECUTE.name, arguments: { command: "npm test" } }];
      return withKilled(
        engine,
        playsCalls(() => calls),
        async ({ companion, killDuring }) => {
          for (let n = 0; n < KILLS; n++) {
            const workspace = `/project-${n}`;
            const session = await askIn(companion(), workspace);
            const listed = await companion().request("GET", `/v1/sessions/${session}/pending`);
            const { pending } = (await listed.json()) as PendingList;
            const callId = pending[0]?.call_id ?? "";
            await killDuring(Math.random() * 30, (one) => decide(one, session, callId));
            const again = companion();
            await decide(again, session, callId);
            await decide(again, session, callId);
            const path = `/v1/approval_rules?workspace=${encodeURIComponent(workspace)}`;
            const rules = (await (await again.request("GET", path)).json()) as ApprovalRuleList;
            assert.deepEqual(
              rules.rules.map(({ type, pattern }) => ({ type, pattern })),
              [RULE],
            );
            const states = (chunks: readonly StreamChunk[]) =>
              chunks.filter((chunk) => metadataOf(chunk).state === "rule_allowed").length;
            await again.request("POST", `/v1/sessions/${session}/cancel`, {});
            assert.equal(states(await logOf(again, session)), 1);
            const next = await askIn(again, workspace);
            await again.request("POST", `/v1/sessions/${next}/cancel`, {});
            const log = await until("the end", async () => {
              const chunks = await logOf(again, next);
              return chunks.at(-1)?.is_final === true && chunks;
            });
            const told = log.map((chunk) => metadataOf(chunk).allowed_by).filter(Boolean);
            assert.deepEqual(told, [{ by: "rule", rules: [RULE] }]);
            const checks = { ...NOTHING_CHECKED, once: 1, next: 1 };
            record("kill -9, a rule made of a call", engine.engine, checks);
          }
        },
      );
    });
  });
}

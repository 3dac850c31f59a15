// A look at a database of very many chats.
import assert from "node:assert/strict";
import { tamper } from "../support/damage.ts";
import { reportOn, withStoredChats } from "../support/doctor.ts";

describe("a doctor of very many chats", function () {
  this.timeout(120_000);

  it("looks at each of 40,000 chats once, not at all for each of them", () =>
    withStoredChats(async ({ dataDir, path }) => {
      const ids = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
        select 'chat ' || i`;
      tamper(
        path,
        `insert into sessions (id, title, agent_type, created_at, updated_at, last_seq, lease_fence)
           ${ids}, '', 'universal', 0, 0, 1, 0 from n;
         insert into settled_chunks (session_id, seq, type, payload)
           ${ids}, 1, 'session_info', '{}' from n`,
      );
      const started = performance.now();
      const { report } = await reportOn(dataDir);
      assert.deepEqual(report.findings, []);
      assert.equal(report.counts?.sessions, 40_003);
      // Some 3 s; with each looked for among all of them 70.
      assert.ok(performance.now() - started < 30_000);
    }));
});

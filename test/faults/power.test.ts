// The power goes: everything that was written but not synced is there in parts, or not at all.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import SQLite from "better-sqlite3";
import { SQLITE } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { type Conversation, chunkOf } from "./support/conversation.ts";
import { buildDiskFaults } from "./support/disk-faults.ts";
import { withLab } from "./support/lab.ts";
import { cutPower, readRecording } from "./support/power-cut.ts";
import { record } from "./support/results.ts";

const CUTS = FULL ? 400 : 25;

describe("the power", function () {
  this.timeout(FULL ? 900_000 : 120_000);

  for (const durability of ["full", "balanced"] as const) {
    it(`goes at ${CUTS} moments, with durability ${durability}`, async function () {
      const faults = buildDiskFaults({ record: true });
      if (!faults) return this.skip();
      try {
        await withLab(
          SQLITE,
          async (lab) => {
            const startedNs = process.hrtime.bigint();
            const { conversations, ended } = lab.talk(20, { words: 150, gap_ms: 5 });
            await ended;
            const endedNs = process.hrtime.bigint();
            const checks = await lab.check(conversations, 5);
            const operations = readRecording(faults.recording);
            assert.ok(operations.some(({ kind }) => kind === "sync"));
            const promised = durability === "full";
            let kept = 0;
            for (let n = 0; n < CUTS; n++) {
              const spread = BigInt(Math.floor(Math.random() * Number(endedNs - startedNs)));
              const cutNs = startedNs + spread;
              kept += await looksAfter(cutNs, operations, conversations, promised);
            }
            assert.ok(kept > 0);
            const what = promised ? "" : ", balanced: a tail may be lost, but no gap";
            record(
              `power cut${what}`,
              "sqlite",
              { ...checks, shown: kept, order: CUTS * conversations.length, intact: CUTS },
              CUTS,
            );
          },
          { env: faults.env, args: ["--durability", durability] },
        );
      } finally {
        faults.remove();
      }
    });
  }
});

/** How many shown chunks were still there; with `promised` it throws when one is not. */
async function looksAfter(
  cutNs: bigint,
  operations: ReturnType<typeof readRecording>,
  conversations: readonly Conversation[],
  promised: boolean,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-cut-"));
  try {
    cutPower(operations, cutNs, folder);
    const file = new SQLite(join(folder, "streamkeeper.db"));
    try {
      assert.deepEqual(file.pragma("integrity_check"), [{ integrity_check: "ok" }]);
      const payloads = file.prepare<[string], { seq: number; payload: string }>(
        "select seq, payload from chunks where session_id = ? order by seq",
      );
      let kept = 0;
      for (const { sessionId, frames, shownAt } of conversations) {
        const stored = payloads.all(sessionId ?? "");
        assert.deepEqual(
          stored.map(({ seq }) => seq),
          stored.map((_, index) => index + 1),
        );
        for (const [seq, at] of shownAt) {
          if (at > cutNs) continue;
          const row = stored[seq - 1];
          if (promised)
            assert.ok(row, `chunk ${seq} of ${sessionId} was shown before the power went`);
          if (!row) continue;
          const shown = chunkOf(frames.get(seq) ?? "");
          const { token } = JSON.parse(row.payload) as { token?: string };
          assert.equal(token, shown.token);
          kept++;
        }
      }
      return kept;
    } finally {
      file.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

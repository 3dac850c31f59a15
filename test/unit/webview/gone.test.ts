// A log that went back: nothing that a reader has seen is silently replaced.
import assert from "node:assert/strict";
import type { StreamChunk } from "../../../server/protocol/chunks.ts";
import type { LogReset } from "../../../server/protocol/stream-events.ts";
import { resetLog } from "../../../webview/turns/gone.ts";
import { answerText, emptyLog } from "../../../webview/turns/model.ts";
import { takeChunks } from "../../../webview/turns/turns.ts";

const base = { session_id: "s", is_final: false } as const;
const info: StreamChunk = { ...base, seq: 1, type: "session_info", metadata: {} };
const turn = (turn_id: string, from: number, tokens: string[], last = "done"): StreamChunk[] => [
  { ...base, turn_id, seq: from, type: "user_message", content: `${turn_id}?` },
  ...tokens.map(
    (token, index): StreamChunk => ({
      ...base,
      turn_id,
      seq: from + 1 + index,
      type: "assistant_message",
      token,
    }),
  ),
  {
    ...base,
    turn_id,
    seq: from + 1 + tokens.length,
    type: last === "done" ? "done" : "interrupted",
    is_final: true,
  },
];
const reset = (more: Partial<LogReset>): LogReset => ({
  type: "log_reset",
  session_id: "s",
  epoch: "e",
  reason: "epoch",
  seen: 0,
  last_seq: 0,
  resume_after: 0,
  ...more,
});

describe("a log that went back, on the screen", () => {
  const old = takeChunks(emptyLog("s"), [
    info,
    ...turn("a", 2, ["One.", " Two."]),
    ...turn("b", 6, ["Three.", " Four."]),
  ]);

  it("keeps the turns that are gone, and counts their chunks", () => {
    const again = resetLog(old, reset({ seen: 9, last_seq: 5, resume_after: 5 }));
    assert.equal(again.gone, null, "not before all is here again");
    const now = takeChunks(again, [info, ...turn("a", 2, ["One.", " Two."])]);
    assert.deepEqual(
      now.turns.map(({ id }) => id),
      ["a"],
    );
    assert.deepEqual([now.gone?.count, now.gone?.afterTurnId], [4, "a"]);
    assert.deepEqual(now.gone?.turns.map(answerText), ["Three. Four."]);
    const later = takeChunks(now, turn("c", 6, ["Other."]));
    assert.deepEqual(later.turns.map(answerText), ["One. Two.", "Other."]);
    assert.equal(later.gone, now.gone);
  });

  it("keeps the longer text of an answer that is there in part", () => {
    const again = resetLog(old, reset({ seen: 9, last_seq: 8, resume_after: 7 }));
    const now = takeChunks(again, [
      info,
      ...turn("a", 2, ["One.", " Two."]),
      ...turn("b", 6, ["Three."], "interrupted"),
    ]);
    assert.deepEqual(now.turns.map(answerText), ["One. Two.", "Three."]);
    assert.deepEqual(now.gone?.turns.map(answerText), ["Three. Four."]);
    assert.equal(now.gone?.count, 2);
  });

  it("says nothing where nothing is gone, and all where nothing is left", () => {
    const whole = resetLog(old, reset({ seen: 9, last_seq: 9, resume_after: 9 }));
    const same = takeChunks(whole, [
      info,
      ...turn("a", 2, ["One.", " Two."]),
      ...turn("b", 6, ["Three.", " Four."]),
    ]);
    assert.equal(same.gone, null);
    const empty = resetLog(old, reset({ seen: 9, last_seq: 0 }));
    assert.deepEqual([empty.gone?.turns.length, empty.gone?.count], [2, 8]);
    assert.deepEqual(empty.turns, []);
  });
});

import assert from "node:assert/strict";
import type { Session } from "../../../server/protocol/responses.ts";
import type { Queue } from "../../../server/protocol/stream-events.ts";
import { type AppMessage, type AppState, type Outgoing } from "../../../webview/state/model.ts";
import { canStop, chosenModel, isBusy, isLoading } from "../../../webview/state/selectors.ts";
import { INITIAL, reduce } from "../../../webview/state/state.ts";

const session: Session = {
  id: "s1",
  title: "New chat",
  agent_type: "ask",
  model: "demo/demo",
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  last_seq: 4,
  turn: null,
};
const outgoing: Outgoing = {
  request_id: "r1",
  content: "hello",
  context: [],
  state: "sending",
  error: null,
};
const chunk = (seq: number, type: "user_message" | "assistant_message" | "done", fields = {}) =>
  ({ type, seq, session_id: "s1", turn_id: "t1", is_final: type === "done", ...fields }) as const;
const question = chunk(1, "user_message", { content: "hello", metadata: { request_id: "r1" } });

function after(...messages: AppMessage[]): AppState {
  return messages.reduce(reduce, INITIAL);
}

describe("the state of the app", () => {
  it("takes the draft away when it is sent and gives it back when it is refused", () => {
    const error = { code: "session_busy", message: "busy" };
    const sent = after({ type: "draft", text: "hello" }, { type: "send", outgoing, written: true });
    assert.equal(sent.draft, "");
    const refused = reduce(sent, { type: "send_state", requestId: "r1", state: "refused", error });
    assert.equal(isBusy(refused), false);
    const back = reduce(refused, { type: "send_dropped" });
    assert.equal(back.draft, "hello");
    assert.equal(back.outgoing, null);
  });

  it("keeps what was typed in the meantime behind what comes back", () => {
    const state = after(
      { type: "send", outgoing, written: true },
      { type: "draft", text: "and more" },
      { type: "send_dropped" },
    );
    assert.equal(state.draft, "hello\nand more");
  });

  it("is done with sending when the message comes back as a chunk", () => {
    const state = after(
      { type: "created", session },
      { type: "choose", model: "openai/gpt" },
      { type: "send", outgoing, written: true },
      { type: "chunks", chunks: [question] },
    );
    assert.equal(state.outgoing, null);
    assert.equal(chosenModel(state), "openai/gpt");
    assert.equal(isBusy(state), true);
    assert.equal(canStop(state), true);
  });

  it("knows of what waits what the companion says, and drops what has come back as a chunk", () => {
    const message = {
      id: "r1",
      version: 1,
      content: "hello",
      steers: false,
      created_at: session.created_at,
    };
    const queue: Queue = { type: "queue", session_id: "s1", messages: [message] };
    const sent: AppMessage[] = [
      { type: "created", session },
      { type: "send", outgoing: { ...outgoing, when_busy: "queue" }, written: true },
    ];
    const told: AppMessage[] = [
      { type: "queued", message },
      { type: "queue", queue },
    ];
    for (const one of told) {
      const state = after(...sent, one);
      assert.equal(state.outgoing, null);
      assert.deepEqual(state.queue, [message]);
      const arrived = reduce(state, { type: "chunks", chunks: [question] });
      assert.deepEqual(arrived.queue, []);
      // Told late, it does not come back.
      assert.deepEqual(reduce(arrived, { type: "queue", queue }).queue, []);
      assert.deepEqual(reduce(state, { type: "opened", sessionId: "s2" }).queue, []);
    }
    const elsewhere = { ...queue, session_id: "s2" };
    assert.deepEqual(after(...sent, { type: "queue", queue: elsewhere }).queue, []);
  });

  it("ignores what becomes of a message that is not shown any more", () => {
    const state = after(
      { type: "send", outgoing, written: true },
      { type: "opened", sessionId: "s2" },
    );
    const error = { code: "internal", message: "x" };
    assert.equal(
      reduce(state, { type: "send_state", requestId: "r1", state: "refused", error }),
      state,
    );
  });

  it("waits for the history that was there when the chat was opened, and for no more", () => {
    const opened = after({ type: "opened", sessionId: "s1" }, { type: "session_facts", session });
    assert.equal(isLoading(opened), true);
    const chunks = [
      question,
      chunk(2, "assistant_message"),
      chunk(3, "assistant_message"),
      chunk(4, "done"),
    ];
    const loaded = reduce(opened, { type: "chunks", chunks });
    assert.equal(isLoading(loaded), false);
    const later = reduce(loaded, { type: "session_facts", session: { ...session, last_seq: 9 } });
    assert.equal(isLoading(later), false);
  });

  it("forgets that it is stopping when the turn is over", () => {
    const state = after(
      { type: "created", session },
      { type: "chunks", chunks: [question] },
      { type: "stopping", stopping: true },
    );
    assert.equal(canStop(state), false);
    const chunks = [chunk(2, "done")];
    assert.equal(reduce(state, { type: "chunks", chunks }).stopping, false);
  });

  it("shows no answer to an older search", () => {
    const { place } = after().sessions;
    const state = after(
      { type: "search", query: "new" },
      { type: "sessions", query: "old", place, items: [session], cursor: null, pinned: [] },
    );
    assert.deepEqual(state.sessions.items, []);
    // Nor one to what another list was asked.
    const elsewhere = after(
      { type: "show_place", place: { archived: true } },
      { type: "sessions", query: "", place, items: [session], cursor: null, pinned: [] },
    );
    assert.deepEqual(elsewhere.sessions.items, []);
  });
});

// A message on its way, against a companion that breaks off or refuses.
import assert from "node:assert/strict";
import { MessageRequest } from "../../../server/protocol/requests.ts";
import { createSending } from "../../../webview/state/sending.ts";
import { createStore } from "../../../webview/state/store.ts";
import { EN } from "../../../webview/strings/en.ts";
import { CallFailure, type Transport } from "../../../webview/transport/transport.ts";

const nothing = (): void => {};

/** Each message is answered by the next of `failures`; `sent` are the messages. */
function failing(failures: CallFailure[]): { transport: Transport; sent: MessageRequest[] } {
  const sent: MessageRequest[] = [];
  const transport: Transport = {
    start: nothing,
    call(name, params) {
      assert.equal(name, "send_message");
      sent.push(MessageRequest.parse(params));
      return Promise.reject(failures.shift() ?? new Error("too many"));
    },
    subscribe: () => nothing,
    retryNow: nothing,
    readSaved: () => ({ session_id: null, drafts: {} }),
    save: nothing,
    showState: nothing,
    copy: nothing,
    openLink: nothing,
    editor: undefined,
    keys: undefined,
    link: undefined,
  };
  return { transport, sent };
}

const broken = new CallFailure({ code: "connection_failed", message: "gone" }, true);
const refused = new CallFailure({ code: "model_unknown", message: "no such model" }, false);

describe("a message that is sent again", () => {
  it("is the same one, whatever was chosen meanwhile: it may be stored; refused it goes with the new choice", async () => {
    const { transport, sent } = failing([broken, refused, broken]);
    const store = createStore();
    const sending = createSending({ store, transport, text: EN, onCreated: nothing });
    store.dispatch({ type: "connection", connection: { state: "ready" } });
    store.dispatch({ type: "opened", sessionId: "s" });
    store.dispatch({ type: "choose", model: "demo/demo", agent: "ask" });
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    sending.sendText("hello");
    await settle();
    assert.equal(store.get().outgoing?.state, "held");
    store.dispatch({ type: "choose", model: "openai/gpt", agent: "coder" });
    sending.resume();
    await settle();
    assert.equal(store.get().outgoing?.state, "refused");
    sending.resume();
    await settle();
    assert.deepEqual(
      sent.map(({ model, agent_type }) => [model, agent_type]),
      [
        ["demo/demo", "ask"],
        ["demo/demo", "ask"],
        ["openai/gpt", "coder"],
      ],
    );
    assert.equal(new Set(sent.map(({ request_id }) => request_id)).size, 1);
    // Held again it stays as it went the last time.
    const { model } = store.get().outgoing ?? {};
    assert.equal(model, "openai/gpt");
    store.dispatch({ type: "choose", model: "demo/demo" });
    const arrived = {
      type: "user_message",
      seq: 1,
      session_id: "s",
      turn_id: "t",
      is_final: false,
      content: "hello",
      metadata: { request_id: sent[0]?.request_id ?? "" },
    } as const;
    store.dispatch({ type: "chunks", chunks: [arrived] });
    assert.equal(store.get().outgoing, null);
    assert.deepEqual(store.get().chosen, { model: "demo/demo", agent: null });
  });
});

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import fc from "fast-check";
import {
  type ChatRelay,
  createChatRelay,
  type HostMessage,
} from "../../../extension/chat/chat-relay.ts";
import { Problem } from "../../../extension/problem.ts";
import type { StreamChunk } from "../../../server/protocol/chunks.ts";
import { ToWebview } from "../../../webview/messages.ts";

interface Setup {
  relay: ChatRelay;
  posted: ToWebview[];
  host: HostMessage[];
  calls: { name: string; params: unknown }[];
  /** Feeds the stream of the newest subscription. */
  readonly say: (...seqs: number[]) => void;
  readonly fail: (problem: Problem) => void;
  readonly isOpen: () => boolean;
  readonly next: () => Promise<void>;
}

function setup(options: { model?: string; workspace?: string; answer?: unknown } = {}): Setup {
  const events = new EventEmitter();
  const posted: ToWebview[] = [];
  const host: HostMessage[] = [];
  const calls: Setup["calls"] = [];
  let open = 0;
  let warnings = 0;
  const relay = createChatRelay({
    client: {
      call: async (name, params) => {
        calls.push({ name, params });
        if (options.answer instanceof Problem) throw options.answer;
        return options.answer as never;
      },
      async *stream(_session, _after, signal) {
        open++;
        try {
          for (;;) {
            const [given] = (await once(events, "chunks", { signal })) as [StreamChunk[] | Problem];
            if (given instanceof Problem) throw given;
            yield given;
          }
        } catch (thrown) {
          if (!signal.aborted) throw thrown;
        } finally {
          open--;
        }
      },
    },
    post(message) {
      posted.push(ToWebview.parse(message));
      events.emit("posted");
    },
    preferredModel: () => options.model,
    offer: async () => (options.workspace === undefined ? {} : { workspace: options.workspace }),
    offerFor: async () => ({}),
    withPrompt: async (message) => message,
    withEdits: (_sessionId, message) => message,
    onSent() {},
    onQueued() {},
    onOpened() {},
    explain: (thrown) => ({ code: (thrown as Problem).code, message: (thrown as Problem).message }),
    onHostMessage: (message) => void host.push(message),
    log: { warn: () => void warnings++ },
  });
  return {
    relay,
    posted,
    host,
    calls,
    say: (...seqs) =>
      void events.emit(
        "chunks",
        seqs.map((seq) => ({
          type: "assistant_message",
          seq,
          session_id: "s1",
          is_final: false,
          token: "x",
        })),
      ),
    fail: (problem) => void events.emit("chunks", problem),
    isOpen: () => open > 0,
    next: async () => void (await once(events, "posted")),
  };
}

const subscribe = { type: "subscribe", subscription: 1, session_id: "s1", after: 0 };
const seqsOf = (posted: ToWebview[]) =>
  posted.map((message) =>
    message.type === "chunks" ? message.chunks.map(({ seq }) => seq) : message.type,
  );
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("relay between page and companion", () => {
  it("passes the first chunk on at once, and what follows within a frame together", async () => {
    const { relay, posted, say, next } = setup();
    relay.receive(subscribe);
    await turn();
    say(1);
    await turn();
    assert.deepEqual(seqsOf(posted), [[1]]);
    for (const seq of [2, 3, 4]) {
      say(seq);
      await turn();
    }
    await next();
    assert.deepEqual(seqsOf(posted), [[1], [2, 3, 4]]);
    relay.reset();
  });

  it("ends a stream that is left, and posts nothing of it any more", async () => {
    const { relay, posted, say, isOpen } = setup();
    relay.receive(subscribe);
    await turn();
    say(1);
    await turn();
    say(2);
    await turn();
    relay.receive({ type: "unsubscribe", subscription: 1 });
    await turn();
    assert.equal(isOpen(), false);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(seqsOf(posted), [[1]]);
  });

  it("ends all streams when the page is gone", async () => {
    const { relay, isOpen } = setup();
    relay.receive(subscribe);
    relay.receive({ ...subscribe, subscription: 2 });
    await turn();
    assert.ok(isOpen());
    relay.reset();
    await turn();
    assert.equal(isOpen(), false);
  });

  it("says why a stream failed, after what came before it", async () => {
    const { relay, posted, say, fail } = setup();
    relay.receive(subscribe);
    await turn();
    say(1);
    await turn();
    say(2);
    await turn();
    fail(Problem.answered("not_found", "gone", undefined));
    await turn();
    assert.deepEqual(seqsOf(posted), [[1], [2], "stream_failed"]);
  });

  it("answers calls, and failures with their code", async () => {
    const good = setup({ answer: { agents: [], default: "a" } });
    good.relay.receive({ type: "call", id: 7, name: "list_agents", params: {} });
    await turn();
    assert.deepEqual(good.posted, [
      { type: "result", id: 7, ok: true, value: { agents: [], default: "a" } },
    ]);
    const bad = setup({ answer: Problem.answered("draining", "wait", undefined) });
    bad.relay.receive({ type: "call", id: 8, name: "get_ready", params: {} });
    await turn();
    assert.deepEqual(bad.posted, [
      { type: "failure", id: 8, error: { code: "draining", message: "wait" } },
    ]);
  });

  it("says which of the workspaces is the window's own", async () => {
    const answer = { workspaces: ["/a", "/b"] };
    const { relay, posted } = setup({ answer, workspace: "/b" });
    relay.receive({ type: "call", id: 1, name: "list_workspaces", params: {} });
    await turn();
    assert.deepEqual(posted, [
      { type: "result", id: 1, ok: true, value: { ...answer, here: "/b" } },
    ]);
  });

  it("refuses params of another form before anything is sent", async () => {
    const { relay, posted, calls } = setup();
    relay.receive({ type: "call", id: 1, name: "get_session", params: { session_id: "../x" } });
    await turn();
    assert.equal(calls.length, 0);
    assert.equal(posted[0]?.type === "failure" && posted[0].error.code, "invalid_request");
  });

  it("begins chats with the model of the settings, and lists it as the default", async () => {
    const { relay, calls } = setup({ model: "ollama/qwen3" });
    const message = { type: "user_message", content: "hi" };
    const send = (params: object) =>
      relay.receive({ type: "call", id: 1, name: "send_message", params });
    send({ message });
    send({ message, model: "demo/demo" });
    send({ message, session_id: "s1" });
    await turn();
    assert.deepEqual(
      calls.map(({ params }) => (params as { model?: string }).model),
      ["ollama/qwen3", "demo/demo", undefined],
    );
    const model = {
      object: "model",
      created: 0,
      owned_by: "x",
      name: "x",
      available: true,
      demo: false,
      context_window: 128_000,
    };
    const data = [
      { ...model, id: "demo/demo" },
      { ...model, id: "ollama/qwen3" },
    ];
    const list = setup({
      model: "ollama/qwen3",
      answer: { object: "list", data, default: "demo/demo", offers: [] },
    });
    list.relay.receive({ type: "call", id: 1, name: "list_models", params: {} });
    await turn();
    const [result] = list.posted;
    assert.ok(result?.type === "result");
    assert.equal((result.value as { default: string }).default, "ollama/qwen3");
  });

  it("ignores whatever is not a message of the contract", () => {
    const { relay, posted, host, calls } = setup();
    fc.assert(fc.property(fc.anything(), (raw) => relay.receive(raw)));
    relay.receive({ type: "host_command", command: "workbench.action.terminal.new" });
    relay.receive({ type: "call", id: 1, name: "drop_tables", params: {} });
    relay.receive({ type: "subscribe", subscription: 1, session_id: "a\r\nb", after: 0 });
    relay.receive({ type: "ready", extra: true });
    assert.deepEqual([posted, host, calls], [[], [], []]);
    relay.receive({ type: "host_command", command: "show_log" });
    assert.deepEqual(host, [{ type: "host_command", command: "show_log" }]);
  });
});

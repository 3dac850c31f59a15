// Who runs which call when, against a companion that is played: what the real one
// does is tried elsewhere.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { Problem } from "../../../extension/problem.ts";
import { ToolRunner, type ToolRunnerDeps } from "../../../extension/tools/tool-runner.ts";
import type { StreamChunk } from "../../../server/protocol/chunks.ts";
import type { PendingCall } from "../../../server/protocol/responses.ts";
import type { OutputRequest } from "../../../server/protocol/served-requests.ts";

const SESSION = "s";

interface Played {
  runner: ToolRunner;
  events: string[];
  /** What the session waits for from now on. */
  waitFor(...calls: Partial<PendingCall>[]): void;
  say(...chunks: Partial<StreamChunk>[]): void;
  /** The next question for what waits is answered with this. */
  failOnce(problem: Problem): void;
  reached(event: string): Promise<void>;
}

function play(
  run: (...args: Parameters<ToolRunnerDeps["run"]>) => Promise<string>,
  { status = "waiting", ...more }: { status?: string; workspace?: undefined } = {},
): Played {
  const bus = new EventEmitter();
  const events: string[] = [];
  const note = (event: string): void => {
    events.push(event);
    bus.emit("event");
  };
  let pending: PendingCall[] = [];
  let problem: Problem | undefined;
  let seq = 0;
  const client = {
    async call(name: string, params: { message?: { call_id?: string } }) {
      if (name === "get_session") return { last_seq: seq, turn: { id: "t", status } };
      if (name === "list_pending") {
        note("asked what waits");
        const thrown = problem;
        problem = undefined;
        if (thrown) throw thrown;
        return { pending };
      }
      note(`result ${params.message?.call_id}`);
      return {};
    },
    async *stream(_session: string, _after: number, signal: AbortSignal) {
      note("followed");
      for (;;) {
        const [chunks] = (await once(bus, "chunks", { signal })) as [StreamChunk[]];
        yield chunks;
      }
    },
    claim: async (_session: string, id: string) => note(`claim ${id}`),
    async tellOutput(_session: string, id: string, { offset, output }: OutputRequest) {
      note(`output ${id} ${offset} ${output}`);
    },
  };
  const runner = new ToolRunner({
    client: client as unknown as ToolRunnerDeps["client"],
    clientId: "me",
    workspace: () => ("workspace" in more ? more.workspace : "/project"),
    run: async (...args) => ({ result: await run(...args) }),
    onAsked: (_session, calls) => note(`asked for ${calls.map(({ call_id }) => call_id).join()}`),
    onEnded: (_session, how) => note(`ended: ${how}`),
    onFollowed: (sessions) => note(`follows ${sessions.join()}`),
    log: { warn() {} },
  });
  return {
    runner,
    events,
    waitFor(...calls) {
      pending = calls.map((call) => ({
        call_id: "c",
        turn_id: "t",
        tool_name: "tool",
        arguments: {},
        waits_for: "tool_result",
        kind: "write",
        client_id: "me",
        workspace: "/project",
        ...call,
      }));
    },
    say(...chunks) {
      const whole = chunks.map((chunk) => ({
        type: "status",
        metadata: { state: "waiting" },
        session_id: SESSION,
        is_final: false,
        ...chunk,
        seq: ++seq,
      }));
      bus.emit("chunks", whole);
    },
    failOnce(thrown) {
      problem = thrown;
    },
    async reached(event) {
      const signal = AbortSignal.timeout(5_000);
      while (!events.includes(event)) await once(bus, "event", { signal });
    },
  };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

describe("the runner of tools", () => {
  it("runs what changes something one after another, in the model's order, and reads meanwhile", async () => {
    const played = play(async (call) => {
      played.events.push(`begin ${call.call_id}`);
      await soon();
      played.events.push(`end ${call.call_id}`);
      return "";
    });
    played.runner.follow(SESSION, 0);
    played.waitFor({ call_id: "1" }, { call_id: "2" }, { call_id: "3", kind: "read" });
    await played.reached("followed");
    played.say({});
    await played.reached("result 2");
    const order = played.events.filter((event) => /^(begin|end) [12]/.test(event));
    assert.deepEqual(order, ["begin 1", "end 1", "begin 2", "end 2"]);
    assert.ok(played.events.indexOf("begin 3") < played.events.indexOf("end 1"));
    played.runner.dispose();
  });

  it("follows a turn whose message was sent while the end of the last one was being looked at", async () => {
    const played = play(async () => "");
    played.runner.follow(SESSION, 0);
    await played.reached("followed");
    played.say({ type: "interrupted", is_final: true });
    played.runner.follow(SESSION, 1);
    await soon();
    played.waitFor({ call_id: "next" });
    played.say({});
    await played.reached("result next");
    played.runner.dispose();
  });

  it("goes on when the companion cannot say for a moment what waits, and stops no call because of it", async () => {
    let aborted = false;
    const played = play(async (call, _session, signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      await new Promise((resolve) => setTimeout(resolve, call.call_id === "long" ? 2_500 : 0));
      return "";
    });
    played.runner.follow(SESSION, 0);
    await played.reached("followed");
    played.waitFor({ call_id: "long" });
    played.say({});
    await played.reached("claim long");
    played.failOnce(Problem.answered("database_unavailable", "away", undefined));
    played.say({});
    await played.reached("result long");
    assert.equal(aborted, false);
    played.waitFor({ call_id: "later" });
    played.say({});
    await played.reached("result later");
    played.runner.dispose();
  }).timeout(10_000);

  it("tells what a call says while it runs, and does not ask what waits because of it", async () => {
    const played = play(async (_call, _session, _signal, onOutput) => {
      onOutput("\u001B[32mone\u001B[0m\r\n");
      await played.reached("output c 0 one\n");
      onOutput("two");
      await played.reached("output c 4 two");
      return "one\ntwo";
    });
    played.runner.follow(SESSION, 0);
    played.waitFor({});
    await played.reached("followed");
    played.say({});
    await played.reached("output c 0 one\n");
    const asked = played.events.filter((event) => event === "asked what waits").length;
    const metadata = { state: "tool_output" };
    for (const token of ["one\n", "two"]) played.say({ call_id: "c", token, metadata });
    await played.reached("result c");
    assert.equal(played.events.filter((event) => event === "asked what waits").length, asked);
    played.runner.dispose();
  }).timeout(10_000);

  it("takes care of a turn that another window began, also while it still runs", async () => {
    const played = play(async () => "", { status: "running" });
    await played.runner.look(SESSION);
    await played.reached("followed");
    played.waitFor({ call_id: "orphan", client_id: "gone" });
    played.say({});
    await played.reached("result orphan");
    played.runner.dispose();
  }).timeout(10_000);

  it("leaves alone what another workspace waits for", async () => {
    const played = play(async () => "");
    played.waitFor({ call_id: "theirs", workspace: "/other" });
    await played.runner.look(SESSION);
    await soon();
    assert.deepEqual(played.events, ["asked what waits", "asked for ", "follows "]);
    played.runner.dispose();
  });

  it("hears of questions in a window without a folder, and runs nothing there", async () => {
    const played = play(async () => "", { workspace: undefined });
    played.waitFor(
      { call_id: "plan", waits_for: "tool_decision", workspace: undefined },
      { call_id: "theirs", workspace: undefined },
    );
    await played.runner.look(SESSION);
    await played.reached("followed");
    assert.ok(played.events.includes("asked for plan"));
    played.say({ type: "done", is_final: true });
    await played.reached("ended: done");
    await played.reached("follows ");
    assert.equal(played.events.at(-1), "follows ");
    assert.equal(played.events.includes("claim theirs"), false);
    played.runner.dispose();
  });
});

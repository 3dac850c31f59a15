// Runs the calls of the chats of this window. What waits is read from the companion, never
// remembered here: another window, a reload or a restart changes nothing about it.
import { isPause, type StreamChunk } from "../../server/protocol/chunks.ts";
import type { ClientMessage } from "../../server/protocol/requests.ts";
import type { PendingCall } from "../../server/protocol/responses.ts";
import type { CompanionClient } from "../companion/companion-client.ts";
import { Problem } from "../problem.ts";
import { toStorable } from "./bounds.ts";
import type { ToolOutcome } from "./run-tool.ts";
import { LiveOutput } from "./terminal/live-output.ts";

export interface ToolRunnerDeps {
  client: Pick<CompanionClient, "call" | "stream" | "claim" | "tellOutput">;
  clientId: string;
  /** Of this window; undefined if it runs no tools. */
  workspace(): string | undefined;
  /**
   * Rejects with the reason, which the model gets; `onOutput` takes what a terminal gets meanwhile.
   */
  run(
    call: PendingCall,
    sessionId: string,
    signal: AbortSignal,
    onOutput: (data: string) => void,
  ): Promise<ToolOutcome>;
  /**
   * What waits in a session for a person, each time that changes; `isAlone` if nothing
   * else waits or runs there.
   */
  onAsked(sessionId: string, calls: readonly PendingCall[], isAlone: boolean): void;
  /** A turn that was followed has ended. */
  onEnded(sessionId: string, how: EndKind): void;
  /** The sessions that are followed, each time that changes but for the end of the window. */
  onFollowed(sessionIds: readonly string[]): void;
  log: { warn(message: string): void };
}

export type EndKind = "done" | "error" | "interrupted";

/** A claim lives 30 s. */
const RENEW_MS = 10_000;
/** The window that sent the message comes first. */
const COURTESY_MS = 3_000;
const RETRY_MS = 2_000;
/** How long a stopped call may go on before nobody waits for it. */
const SETTLE_MS = 5_000;
/** Answers after which giving the result again is of no use. */
const OVER = new Set(["not_waiting", "call_claimed", "not_found", "invalid_request"]);

interface Followed {
  stop: AbortController;
  /** An end before this `seq` is of an earlier turn. */
  after: number;
}

interface Running {
  sessionId: string;
  stop: AbortController;
  ended: Promise<void>;
}

export class ToolRunner {
  readonly #deps: ToolRunnerDeps;
  readonly #followed = new Map<string, Followed>();
  /** By session and call. */
  readonly #running = new Map<string, Running>();
  /** The end of the last call that changes something, by session: the next waits for it. */
  readonly #last = new Map<string, Promise<void>>();
  /** Sessions where something waits that this window has sent. */
  readonly #expected = new Set<string>();
  readonly #closing = new AbortController();

  constructor(deps: ToolRunnerDeps) {
    this.#deps = deps;
  }

  /** A message of this window waits: it is followed when its turn comes. */
  expect(sessionId: string): void {
    this.#expected.add(sessionId);
    void this.look(sessionId);
  }

  /** A turn of this window begins after `after`: what it asks for is run until it ends. */
  follow(sessionId: string, after: number): void {
    const followed = this.#followed.get(sessionId);
    if (followed) followed.after = Math.max(followed.after, after);
    else void this.#follow(sessionId, after);
  }

  /**
   * A chat is shown, or pauses while it is: what waits for this workspace is taken care
   * of, whoever asked for it.
   */
  async look(sessionId: string): Promise<void> {
    if (this.#followed.has(sessionId)) return;
    try {
      const session = await this.#deps.client.call("get_session", { session_id: sessionId });
      const status = session.turn?.status;
      const isOpen = status === "waiting" || status === "running";
      const isOurs = isOpen && (await this.#act(sessionId));
      if (isOurs || status === "running") this.follow(sessionId, session.last_seq);
      else this.#deps.onFollowed([...this.#followed.keys()]);
    } catch (thrown) {
      this.#deps.log.warn(`What ${sessionId} waits for is not known: ${String(thrown)}`);
    }
  }

  /** Resolves when nothing of the session runs here any more, or after some seconds. */
  async settled(sessionId: string): Promise<void> {
    const ends = [...this.#running.values()].filter((one) => one.sessionId === sessionId);
    const all = Promise.allSettled(ends.map(({ ended }) => ended));
    await Promise.race([all, pause(SETTLE_MS, this.#closing.signal)]);
  }

  dispose(): void {
    this.#closing.abort();
    for (const { stop } of this.#followed.values()) stop.abort();
    for (const { stop } of this.#running.values()) stop.abort();
  }

  async #follow(sessionId: string, after: number): Promise<void> {
    const followed: Followed = { stop: new AbortController(), after };
    const { signal } = followed.stop;
    this.#followed.set(sessionId, followed);
    this.#deps.onFollowed([...this.#followed.keys()]);
    try {
      const { client } = this.#deps;
      for await (const chunks of client.stream(sessionId, after, signal, { starts: false })) {
        for (const { type, call_id } of chunks) {
          if (type === "tool_result") this.#running.get(`${sessionId} ${call_id}`)?.stop.abort();
        }
        const end = chunks.find(({ is_final, seq }) => is_final && seq > followed.after);
        if (end) {
          // Not looked up: this may be the last that a companion said before it ended.
          this.#deps.onAsked(sessionId, [], true);
          this.#deps.onEnded(sessionId, endKind(end));
          if (end.type !== "done" || !(await this.#goesOn(sessionId))) break;
        }
        const waits = chunks.some((chunk) => isPause(chunk) || chunk.type === "tool_result");
        if (waits) await this.#actSurely(sessionId, signal);
      }
    } catch (thrown) {
      this.#deps.log.warn(`The tools of ${sessionId} are not run any more: ${String(thrown)}`);
      // A chat that was deleted asks nobody.
      this.#deps.onAsked(sessionId, [], true);
      this.#deps.onEnded(sessionId, "interrupted");
    } finally {
      this.#followed.delete(sessionId);
      if (!this.#closing.signal.aborted) this.#deps.onFollowed([...this.#followed.keys()]);
      for (const running of this.#running.values()) {
        if (running.sessionId === sessionId) running.stop.abort();
      }
    }
  }

  /** Whether a message that this window has queued is still to be answered, or is now. */
  async #goesOn(sessionId: string): Promise<boolean> {
    if (!this.#expected.has(sessionId)) return false;
    const { client, log } = this.#deps;
    try {
      const { messages } = await client.call("list_queue", { session_id: sessionId });
      if (messages.some(({ held }) => held === undefined)) return true;
      this.#expected.delete(sessionId);
      const { turn } = await client.call("get_session", { session_id: sessionId });
      return turn?.status === "running" || turn?.status === "waiting";
    } catch (thrown) {
      log.warn(`What waits in ${sessionId} is not known: ${String(thrown)}`);
      return false;
    }
  }

  /**
   * Until the companion says what waits: while its storage fails nobody else would take care of it.
   */
  async #actSurely(sessionId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.#act(sessionId);
        return;
      } catch (thrown) {
        if (signal.aborted || isOver(thrown)) throw thrown;
        this.#deps.log.warn(`What ${sessionId} waits for is asked again: ${String(thrown)}`);
        await pause(RETRY_MS, signal);
      }
    }
  }

  /** Runs what can be run here; false if nothing that waits is this workspace's. */
  async #act(sessionId: string): Promise<boolean> {
    const { pending } = await this.#deps.client.call("list_pending", { session_id: sessionId });
    const own = this.#deps.workspace();
    const ours = pending.filter(({ workspace }) => workspace === own);
    this.#deps.onAsked(
      sessionId,
      ours.filter(({ waits_for }) => waits_for === "tool_decision"),
      pending.length === 1,
    );
    for (const call of ours) {
      const isTaken = call.claimed_by !== undefined && call.claimed_by !== this.#deps.clientId;
      // Without a folder there are questions, but no tools.
      const isToRun = call.waits_for === "tool_result" && own !== undefined;
      if (isToRun && !isTaken) this.#start(sessionId, call);
    }
    return ours.length > 0;
  }

  /**
   * Reading may be done at any time; all else one after another, in the order
   * in which the model asked.
   */
  #start(sessionId: string, call: PendingCall): void {
    const key = `${sessionId} ${call.call_id}`;
    if (this.#running.has(key)) return;
    const stop = new AbortController();
    const before = call.kind === "read" ? undefined : this.#last.get(sessionId);
    const ended = (async () => {
      await before;
      if (!stop.signal.aborted) await this.#take(sessionId, call, stop);
    })().finally(() => this.#running.delete(key));
    this.#running.set(key, { sessionId, stop, ended });
    if (call.kind !== "read") this.#last.set(sessionId, ended);
  }

  /** Never rejects. */
  async #take(sessionId: string, call: PendingCall, stop: AbortController): Promise<void> {
    const { client, clientId, log } = this.#deps;
    const { signal } = stop;
    const live = new LiveOutput({
      send: (offset, output) =>
        client.tellOutput(sessionId, call.call_id, { client_id: clientId, offset, output }),
      isOver,
      log,
    });
    let renewing: NodeJS.Timeout | undefined;
    try {
      if (call.client_id !== clientId) await pause(COURTESY_MS, signal);
      await this.#untilTaken(call, signal, () => client.claim(sessionId, call.call_id, clientId));
      if (signal.aborted) return;
      renewing = setInterval(() => {
        client.claim(sessionId, call.call_id, clientId).catch((thrown: unknown) => {
          if (isOver(thrown)) stop.abort();
        });
      }, RENEW_MS);
      const answer = await this.#run(sessionId, call, signal, live);
      live.close();
      const message: ClientMessage = { type: "tool_result", call_id: call.call_id, ...answer };
      const result = { session_id: sessionId, client_id: clientId, message };
      // What was done must be known.
      await this.#untilTaken(call, signal, () => client.call("send_message", result));
    } catch (thrown) {
      if (!isOver(thrown)) log.warn(`${call.tool_name} was not run: ${String(thrown)}`);
    } finally {
      live.close();
      clearInterval(renewing);
    }
  }

  /** Again and again, until the companion has taken it or nobody waits for it any more. */
  async #untilTaken(
    call: PendingCall,
    signal: AbortSignal,
    send: () => Promise<unknown>,
  ): Promise<void> {
    while (!signal.aborted && !this.#closing.signal.aborted) {
      try {
        await send();
        return;
      } catch (thrown) {
        if (isOver(thrown)) throw thrown;
        this.#deps.log.warn(`${call.tool_name} waits for the companion: ${String(thrown)}`);
        await pause(RETRY_MS, signal);
      }
    }
  }

  async #run(
    sessionId: string,
    call: PendingCall,
    signal: AbortSignal,
    live: LiveOutput,
  ): Promise<ToolOutcome | { error: string }> {
    const onOutput = (data: string): void => live.add(data);
    try {
      const outcome = await this.#deps.run(call, sessionId, signal, onOutput);
      return { ...outcome, result: toStorable(outcome.result) };
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      return { error: toStorable(reason.slice(0, 5_000)) || "The tool failed." };
    }
  }
}

function endKind({ type }: StreamChunk): EndKind {
  return type === "done" || type === "error" ? type : "interrupted";
}

function isOver(thrown: unknown): boolean {
  return thrown instanceof Problem && OVER.has(thrown.code);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

// Runs the calls of the chats of this window. What waits is read from the companion, never remembered here: another
// window, a reload or a restart changes nothing about it.
import type { ClientMessage } from "../../server/protocol/requests.ts";
import type { PendingCall } from "../../server/protocol/responses.ts";
import { Problem } from "../problem.ts";
import type { ServerClient } from "../server-client.ts";
import { toStorable } from "./bounds.ts";

export interface ToolRunnerDeps {
  client: Pick<ServerClient, "call" | "stream" | "claim">;
  clientId: string;
  /** Of this window; undefined if it runs no tools. */
  workspace(): string | undefined;
  /** Rejects with the reason, which the model gets. */
  run(call: PendingCall, sessionId: string, signal: AbortSignal): Promise<string>;
  /** What waits in a session for a person, each time that changes. */
  onAsked(sessionId: string, calls: readonly PendingCall[]): void;
  log: { warn(message: string): void };
}

/** A claim lives 30 s. */
const RENEW_MS = 10_000;
/** The window that sent the message comes first. */
const COURTESY_MS = 3_000;
const RETRY_MS = 2_000;
/** Answers after which giving the result again is of no use. */
const OVER = new Set(["not_waiting", "call_claimed", "not_found", "invalid_request"]);

interface Followed {
  stop: AbortController;
  /** An end before this `seq` is of an earlier turn. */
  after: number;
}

export class ToolRunner {
  readonly #deps: ToolRunnerDeps;
  readonly #followed = new Map<string, Followed>();
  /** By session and call. */
  readonly #running = new Map<string, AbortController>();
  readonly #closing = new AbortController();

  constructor(deps: ToolRunnerDeps) {
    this.#deps = deps;
  }

  /** A turn of this window begins after `after`: what it asks for is run until it ends. */
  follow(sessionId: string, after: number): void {
    const followed = this.#followed.get(sessionId);
    if (followed) followed.after = Math.max(followed.after, after);
    else void this.#follow(sessionId, after);
  }

  /** A chat was opened: if it waits for this workspace, its turn is followed from now on. */
  async look(sessionId: string): Promise<void> {
    if (this.#deps.workspace() === undefined || this.#followed.has(sessionId)) return;
    try {
      const session = await this.#deps.client.call("get_session", { session_id: sessionId });
      if (session.turn?.status !== "waiting") return;
      if (await this.#act(sessionId)) this.follow(sessionId, session.last_seq);
    } catch (thrown) {
      this.#deps.log.warn(`What ${sessionId} waits for is not known: ${String(thrown)}`);
    }
  }

  dispose(): void {
    this.#closing.abort();
    for (const { stop } of this.#followed.values()) stop.abort();
    for (const running of this.#running.values()) running.abort();
  }

  async #follow(sessionId: string, after: number): Promise<void> {
    const followed: Followed = { stop: new AbortController(), after };
    this.#followed.set(sessionId, followed);
    try {
      for await (const chunks of this.#deps.client.stream(sessionId, after, followed.stop.signal)) {
        for (const { type, call_id } of chunks) {
          if (type === "tool_result") this.#running.get(`${sessionId} ${call_id}`)?.abort();
        }
        const ended = chunks.some(({ is_final, seq }) => is_final && seq > followed.after);
        const waits = chunks.some(({ type }) => type === "status" || type === "tool_result");
        if (waits || ended) await this.#act(sessionId);
        if (ended) break;
      }
    } catch (thrown) {
      this.#deps.log.warn(`The tools of ${sessionId} are not run any more: ${String(thrown)}`);
    } finally {
      this.#followed.delete(sessionId);
      for (const [key, running] of this.#running) {
        if (key.startsWith(`${sessionId} `)) running.abort();
      }
    }
  }

  /** Runs what can be run here; false if nothing that waits is this workspace's. */
  async #act(sessionId: string): Promise<boolean> {
    const { pending } = await this.#deps.client.call("list_pending", { session_id: sessionId });
    const ours = pending.filter(({ workspace }) => workspace === this.#deps.workspace());
    this.#deps.onAsked(
      sessionId,
      ours.filter(({ waits_for }) => waits_for === "tool_decision"),
    );
    for (const call of ours) {
      const isTaken = call.claimed_by !== undefined && call.claimed_by !== this.#deps.clientId;
      if (call.waits_for === "tool_result" && !isTaken) void this.#take(sessionId, call);
    }
    return ours.length > 0;
  }

  async #take(sessionId: string, call: PendingCall): Promise<void> {
    const key = `${sessionId} ${call.call_id}`;
    if (this.#running.has(key)) return;
    const stop = new AbortController();
    this.#running.set(key, stop);
    let renewing: NodeJS.Timeout | undefined;
    try {
      if (call.client_id !== this.#deps.clientId) await pause(COURTESY_MS, stop.signal);
      if (stop.signal.aborted) return;
      const { client, clientId } = this.#deps;
      await client.claim(sessionId, call.call_id, clientId);
      renewing = setInterval(() => {
        client.claim(sessionId, call.call_id, clientId).catch((thrown: unknown) => {
          if (thrown instanceof Problem && OVER.has(thrown.code)) stop.abort();
        });
      }, RENEW_MS);
      const answer = await this.#run(sessionId, call, stop.signal);
      if (!stop.signal.aborted) await this.#give(sessionId, call, answer, stop.signal);
    } catch (thrown) {
      const isOver = thrown instanceof Problem && OVER.has(thrown.code);
      if (!isOver) this.#deps.log.warn(`${call.tool_name} was not run: ${String(thrown)}`);
    } finally {
      clearInterval(renewing);
      this.#running.delete(key);
    }
  }

  async #run(
    sessionId: string,
    call: PendingCall,
    signal: AbortSignal,
  ): Promise<{ result: string } | { error: string }> {
    try {
      return { result: toStorable(await this.#deps.run(call, sessionId, signal)) };
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      return { error: toStorable(reason.slice(0, 5_000)) || "The tool failed." };
    }
  }

  /** Until it is taken, or nobody waits for it any more: what was done must be known. */
  async #give(
    sessionId: string,
    call: PendingCall,
    answer: { result: string } | { error: string },
    signal: AbortSignal,
  ): Promise<void> {
    const message: ClientMessage = { type: "tool_result", call_id: call.call_id, ...answer };
    while (!signal.aborted && !this.#closing.signal.aborted) {
      try {
        await this.#deps.client.call("send_message", {
          session_id: sessionId,
          client_id: this.#deps.clientId,
          message,
        });
        return;
      } catch (thrown) {
        if (thrown instanceof Problem && OVER.has(thrown.code)) return;
        this.#deps.log.warn(`The result of ${call.tool_name} waits: ${String(thrown)}`);
        await pause(RETRY_MS, signal);
      }
    }
  }
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

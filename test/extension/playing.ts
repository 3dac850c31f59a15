// A model that asks for what a question says, a person who answers its questions, and all that
// the chat says meanwhile.
import assert from "node:assert/strict";
import * as vscode from "vscode";
import type { App } from "../../extension/app.ts";
import { handOverKey } from "../../extension/commands/keys.ts";
import { PROVIDERS } from "../../extension/providers.ts";
import type { StreamChunk } from "../../server/protocol/chunks.ts";
import type { ClientMessage, MessageRequest } from "../../server/protocol/requests.ts";
import { type PlannedCall, playsCalls } from "../support/upstream/openai-scripts.ts";
import { FAKE_MODEL, startUpstream, type Upstream } from "../support/upstream/start-upstream.ts";
import { extension, until } from "./support.ts";

/** Of the decision, in the order of the questions. */
export type Answer = Partial<Extract<ClientMessage, { type: "tool_decision" }>>;

export interface Player {
  app: App;
  upstream: Upstream;
  /** The chat that goes on with the next `play`; a new one without it. */
  session: string | undefined;
  /** Sends what the model will ask for, answers each question, and gives all chunks of the turn. */
  play(
    calls: PlannedCall[],
    answers?: Answer[],
    more?: Partial<MessageRequest>,
  ): Promise<StreamChunk[]>;
  decide(answer: Answer): Promise<unknown>;
  /** Resolves with the call that waits. */
  waiting(what: "tool_decision" | "tool_result"): Promise<{ call_id: string }>;
  stop(): Promise<void>;
  close(): Promise<void>;
}

export const approve: Answer = { decision: "approve" };

export const call = (name: string, args: Record<string, unknown> = {}): PlannedCall => ({
  name,
  arguments: args,
});

export const results = (chunks: StreamChunk[]): (string | undefined)[] =>
  chunks.filter(({ type }) => type === "tool_result").map(({ content, error }) => content ?? error);

export async function startPlaying(): Promise<Player> {
  const app = await (await extension().activate()).app();
  const upstream = await startUpstream(
    // What a tool that is not told of has given is text to a model, and no question.
    playsCalls((said) => (said.startsWith("[{") ? (JSON.parse(said) as PlannedCall[]) : [])),
  );
  const provider = PROVIDERS.find(({ id }) => id === "openai-compatible");
  assert.ok(provider);
  const configuration = vscode.workspace.getConfiguration("streamkeeper");
  const { Global } = vscode.ConfigurationTarget;
  await configuration.update(provider.setting, upstream.url, Global);
  await handOverKey(app, await app.companion.ensure(), provider);
  const player: Player = {
    app,
    upstream,
    session: undefined,
    async play(calls, answers = [], more = {}) {
      const offer = await app.tools.offer();
      const accepted = (await app.client.call("send_message", {
        ...offer,
        ...(player.session === undefined ? {} : { session_id: player.session }),
        model: `openai-compatible/${FAKE_MODEL}`,
        ...more,
        message: { type: "user_message", content: JSON.stringify(calls) },
      })) as { session_id: string; after: number };
      player.session = accepted.session_id;
      app.tools.onSent(accepted.session_id, accepted.after);
      const seen: StreamChunk[] = [];
      const left = [...answers];
      const signal = AbortSignal.timeout(50_000);
      for await (const chunks of app.client.stream(accepted.session_id, accepted.after, signal)) {
        seen.push(...chunks);
        for (const { type, call_id, requires_approval } of chunks) {
          if (type !== "tool_call" || !requires_approval || call_id === undefined) continue;
          const answer = left.shift();
          if (answer) await player.decide({ call_id, ...answer });
        }
        if (chunks.some((chunk) => chunk.is_final)) return seen;
      }
      throw new Error(`the turn did not end: ${JSON.stringify(seen.at(-1))}`);
    },
    decide: (answer) =>
      app.client.call("send_message", {
        session_id: player.session ?? "",
        message: { type: "tool_decision", call_id: "", decision: "approve", ...answer },
      }),
    waiting: (what) =>
      until(`a call waits (${what})`, async () => {
        if (player.session === undefined) return false;
        const { pending } = await app.client.call("list_pending", { session_id: player.session });
        const [first] = pending;
        const isClaimed = what === "tool_decision" || first?.claimed_by !== undefined;
        return first?.waits_for === what && isClaimed && first;
      }),
    async stop() {
      await app.client.call("cancel_turn", { session_id: player.session ?? "" });
    },
    async close() {
      await configuration.update(provider.setting, undefined, Global);
      await app.companion.stopRunning();
      await upstream.close();
    },
  };
  return player;
}

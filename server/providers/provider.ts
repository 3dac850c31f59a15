import type { Tool } from "../domain/tools.ts";
import type { AttachmentRef } from "../protocol/attachments.ts";
import type { Sampling, SamplingField } from "../protocol/sampling.ts";
import type { Thinking, ThinkingPart } from "../protocol/stored/thinking.ts";

/** One message of the conversation as a model reads it. */
export type ConversationMessage =
  | { role: "user"; content: string; attachments?: ConversationAttachment[] }
  | { role: "assistant"; content: string; tool_calls: ToolCall[]; thinking?: Thinking }
  | { role: "tool"; call_id: string; tool_name: string; content: string };

export interface ConversationAttachment extends AttachmentRef {
  /** Base64; undefined: this model does not take it, or it is not there any more. */
  data?: string;
}

export interface ToolCall {
  call_id: string;
  tool_name: string;
  arguments: Record<string, unknown>;
  /** What the model wrote, where that is no JSON object; `arguments` is empty then. */
  raw_arguments?: string;
}

/** A tool as a model sees it; `parameters` is a JSON Schema object. */
export interface ToolDefinition {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

export interface ProviderRequest {
  /** The part of the model id after the first slash. */
  model: string;
  system: string;
  messages: ConversationMessage[];
  tools: ToolDefinition[];
  /** How the client wants the answer made; only what `Provider.takes`. */
  sampling?: Sampling | undefined;
  /** The first words of the answer, which went on when they had been said: the rest is wanted. */
  begun?: string;
  /** The vendor may store the answer and make it on its own, so that it can be gone on with. */
  hold?: boolean;
}

/** An answer that its vendor stores, and makes to its end whether anybody listens or not. */
export interface HeldAnswer {
  /** The vendor's name for it. */
  id: string;
  /** Tells the address it was asked of from others, and no secret that may stand in it. */
  at: string;
}

/** Tokens as the provider counts them, in one form for all: a part is in the whole, too. */
export interface Usage {
  /** The whole prompt. */
  input_tokens: number;
  /** Of the prompt: what was read from the vendor's cache, and what was written to it. */
  cache_read_tokens?: number;
  cache_write_tokens?: number;
  output_tokens: number;
  /** Of the output. */
  reasoning_tokens?: number;
}

export type ProviderEvent =
  /** Before all others, where the vendor holds the answer. */
  | { type: "held"; answer: HeldAnswer }
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** At the end, before the calls: for the history of this answer, not for readers. */
  | { type: "thinking"; parts: ThinkingPart[] }
  | ({ type: "tool_call" } & ToolCall)
  | { type: "switch_agent"; to_agent: string; reason: string }
  | { type: "finish"; reason: FinishReason; usage: Usage | undefined };

export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter" | "other";

/** Takes a batch; a promise only where the next one has to wait. Throws what ends the stream. */
export type Take = (events: readonly ProviderEvent[]) => Promise<void> | undefined;

export interface EventStream extends AsyncIterable<readonly ProviderEvent[]> {
  /** Without a promise for each batch; left out by what is not quick. Resolves at the end. */
  each?(take: Take): Promise<void>;
}

/**
 * A model behind one function. The events come in batches, each what one read gave; they end with
 * one `finish`; anything else that ends them is a `ChatError` with an `upstream_*` or
 * `key_missing` code. Aborting `signal` ends the stream and frees the connection; the error it
 * then throws is the caller's own reason.
 */
export interface Provider {
  name: string;
  /**
   * What of a `Sampling` reaches the model; whoever asks for more is refused
   * before anything is stored.
   */
  takes: readonly SamplingField[];
  /** Tools of the companion that its models may call. */
  tools?: readonly Tool[];
  stream(request: ProviderRequest, signal: AbortSignal): EventStream;
  /** Undefined: no answer of this vendor can be gone on with. */
  held?: HeldAnswers | undefined;
}

export interface HeldAnswers {
  /** Whether it was asked of this address. */
  isHere(answer: HeldAnswer): boolean;
  /** The whole answer once more, from its first event on, without asking the model for anything. */
  replay(answer: HeldAnswer, request: ProviderRequest, signal: AbortSignal): EventStream;
  /** Tells the vendor that nobody wants the rest. Rejects with a `ChatError`. */
  cancel(answer: HeldAnswer): Promise<void>;
}

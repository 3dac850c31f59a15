import type { ProviderRequest } from "../provider.ts";
import type { Answer } from "./answer.ts";
import type { Fields } from "./values.ts";

/**
 * What is known of a model at its server: what is left out since it was
 * refused, how its answers begin.
 */
export interface Leave {
  tools?: boolean;
  /** Asking for the usage in a stream. */
  usage?: boolean;
  /** Thinking in the vendor's form, asked for or sent back. */
  thinking?: boolean;
  cache?: boolean;
  /** The older name of an answer's limit. */
  maxName?: boolean;
  /** Ids of calls but those that Mistral takes: nine letters or digits. */
  longIds?: boolean;
  /** The first words of its answer, to go on with. */
  prefill?: boolean;
  /** Having the answer stored at the vendor. */
  hold?: boolean;
  /** No more tokens of an answer than so many. */
  maxTokens?: number;
  /** Its thinking begins in the prompt: of the tags around it only the last one comes. */
  thinkingBegun?: boolean;
}

export interface WireRequest {
  /** After the base URL. */
  path: string;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

export interface EventReader {
  /**
   * One event of the stream, or the whole answer as one; `name` is that of a
   * server-sent event. Never throws.
   */
  event(value: Fields, name: string | undefined): void;
  /** The body is at its end, or OpenAI's end mark has come. */
  end(sawDone: boolean): void;
  /**
   * The vendor has paused: the body with which the answer goes on, its rest
   * read by this same reader.
   */
  goOn?(body: Record<string, unknown>): Record<string, unknown> | undefined;
}

/** A vendor's format, in two halves that know nothing of connections. */
export interface WireFormat {
  toRequest(request: ProviderRequest, leave: Leave): WireRequest;
  createReader(answer: Answer): EventReader;
  /**
   * How to ask again after the server has refused `leave`'s request in these words; undefined: not.
   */
  amend?(said: string, leave: Leave, request: ProviderRequest): Leave | undefined;
  /** Some of its many servers leave calls in the text; of others a text is never a call. */
  writesCalls?: true;
  /** Answers asked for in this format are held by the vendor; its paths, after the base URL. */
  held?: HeldPaths;
}

export interface HeldPaths {
  headers: Record<string, string>;
  /** The answer as a stream: what comes after this event of it; undefined: all. */
  stream(id: string, after: string | undefined, model: string): string;
  /** As one document. */
  whole(id: string, model: string): string;
  cancel(id: string): string;
  /**
   * Whether the server has refused, in these words, to hold an answer, and may give one without.
   */
  isRefused(said: string): boolean;
}

// Real models, through the vendors' parts of the AI SDK. The only file that imports them, each at its first use.
import { randomUUID } from "node:crypto";
import { ChatError } from "../errors.ts";
import { ForeignId } from "../protocol/fields.ts";
import type { Access } from "./access.ts";
import { cleanText, createTextCleaner } from "./clean-text.ts";
import type { Agents } from "./http-client.ts";
import { toPrompt } from "./prompt.ts";
import type { FinishReason, Provider, ProviderEvent, ProviderRequest, Usage } from "./provider.ts";
import { withRetries } from "./retry.ts";
import type { SdkFinish, SdkModel, SdkOptions, SdkPart, SdkToolCall } from "./sdk-types.ts";
import { plainSchema } from "./tool-schema.ts";
import { createUpstreamCall, type UpstreamCall } from "./upstream-call.ts";
import {
  cutError,
  isRecord,
  malformedError,
  sentenceOf,
  streamError,
  tooLongError,
} from "./upstream-errors.ts";

export interface SdkProviderDeps {
  access: Access;
  agents: Agents;
  stallSeconds: number;
  maxAnswerChars: number;
  retryBaseMs: number;
  /** Models that have said that they take no tools, each with its server; kept for the companion's life. */
  toolless: Set<string>;
}

export function createSdkProvider(deps: SdkProviderDeps): Provider {
  return {
    name: deps.access.vendor.name,
    stream: (request, signal) => answerWithOrWithoutTools(deps, request, signal),
  };
}

/** A model that refuses a request because of its tools is asked again without them: a plain answer is better than none. */
async function* answerWithOrWithoutTools(
  deps: SdkProviderDeps,
  request: ProviderRequest,
  signal: AbortSignal,
): AsyncGenerator<ProviderEvent> {
  const id = `${deps.access.baseUrl} ${request.model}`;
  const answer = (asked: ProviderRequest): AsyncIterable<ProviderEvent> =>
    withRetries(() => answerOnce(deps, asked, signal), deps.retryBaseMs, signal);
  if (request.tools.length > 0 && !deps.toolless.has(id)) {
    try {
      yield* answer(request);
      return;
    } catch (thrown) {
      if (!isAboutTools(thrown)) throw thrown;
      deps.toolless.add(id);
    }
  }
  yield* answer(deps.toolless.has(id) ? { ...request, tools: [] } : request);
}

/** In the words of Ollama, OpenAI, OpenRouter, vLLM; said before the first word. */
function isAboutTools(thrown: unknown): boolean {
  return (
    thrown instanceof ChatError &&
    thrown.code === "upstream_rejected" &&
    /\btool/i.test(thrown.message) &&
    /support|enable/i.test(thrown.message)
  );
}

async function* answerOnce(
  deps: SdkProviderDeps,
  request: ProviderRequest,
  signal: AbortSignal,
): AsyncGenerator<ProviderEvent> {
  signal.throwIfAborted();
  const call = createUpstreamCall(deps);
  const leaving = new AbortController();
  let finished = false;
  try {
    const model = await loadModel(deps.access, request.model, call);
    const { stream } = await model.doStream({
      ...toOptions(request),
      abortSignal: AbortSignal.any([signal, leaving.signal]),
    });
    for await (const event of toEvents(deps, call, stream)) {
      signal.throwIfAborted();
      finished = event.type === "finish";
      yield event;
    }
  } catch (thrown) {
    signal.throwIfAborted();
    throw call.failure ?? (thrown instanceof ChatError ? thrown : unreadable(deps.access, thrown));
  } finally {
    // Whoever leaves before the end must not go on paying for the answer.
    if (!finished) leaving.abort();
  }
}

async function loadModel(access: Access, name: string, call: UpstreamCall): Promise<SdkModel> {
  const { vendor, key, baseUrl } = access;
  // An explicit key, even an empty one, keeps the SDK from reading the environment.
  const settings = { apiKey: key ?? "", baseURL: baseUrl, fetch: call.fetch };
  switch (vendor.name) {
    case "openai": {
      const { createOpenAI } = await import("@ai-sdk/openai");
      return createOpenAI(settings).responses(name);
    }
    case "anthropic": {
      const { createAnthropic } = await import("@ai-sdk/anthropic");
      return createAnthropic(settings).languageModel(name);
    }
    case "google": {
      const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
      return createGoogleGenerativeAI(settings).languageModel(name);
    }
    case "openai-compatible":
    case "ollama": {
      const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
      return createOpenAICompatible({
        ...settings,
        name: "openaiCompatible",
        includeUsage: true,
      }).chatModel(name);
    }
  }
}

function toOptions(request: ProviderRequest): SdkOptions {
  return {
    prompt: toPrompt(request),
    ...(request.tools.length > 0 && {
      tools: request.tools.map(({ name, description, parameters }) => ({
        type: "function" as const,
        name,
        description,
        inputSchema: plainSchema(parameters),
      })),
      toolChoice: { type: "auto" as const },
    }),
    // The conversation is stored here; OpenAI need not keep a second copy.
    providerOptions: { openai: { store: false } },
  };
}

async function* toEvents(
  { access, maxAnswerChars }: SdkProviderDeps,
  call: UpstreamCall,
  stream: AsyncIterable<SdkPart>,
): AsyncGenerator<ProviderEvent> {
  const text = createTextCleaner();
  const reasoning = createTextCleaner();
  // Held until the end: the SDK also closes a call that was cut off, and such a call must never be run.
  const toolCalls: SdkToolCall[] = [];
  let finish: SdkFinish | undefined;
  let chars = 0;
  const count = (delta: string): void => {
    call.progress();
    chars += delta.length;
    if (chars > maxAnswerChars) throw tooLongError(access, maxAnswerChars);
  };

  for await (const part of stream) {
    switch (part.type) {
      case "text-delta":
        yield* asEvent("text", text.add(part.delta));
        count(part.delta);
        break;
      case "reasoning-delta":
        yield* asEvent("reasoning", reasoning.add(part.delta));
        count(part.delta);
        break;
      case "tool-input-delta":
        count(part.delta);
        break;
      case "tool-call":
        if (!part.providerExecuted) toolCalls.push(part);
        break;
      case "error":
        if (!isMissingFinish(part.error) || !call.sawDone) throw toError(access, call, part.error);
        break;
      case "finish":
        finish = part;
        break;
      default:
        // Parts that carry nothing for a reader: starts and ends, sources, metadata.
        break;
    }
  }
  if (call.failure) throw call.failure;
  const reason = toReason(access, call, finish);
  yield* asEvent("reasoning", reasoning.rest());
  yield* asEvent("text", text.rest());
  for (const toolCall of toolCalls) yield toToolCall(toolCall);
  yield { type: "finish", reason, usage: toUsage(finish) };
}

function* asEvent(type: "text" | "reasoning", text: string): Generator<ProviderEvent> {
  if (text !== "") yield { type, text };
}

function toReason(access: Access, call: UpstreamCall, finish: SdkFinish | undefined): FinishReason {
  switch (finish?.finishReason.unified) {
    case "stop":
    case "length":
    case "other":
      return finish.finishReason.unified;
    case "tool-calls":
      return "tool_calls";
    case "content-filter":
      return "content_filter";
    case "error":
      // A server that ends with [DONE] but gives no reason has still said that it is done.
      if (call.sawDone) return "other";
      throw malformedError(access, "the model's tool call could not be read");
    default:
      throw cutError(access);
  }
}

function toUsage(finish: SdkFinish | undefined): Usage | undefined {
  const input = finish?.usage.inputTokens.total;
  const output = finish?.usage.outputTokens.total;
  if (input === undefined && output === undefined) return undefined;
  return { input_tokens: input ?? 0, output_tokens: output ?? 0 };
}

/** Whoever takes the call tells the model what is wrong with arguments that are no JSON object. */
function toToolCall(call: SdkToolCall): ProviderEvent {
  const id = ForeignId.safeParse(call.toolCallId);
  const args = readArguments(call.input);
  return {
    type: "tool_call",
    call_id: id.success ? id.data : `call_${randomUUID()}`,
    tool_name: cleanText(call.toolName).slice(0, 128),
    arguments: args ?? {},
    ...(args ? {} : { raw_arguments: cleanText(call.input) }),
  };
}

function readArguments(input: string): Record<string, unknown> | undefined {
  try {
    const args: unknown = JSON.parse(input.trim() || "{}", (_name, value: unknown) =>
      typeof value === "string" ? cleanText(value) : value,
    );
    return isRecord(args) && !Array.isArray(args) ? args : undefined;
  } catch {
    return undefined;
  }
}

/** What the SDK for OpenAI's chat format says of a stream without a finish reason. */
function isMissingFinish(error: unknown): boolean {
  return (
    error instanceof Error &&
    error.name === "AI_InvalidResponseDataError" &&
    "data" in error &&
    error.data === undefined
  );
}

function toError(access: Access, call: UpstreamCall, error: unknown): ChatError {
  if (call.failure) return call.failure;
  if (isMissingFinish(error)) return cutError(access);
  return error instanceof Error ? unreadable(access, error) : streamError(access, error);
}

/** The SDK's own errors. They carry whole requests and answers, so no more than their names goes on. */
function unreadable(access: Access, thrown: unknown): ChatError {
  if (isRecord(thrown) && typeof thrown["statusCode"] === "number" && isRecord(thrown["data"])) {
    return streamError(access, { statusCode: thrown["statusCode"], data: thrown["data"] });
  }
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  const cause = new Error(name);
  if (name === "AI_TypeValidationError" && isRecord(thrown) && isRecord(thrown["value"])) {
    const said = sentenceOf(thrown["value"]["error"], access.key);
    if (said !== "") return streamError(access, { message: said });
  }
  const what = name === "AI_JSONParseError" ? "not JSON" : "not the vendor's format";
  return malformedError(access, `an event is ${what}`, cause);
}

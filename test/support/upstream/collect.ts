import { createCatalog } from "../../../server/providers/catalog.ts";
import type {
  Provider,
  ProviderEvent,
  ProviderRequest,
  ToolDefinition,
} from "../../../server/providers/provider.ts";
import { FAKE_MODEL } from "./start-upstream.ts";

export const WEATHER: ToolDefinition = {
  name: "get_weather",
  description: "Tells the weather of a city",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

export const HELLO: ProviderRequest = {
  model: FAKE_MODEL,
  system: "Be brief.",
  messages: [{ role: "user", content: "hello" }],
  tools: [],
};

export interface Collected {
  events: ProviderEvent[];
  /** What ended the stream before its finish. */
  error: unknown;
}

/** Reads to the end; an error is a result, too. */
export async function collect(
  provider: Provider,
  request: ProviderRequest = HELLO,
  signal: AbortSignal = new AbortController().signal,
): Promise<Collected> {
  const events: ProviderEvent[] = [];
  try {
    for await (const batch of provider.stream(request, signal)) events.push(...batch);
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

/** One event after another. */
export async function* eventsOf(
  provider: Provider,
  request: ProviderRequest,
  signal: AbortSignal,
): AsyncGenerator<ProviderEvent> {
  for await (const batch of provider.stream(request, signal)) yield* batch;
}

export function textOf({ events }: Collected): string {
  return events.map((event) => (event.type === "text" ? event.text : "")).join("");
}

export const NO_SETTINGS = { openai: {}, anthropic: {}, google: {}, ollama: {} };

/** A provider for the fake server, with limits that suit a test. */
export function providerAt(
  baseUrl: string,
  {
    name = "openai-compatible",
    key = "test-key-1234567890",
    stallSeconds = 5,
    maxAnswerChars,
    hold,
    patienceMs,
    answerThreads,
  }: {
    name?: string;
    key?: string | undefined;
    stallSeconds?: number;
    maxAnswerChars?: number;
    hold?: boolean;
    patienceMs?: number;
    answerThreads?: number;
  } = {},
): Provider {
  const catalog = createCatalog({
    providers: NO_SETTINGS,
    defaultModel: undefined,
    stallSeconds,
    maxAnswerChars,
    hold,
    patienceMs,
    answerThreads,
    retryBaseMs: 1,
  });
  catalog.setKey(name, key, baseUrl);
  return catalog.resolve(`${name}/${FAKE_MODEL}`).provider;
}

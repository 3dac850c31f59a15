import * as z from "zod/mini";
import { ModelId } from "../protocol/fields.ts";
import { isContextWindow } from "../shared/tokens.ts";
import { type Access, urlAt, vendorHeaders } from "./access.ts";
import { type Connections, readStart, send } from "./http-client.ts";

/** A server on this machine answers at once or is not there; one elsewhere gets a little longer. */
const LOCAL_MS = 300;
const REMOTE_MS = 1000;
const FRESH_MS = 5_000;
const MAX_BYTES = 1024 * 1024;
const MAX_MODELS = 200;

/** How much a model can read, in tokens: OpenRouter, vLLM and Groq tell, each in its own word. */
const WINDOW_FIELDS = ["context_length", "max_model_len", "context_window"] as const;
const OpenAiModel = z.looseObject({ id: z.string() });
const OpenAiList = z.object({ data: z.array(OpenAiModel) });
const OllamaList = z.object({ models: z.array(z.object({ name: z.string() })) });

/** Asks servers which models they have. */
export interface ModelFinder {
  /** Never rejects: empty if the server does not answer in time. Remembered for some seconds. */
  modelsOf(access: Access): Promise<readonly string[]>;
  /**
   * In tokens, by the whole id of a model; undefined if its server has not told,
   * or has not been asked yet.
   */
  contextWindowOf(modelId: string): number | undefined;
  forget(): void;
}

export function createModelFinder(connections: Connections): ModelFinder {
  const windows = new Map<string, number>();
  const known = new Map<string, { askedAt: number; models: Promise<readonly string[]> }>();
  return {
    async modelsOf(access) {
      const at = `${access.vendor.name} ${access.baseUrl}`;
      const before = known.get(at);
      if (before && performance.now() - before.askedAt < FRESH_MS) return await before.models;
      const models = ask(connections, access, windows).catch(() => []);
      known.set(at, { askedAt: performance.now(), models });
      return await models;
    },
    contextWindowOf: (modelId) => windows.get(modelId),
    forget() {
      known.clear();
      windows.clear();
    },
  };
}

async function ask(
  connections: Connections,
  access: Access,
  windows: Map<string, number>,
): Promise<readonly string[]> {
  const { vendor, baseUrl } = access;
  const isOllama = vendor.name === "ollama";
  const url = isOllama
    ? urlAt({ ...access, baseUrl: baseUrl.replace(/\/v1$/, "") }, "/api/tags")
    : urlAt(access, "/models");
  const isLocal = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(url.hostname);
  const limitMs = isLocal ? LOCAL_MS : REMOTE_MS;
  const startedAt = performance.now();
  const response = await send(
    connections,
    {
      url,
      method: "GET",
      headers: { accept: "application/json", ...vendorHeaders(access) },
      headMs: limitMs,
    },
    () => new Error("no answer in time"),
  );
  const timeoutMs = Math.max(limitMs - (performance.now() - startedAt), 1);
  const body: unknown = JSON.parse(await readStart(response, { maxBytes: MAX_BYTES, timeoutMs }));
  if (response.status !== 200) return [];
  const models = isOllama
    ? z.parse(OllamaList, body).models.map(({ name }) => ({ id: name }))
    : z.parse(OpenAiList, body).data;
  const usable = models
    .filter(({ id }) => ModelId.safeParse(`${vendor.name}/${id}`).success)
    .slice(0, MAX_MODELS);
  for (const model of usable) {
    const told = WINDOW_FIELDS.map((field) => Object(model)[field]).find(isContextWindow);
    if (told !== undefined) windows.set(`${vendor.name}/${model.id}`, told);
  }
  return usable.map(({ id }) => id);
}

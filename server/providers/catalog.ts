import { ChatError } from "../errors.ts";
import type { AttachmentType } from "../protocol/attachments.ts";
import type { Model, ModelList } from "../protocol/responses.ts";
import {
  type Access,
  type AccessBook,
  createAccessBook,
  type LocalUrls,
  type ProviderSettings,
} from "./access.ts";
import { createAnswerThreads } from "./answer-threads.ts";
import { createDemoProvider } from "./demo.ts";
import { createFairReading } from "./fair-reading.ts";
import type { ResumeCause } from "./hear-answer.ts";
import { createConnections, doubtConnections } from "./http-client.ts";
import { contextWindowOf, inputsOf } from "./known-models.ts";
import { createModelFinder } from "./model-finder.ts";
import type { Provider } from "./provider.ts";
import { findVendor, VENDOR_NAMES, type Vendor } from "./vendors.ts";
import type { SkippedKind } from "./wire/answer-state.ts";
import type { Leave } from "./wire/format.ts";
import { createWireProvider } from "./wire-provider.ts";

export const DEMO_MODEL = "demo/demo";
const MAX_ANSWER_CHARS = 2_000_000;
const RETRY_BASE_MS = 500;
/** A network that changes, a laptop that wakes. */
const PATIENCE_MS = 60_000;
/** A nap that a connection survives, and a model that was thinking may go on thinking after. */
const CONNECTION_OUTLIVES_MS = 45_000;
const QUIET_AFTER_WAKE_MS = 10_000;

export interface CatalogOptions {
  providers: ProviderSettings;
  defaultModel: string | undefined;
  /**
   * How long a model may be silent in the middle of an answer; twice that before its first byte.
   */
  stallSeconds: number;
  maxAnswerChars?: number | undefined;
  /** Between two words of the demo model. */
  demoDeltaMs?: number | undefined;
  /** Before the first retry; the second waits twice as long. */
  retryBaseMs?: number | undefined;
  /** In tokens, by the whole id of a model: what its user knows better than anybody. */
  contextWindows?: ReadonlyMap<string, number> | undefined;
  /** Events of answers that carried nothing known, for the metrics. */
  onSkipped?: ((provider: string, kind: SkippedKind, count: number) => void) | undefined;
  /**
   * Whether vendors that can may hold answers, so that they can be gone on with; not if undefined.
   */
  hold?: boolean | undefined;
  /** How long there may be no event of an answer that its vendor holds. */
  patienceMs?: number | undefined;
  onResumed?: ((provider: string, cause: ResumeCause) => void) | undefined;
  /** How many threads read answers; none: the event loop does. */
  answerThreads?: number | undefined;
  /** Where servers on this machine are looked for, to be offered. */
  localUrls?: LocalUrls | undefined;
}

/** A model id made usable. */
export interface ResolvedModel {
  provider: Provider;
  /** The provider's name as a metric label; from a closed list. */
  providerName: string;
  /** The model's name at its provider. */
  model: string;
  /** The whole id. */
  id: string;
  /** How many tokens the model can read and write in one go. */
  contextWindow: number;
  /** What it takes beside text. */
  inputs: readonly AttachmentType[];
}

/** Which models there are and how to reach them. */
export interface Catalog {
  readonly defaultModel: string;
  /** Nothing given: the default. Throws `model_unknown` or `key_missing`. */
  resolve(modelId: string | undefined | null): ResolvedModel;
  /** Never rejects: a server that does not answer soon has no models here. */
  list(): Promise<ModelList>;
  /** Throws `invalid_request` for a provider that there is not. */
  setKey(provider: string, key: string | undefined, baseUrl?: string): void;
  /** Forgets what `setKey` gave; what the companion was started with is valid again. */
  removeKey(provider: string): void;
  /** The machine slept for so long: connections to models may be dead without a sign. */
  wake(missedMs: number): void;
}

export function createCatalog(options: CatalogOptions): Catalog {
  const { stallSeconds, maxAnswerChars = MAX_ANSWER_CHARS, retryBaseMs = RETRY_BASE_MS } = options;
  const defaultModel = options.defaultModel ?? DEMO_MODEL;
  const book = createAccessBook(options.providers, options.localUrls);
  const connections = createConnections();
  const reading = createFairReading();
  const demo = createDemoProvider({ deltaMs: options.demoDeltaMs });
  const finder = createModelFinder(connections);
  const refused = new Map<string, Leave>();
  const { onSkipped = () => {}, onResumed = () => {} } = options;
  const { hold = false, patienceMs = PATIENCE_MS, answerThreads = 0 } = options;
  const limits = { stallSeconds, maxAnswerChars, retryBaseMs, patienceMs, hold };
  const told = { onSkipped, onResumed };
  const threads = answerThreads > 0 ? createAnswerThreads(answerThreads, told) : undefined;
  const windowOf = (id: string): number =>
    options.contextWindows?.get(id) ?? finder.contextWindowOf(id) ?? contextWindowOf(id);

  return {
    defaultModel,
    resolve(modelId) {
      const id = modelId ?? defaultModel;
      const slash = id.indexOf("/");
      const providerName = id.slice(0, Math.max(slash, 0));
      const model = id.slice(slash + 1);
      const named = { providerName, model, id, contextWindow: windowOf(id), inputs: inputsOf(id) };
      if (id === DEMO_MODEL) return { provider: demo, ...named };
      const vendor = findVendor(providerName);
      if (!vendor || model === "") throw unknownModel(id);
      const access = book.use(vendor.name);
      const shared = { connections, reading, refused, ...told };
      const provider = createWireProvider({ access, ...limits, ...shared });
      return { provider: threads?.reading(provider, { access, limits }) ?? provider, ...named };
    },
    async list() {
      const accesses = VENDOR_NAMES.map((name) => book.look(name));
      const served = await Promise.all(
        accesses.map(async (access) => (isAsked(access) ? await finder.modelsOf(access) : [])),
      );
      const data: Model[] = [toModel(DEMO_MODEL, "Demo (offline)", "streamkeeper", true)];
      const offers: ModelList["offers"] = [];
      for (const [index, access] of accesses.entries()) {
        const names = served[index] ?? [];
        if (access.configured || access.vendor.needsKey) data.push(...modelsOf(access, names));
        else offers.push(...names.map((name) => toOffer(access, name)));
      }
      addDefault(data, defaultModel, book);
      for (const model of data) model.context_window = windowOf(model.id);
      return { object: "list", data, default: defaultModel, offers };
    },
    setKey(provider, key, baseUrl) {
      book.set(vendorOrThrow(provider).name, { key, baseUrl });
      finder.forget();
    },
    removeKey(provider) {
      book.reset(vendorOrThrow(provider).name);
      finder.forget();
    },
    wake(missedMs) {
      if (missedMs < CONNECTION_OUTLIVES_MS) return;
      doubtConnections(connections, QUIET_AFTER_WAKE_MS);
      threads?.doubtConnections(QUIET_AFTER_WAKE_MS);
    },
  };
}

function unknownModel(id: string): ChatError {
  return new ChatError("model_unknown", `There is no model ${JSON.stringify(id.slice(0, 200))}.`, {
    hint: `A model is written provider/name; the providers are demo, ${VENDOR_NAMES.join(", ")}. For example ollama/qwen3.`,
  });
}

function vendorOrThrow(name: string): Vendor {
  const vendor = findVendor(name);
  if (vendor) return vendor;
  throw new ChatError(
    "invalid_request",
    `There is no provider ${JSON.stringify(name.slice(0, 100))}.`,
    {
      hint: `The providers are ${VENDOR_NAMES.join(", ")}.`,
    },
  );
}

/** Vendors with a fixed list are not asked: theirs is long and mostly not about chat. */
function isAsked({ vendor, baseUrl }: Access): boolean {
  return vendor.name === "ollama" || (!vendor.needsKey && baseUrl !== vendor.baseUrl);
}

function modelsOf(access: Access, served: readonly string[]): Model[] {
  const { vendor, key, baseUrl } = access;
  const available = key !== undefined || !vendor.needsKey;
  // Another server under the vendor's API has other models, which only it knows.
  const known = baseUrl === vendor.baseUrl ? vendor.models : [];
  return [...known, ...served].map((name) =>
    toModel(`${vendor.name}/${name}`, name, vendor.name, available),
  );
}

function toModel(id: string, name: string, owned_by: string, available: boolean): Model {
  return {
    id,
    object: "model",
    created: 0,
    owned_by,
    name,
    available,
    demo: id === DEMO_MODEL,
    context_window: contextWindowOf(id),
    inputs: [...inputsOf(id)],
  };
}

function toOffer({ vendor }: Access, name: string): ModelList["offers"][number] {
  const server = vendor.name === "ollama" ? vendor.label : "LM Studio";
  return { model: `${vendor.name}/${name}`, label: `${server} on this machine` };
}

/**
 * The default is in the list even if nobody told of it: it is what a message without a model gets.
 */
function addDefault(data: Model[], id: string, book: AccessBook): void {
  if (data.some((model) => model.id === id)) return;
  const slash = id.indexOf("/");
  const vendor = findVendor(id.slice(0, Math.max(slash, 0)));
  const available = vendor ? !vendor.needsKey || book.look(vendor.name).key !== undefined : false;
  data.push(toModel(id, id.slice(slash + 1), vendor?.name ?? "unknown", available));
}

// Real models: one request in the vendor's format, its answer read as it comes,
// tried again where that helps.
import { ChatError } from "../errors.ts";
import { type Batches, mapped, toBatches } from "./batches.ts";
import { withRetries } from "./failures/retry.ts";
import { addressOf, open, type WireProviderDeps } from "./hear-answer.ts";
import { isPrefilled, refusesPrefill, toConversation, withBegun, withoutSeam } from "./prompt.ts";
import type { HeldAnswers, Provider, ProviderRequest } from "./provider.ts";
import { readAnswer } from "./read-answer.ts";
import type { HeldPaths, Leave, WireFormat } from "./wire/format.ts";
import { formatOf } from "./wire/formats/formats.ts";

const MAX_AMENDS = 5;
const CANCEL_MS = 10_000;

export function createWireProvider(deps: WireProviderDeps): Provider {
  const { vendor } = deps.access;
  const format = formatOf(vendor.name, true);
  return {
    name: vendor.name,
    takes: vendor.takes,
    stream: (request, signal) => toBatches((batches) => answer(deps, request, batches), signal),
    held: format.held && heldAnswers(deps, format, format.held),
  };
}

function heldAnswers(deps: WireProviderDeps, format: WireFormat, paths: HeldPaths): HeldAnswers {
  const { access, connections } = deps;
  return {
    isHere: ({ at }) => at === addressOf(access),
    replay: ({ id }, request, signal) =>
      toBatches(async (batches) => {
        deps.onResumed(access.vendor.name, "restart");
        const { model, tools } = request;
        const mayBeEmpty = mayAnswerNothing(request);
        const asked = { path: paths.stream(id, undefined, model), headers: paths.headers };
        const known = { thinkingBegun: false, onThinkingBegun: () => {} };
        const ask = { format, request: asked, model, tools, held: id, mayBeEmpty, ...known };
        await readAnswer(deps, ask, batches);
      }, signal),
    async cancel({ id }) {
      const asked = { path: paths.cancel(id), headers: paths.headers, body: {} };
      const signal = AbortSignal.timeout(CANCEL_MS);
      const { response } = await open({ access, connections, stallSeconds: 5 }, asked, signal);
      response.destroy();
    },
  };
}

/** After a tool's result, or to an answer that was cut at its end, a model may add nothing. */
function mayAnswerNothing({ messages, begun = "" }: ProviderRequest): boolean {
  return messages.at(-1)?.role === "tool" || begun.trim() !== "";
}

/**
 * A request that the server refuses for a part of it is made again without: a plain
 * answer is better than none.
 */
async function answer(
  deps: WireProviderDeps,
  request: ProviderRequest,
  batches: Batches,
): Promise<void> {
  const { access, refused } = deps;
  const id = `${access.baseUrl} ${request.model}`;
  const mayBeEmpty = mayAnswerNothing(request);
  for (let amended = 0; ; amended += 1) {
    const leave = refused.get(id) ?? {};
    const holds = deps.hold && request.hold === true && !leave.hold;
    const format = formatOf(access.vendor.name, holds);
    const tools = leave.tools ? [] : request.tools;
    const prefilled = isPrefilled(request, access.vendor.name, leave);
    const asked = toConversation(withBegun({ ...request, tools }, prefilled), access.vendor.name);
    const heard = prefilled ? mapped(batches, withoutSeam(request.begun ?? "")) : batches;
    try {
      await withRetries(
        () =>
          readAnswer(
            deps,
            {
              format,
              request: format.toRequest(asked, leave),
              model: request.model,
              tools,
              mayBeEmpty,
              thinkingBegun: leave.thinkingBegun ?? false,
              onThinkingBegun: (thinkingBegun) => refused.set(id, { ...leave, thinkingBegun }),
            },
            heard,
          ),
        batches.hasShown,
        deps.retryBaseMs,
        batches.left,
      );
      return;
    } catch (thrown) {
      const next = batches.hasShown() ? undefined : amendment(thrown, leave, format);
      if (next === undefined || amended === MAX_AMENDS) throw thrown;
      refused.set(id, next);
    }
  }

  function amendment(thrown: unknown, leave: Leave, format: WireFormat): Leave | undefined {
    if (!(thrown instanceof ChatError) || thrown.code !== "upstream_rejected") return undefined;
    if (isPrefilled(request, access.vendor.name, leave) && refusesPrefill(thrown.message)) {
      return { ...leave, prefill: true };
    }
    if (format.held?.isRefused(thrown.message)) return { ...leave, hold: true };
    if (isAboutTools(thrown) && request.tools.length > 0 && !leave.tools) {
      return { ...leave, tools: true };
    }
    return format.amend?.(thrown.message, leave, request);
  }
}

/** In the words of Ollama, OpenAI, OpenRouter, vLLM. */
function isAboutTools({ message }: ChatError): boolean {
  return /\btool/i.test(message) && /support|enable/i.test(message);
}

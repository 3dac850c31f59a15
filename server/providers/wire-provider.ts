// Real models: one request in the vendor's format, its answer read as it comes, tried again where that helps.

import { ChatError } from "../errors.ts";
import { type Batches, toBatches } from "./batches.ts";
import { toConversation } from "./prompt.ts";
import type { Provider, ProviderRequest } from "./provider.ts";
import type { WireProviderDeps } from "./read-answer.ts";
import { readAnswer } from "./read-answer.ts";
import { withRetries } from "./retry.ts";
import type { Leave } from "./wire/format.ts";
import { formatOf } from "./wire/formats.ts";

const MAX_AMENDS = 4;

export function createWireProvider(deps: WireProviderDeps): Provider {
  return {
    name: deps.access.vendor.name,
    takes: deps.access.vendor.takes,
    stream: (request, signal) => toBatches((batches) => answer(deps, request, batches), signal),
  };
}

/** A request that the server refuses for a part of it is made again without: a plain answer is better than none. */
async function answer(
  deps: WireProviderDeps,
  request: ProviderRequest,
  batches: Batches,
): Promise<void> {
  const { access, refused } = deps;
  const format = formatOf(access.vendor.name);
  const id = `${access.baseUrl} ${request.model}`;
  // After a tool's result a model may have nothing to add.
  const mayBeEmpty = request.messages.at(-1)?.role === "tool";
  for (let amended = 0; ; amended += 1) {
    const leave = refused.get(id) ?? {};
    const tools = leave.tools ? [] : request.tools;
    const asked = toConversation({ ...request, tools }, access.vendor.name);
    try {
      await withRetries(
        () =>
          readAnswer(
            deps,
            {
              format,
              request: format.toRequest(asked, leave),
              mayBeEmpty,
              thinkingBegun: leave.thinkingBegun ?? false,
              onThinkingBegun: (thinkingBegun) => refused.set(id, { ...leave, thinkingBegun }),
            },
            batches,
          ),
        batches.hasShown,
        deps.retryBaseMs,
        batches.left,
      );
      return;
    } catch (thrown) {
      const next = batches.hasShown() ? undefined : amendment(thrown, leave);
      if (next === undefined || amended === MAX_AMENDS) throw thrown;
      refused.set(id, next);
    }
  }

  function amendment(thrown: unknown, leave: Leave): Leave | undefined {
    if (!(thrown instanceof ChatError) || thrown.code !== "upstream_rejected") return undefined;
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

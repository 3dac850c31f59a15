import type { Sampling } from "../../protocol/sampling.ts";
import type { ResolvedModel } from "../../providers/catalog.ts";
import type { Usage } from "../../providers/provider.ts";

/**
 * What the model says outside of the conversation, as far as it is wanted.
 * Rejects when the time is over.
 */
export async function askAside(
  { provider, model }: ResolvedModel,
  { system, content, sampling }: { system: string; content: string; sampling?: Sampling },
  { maxChars, timeoutMs }: { maxChars: number; timeoutMs: number },
  signal: AbortSignal,
): Promise<{ text: string; usage: Usage | undefined }> {
  const messages = [{ role: "user" as const, content }];
  const enough = new AbortController();
  const stop = AbortSignal.any([signal, enough.signal, AbortSignal.timeout(timeoutMs)]);
  let text = "";
  let usage: Usage | undefined;
  try {
    for await (const events of provider.stream(
      { model, system, messages, tools: [], sampling },
      stop,
    )) {
      for (const event of events) {
        if (event.type === "text") text += event.text;
        if (event.type === "finish") usage = event.usage;
      }
      if (text.length > maxChars) break;
    }
  } finally {
    enough.abort();
  }
  return { text, usage };
}

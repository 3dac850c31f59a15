import type { SamplingField } from "../../protocol/sampling.ts";
import type { ProviderRequest } from "../provider.ts";

/** How an answer is to be made, under the vendor's names; exactly what was asked for, the vendor refuses what is too much. */
export function toSettings(
  { sampling = {} }: Pick<ProviderRequest, "sampling">,
  names: Partial<Record<SamplingField, string>>,
): Record<string, unknown> {
  const fields = Object.entries(names) as [SamplingField, string][];
  return Object.fromEntries(
    fields.flatMap(([field, name]) =>
      sampling[field] === undefined ? [] : [[name, sampling[field]]],
    ),
  );
}

/** The most tokens of an answer: what the client wants, unless the server has said that it allows less. */
export function tokenLimit<T extends number | undefined>(
  { sampling }: Pick<ProviderRequest, "sampling">,
  allowed: T,
): number | T {
  const wanted = sampling?.max_output_tokens;
  return wanted === undefined ? allowed : Math.min(wanted, allowed ?? wanted);
}

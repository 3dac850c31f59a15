// What the formats share in the requests that they make.
import type { SamplingField } from "../../protocol/sampling.ts";
import type { ConversationAttachment, ConversationMessage, ProviderRequest } from "../provider.ts";

/**
 * How an answer is to be made, under the vendor's names; exactly what was asked for, the vendor
 * refuses what is too much.
 */
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

/**
 * The most tokens of an answer: what the client wants, unless the server has
 * said that it allows less.
 */
export function tokenLimit<T extends number | undefined>(
  { sampling }: Pick<ProviderRequest, "sampling">,
  allowed: T,
): number | T {
  const wanted = sampling?.max_output_tokens;
  return wanted === undefined ? allowed : Math.min(wanted, allowed ?? wanted);
}

/** What is attached, with its bytes: `toConversation` has named the rest in the text. */
export function attachedTo(
  message: Extract<ConversationMessage, { role: "user" }>,
): (ConversationAttachment & { data: string })[] {
  return (message.attachments ?? []).flatMap((one) =>
    one.data === undefined ? [] : [{ ...one, data: one.data }],
  );
}

export function dataUrl({ media_type, data }: ConversationAttachment & { data: string }): string {
  return `data:${media_type};base64,${data}`;
}

/** Some servers know a file's kind by the end of its name. */
export function fileName({ name }: ConversationAttachment): string {
  return /\.pdf$/i.test(name) ? name : `${name}.pdf`;
}

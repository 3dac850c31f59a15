// Pictures and files on a draft. They stand among its context, so that they go wherever that goes,
// and are told apart here.
import type { AttachmentRef } from "../../server/protocol/attachments.ts";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type { Attached, Going } from "../messages.ts";

export function isAttached(item: Going): item is Attached {
  return "hash" in item;
}

/** Its bytes are kept apart (`attachments/kept.ts`), or are the companion's already. */
export function toAttached(ref: AttachmentRef): Attached {
  return { ...ref, label: ref.name, content: "" };
}

export function split(going: readonly Going[]): {
  attachments: Attached[];
  context: ContextItem[];
} {
  return {
    attachments: going.filter(isAttached),
    context: going.filter((item): item is ContextItem => !isAttached(item)),
  };
}

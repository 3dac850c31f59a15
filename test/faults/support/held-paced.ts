// A vendor that holds its answers, for whole companions: as many words, as
// fast, as the message says.
import { HELD_GOOGLE, interactionOf } from "../../support/upstream/held-google.ts";
import { HELD_OPENAI, responseOf } from "../../support/upstream/held-openai.ts";
import { type HeldUpstream, startHeldUpstream } from "../../support/upstream/held-upstream.ts";
import type { PacedUpstream, Wish } from "./paced-upstream.ts";

export const HELD_VENDORS = {
  openai: { format: HELD_OPENAI, eventsOf: responseOf },
  google: { format: HELD_GOOGLE, eventsOf: interactionOf },
} as const;
export type HeldVendor = keyof typeof HELD_VENDORS;

export type HeldPaced = PacedUpstream & Pick<HeldUpstream, "asked" | "answers">;

export async function startHeldPaced(vendor: HeldVendor): Promise<HeldPaced> {
  const { format, eventsOf } = HELD_VENDORS[vendor];
  const upstream = await startHeldUpstream(format, {
    events(body, id) {
      const { words } = wishIn(body);
      return eventsOf({ words: Array.from({ length: words }, (_, n) => `w${n} `) }, id);
    },
    gapMs: (body) => wishIn(body).gap_ms,
  });
  const { origin, answers, asked, close } = upstream;
  const url = `${origin}${format.base}`;
  return { url, calls: new Map(), answers, asked, close };
}

/** The last one of a request's texts. */
function wishIn(body: Record<string, unknown>): Wish {
  const wishes = JSON.stringify(body).match(/\{\\"words\\":\d+,\\"gap_ms\\":\d+\}/g) ?? [];
  return JSON.parse((wishes.at(-1) ?? "{}").replaceAll("\\", "")) as Wish;
}

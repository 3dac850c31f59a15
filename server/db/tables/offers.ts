import { createHash } from "node:crypto";
import { isEmptyOffer, NO_OFFER, type Offer } from "../../domain/offer.ts";
import type { OffersTable, Reader } from "./schema.ts";

/** What a message brought along, once for all turns of the session that bring the same. */
export function offerRow(sessionId: string, offer: Offer): OffersTable | undefined {
  if (isEmptyOffer(offer)) return undefined;
  const body = JSON.stringify(offer);
  return { session_id: sessionId, id: createHash("sha256").update(body).digest("hex"), body };
}

export async function findOffer(
  reader: Reader,
  turn: { session_id: string; offer_id: string | null },
): Promise<Offer> {
  if (turn.offer_id === null) return NO_OFFER;
  const row = await reader
    .selectFrom("offers")
    .select("body")
    .where("session_id", "=", turn.session_id)
    .where("id", "=", turn.offer_id)
    .executeTakeFirst();
  return row ? (JSON.parse(row.body) as Offer) : NO_OFFER;
}

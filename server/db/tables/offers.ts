import { createHash } from "node:crypto";
import { isEmptyOffer, NO_OFFER, type Offer } from "../../domain/offer.ts";
import type { Reader, Trx } from "./schema.ts";
import type { Statement } from "./together.ts";

/**
 * Stores what a message brought along, once for all turns of the session that bring the same;
 * the id is null for nothing.
 */
export function offerInsert(
  trx: Trx,
  sessionId: string,
  offer: Offer,
): { id: string | null; statements: Statement[] } {
  if (isEmptyOffer(offer)) return { id: null, statements: [] };
  const body = JSON.stringify(offer);
  const id = createHash("sha256").update(body).digest("hex");
  const insert = trx
    .insertInto("offers")
    .values({ session_id: sessionId, id, body })
    .onConflict((conflict) => conflict.doNothing());
  return { id, statements: [insert] };
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

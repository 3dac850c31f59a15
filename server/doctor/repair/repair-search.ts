import { sql } from "kysely";
import type { SSEUnitOfWork } from "../../db/commit/unit-of-work.ts";
import { indexMessage } from "../../db/tables/search.ts";

/** Indexed in one transaction: a fraction of a second. */
const AT_ONCE = 500;

/**
 * Builds the index of the search on SQLite anew. Cut off in between it is out of step,
 * which the next look says.
 */
export async function rebuildSearch(uow: SSEUnitOfWork): Promise<void> {
  await uow.commit("repair", async (trx) => {
    await sql`insert into messages_search (messages_search) values ('delete-all')`.execute(trx);
    await sql`
      update messages set search_id = (select coalesce(max(search_id), 0) from messages) + rowid
      where search_id is null`.execute(trx);
  });
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after;
    after = await uow.commit("repair", async (trx) => {
      const rows = await trx
        .selectFrom("messages")
        .select(["search_id", "content"])
        .where("search_id", ">", from)
        .orderBy("search_id")
        .limit(AT_ONCE)
        .execute();
      for (const { search_id, content } of rows) {
        if (search_id !== null) await indexMessage(trx, search_id, content);
      }
      return rows.at(-1)?.search_id ?? undefined;
    });
  }
}

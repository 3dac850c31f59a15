import { sql } from "kysely";
import type { SSEUnitOfWork } from "../../db/commit/unit-of-work.ts";
import type { Trx } from "../../db/tables/schema.ts";
import { indexMessage } from "../../db/tables/search.ts";

async function rebuildTitles(trx: Trx): Promise<void> {
  await sql`insert into sessions_search (sessions_search) values ('delete-all')`.execute(trx);
  await sql`delete from sessions_searched`.execute(trx);
  await sql`insert into sessions_searched (session_id) select id from sessions`.execute(trx);
  await sql`
    insert into sessions_search (rowid, title)
    select search_id, title from sessions_searched join sessions on id = session_id`.execute(trx);
}

/** Indexed in one transaction: a fraction of a second. */
const AT_ONCE = 500;

/**
 * Builds the indexes of the search on SQLite anew. Cut off in between it is out of step,
 * which the next look says.
 */
export async function rebuildSearch(uow: SSEUnitOfWork): Promise<void> {
  await uow.commit("repair", async (trx) => {
    await rebuildTitles(trx);
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

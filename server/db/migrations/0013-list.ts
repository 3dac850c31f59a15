// Frozen: a correction is the next migration.
import { type Kysely, sql } from "kysely";

/**
 * The list of chats: what is pinned, what is put away, where a chat belongs; and how often its
 * model may still be asked for a title. The indexes of those that are pinned or put away are small:
 * each word of a chat moves it within the indexes that it is in.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const sessions = () => db.schema.alterTable("sessions");
  await sessions().addColumn("pinned_at", "bigint").execute();
  await sessions().addColumn("archived_at", "bigint").execute();
  await sessions().addColumn("workspace", "text").execute();
  // The titles of chats that are here may be somebody's own.
  await sessions()
    .addColumn("title_tries", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
  await sessions().addColumn("title_asked_at", "bigint").execute();
  await sql`
    update sessions set workspace = (
      select workspace from turns
      where turns.session_id = sessions.id and turns.workspace is not null
      order by after_seq desc limit 1)
  `.execute(db);
  for (const column of ["pinned_at", "archived_at"]) {
    await db.schema
      .createIndex(`sessions_${column.slice(0, -3)}`)
      .on("sessions")
      .columns(["updated_at", "id"])
      .where(sql.ref(column), "is not", null)
      .execute();
  }
  await db.schema
    .createIndex("sessions_by_workspace")
    .on("sessions")
    .column("workspace")
    .where(sql<boolean>`workspace is not null and deleted_at is null`)
    .execute();
}

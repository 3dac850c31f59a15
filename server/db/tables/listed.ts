// What the list of chats goes by, beside time: where a chat belongs, and where a person has put it.
import { type RawBuilder, sql } from "kysely";
import type { Reader } from "./schema.ts";
import { isPostgres } from "./search.ts";

export interface ListFilter {
  /** Only those that are put away, or only the others. */
  archived?: boolean | undefined;
  pinned?: boolean | undefined;
  workspace?: string | undefined;
}

/** Columns for a person's wishes; how new the chat is does not change with them. */
export function placeColumns(wish: {
  pinned?: boolean | undefined;
  archived?: boolean | undefined;
}): { pinned_at?: number | null; archived_at?: number | null } {
  const { pinned, archived } = wish;
  const now = Date.now();
  return {
    ...(pinned !== undefined && { pinned_at: pinned ? now : null }),
    ...(archived !== undefined && { archived_at: archived ? now : null }),
  };
}

/** As conditions on `sessions`. */
export function listConditions({
  archived = false,
  pinned,
  workspace,
}: ListFilter): RawBuilder<boolean> {
  const conditions = [
    archived
      ? sql<boolean>`sessions.archived_at is not null`
      : sql<boolean>`sessions.archived_at is null`,
    ...(pinned === true ? [sql<boolean>`sessions.pinned_at is not null`] : []),
    ...(pinned === false ? [sql<boolean>`sessions.pinned_at is null`] : []),
    ...(workspace !== undefined ? [sql<boolean>`sessions.workspace = ${workspace}`] : []),
  ];
  return sql<boolean>`(${sql.join(conditions, sql` and `)})`;
}

/**
 * What the list is ordered by. SQLite knows nothing of how many chats a workspace has: unless it is
 * told not to, it would read all chats in order to find the few.
 */
export function newnessIn(reader: Reader, { workspace }: ListFilter): RawBuilder<number> {
  const isHidden = workspace !== undefined && !isPostgres(reader);
  return isHidden ? sql<number>`+sessions.updated_at` : sql<number>`sessions.updated_at`;
}

/** Where there are chats of, in the order of their names. */
export async function workspacesOf(reader: Reader, limit: number): Promise<string[]> {
  const rows = await reader
    .selectFrom("sessions")
    .select("workspace")
    .distinct()
    .where("workspace", "is not", null)
    .where("deleted_at", "is", null)
    .orderBy("workspace")
    .limit(limit)
    .execute();
  return rows.flatMap(({ workspace }) => workspace ?? []);
}

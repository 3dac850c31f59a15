// New chats of many people in one transaction: where a thousand begin at one moment each would wait
// for a connection, three round trips and a flush of its own.
import type { Kysely } from "kysely";
import { onTwo, type SecondMachine } from "../engine/second-machine.ts";
import { isConnectionLost } from "../engine/storage-errors.ts";
import type { Database } from "../tables/schema.ts";
import type { PhysicalCommit } from "./commit-group.ts";
import { Gatherer } from "./gatherer.ts";
import { insertRows, joinRows, type NewRows } from "./new-rows.ts";

/** More would only make the first of them wait longer for the last. */
const MOST = 100;

/** Characters. What is larger goes as a step of its own: all of a group are one statement. */
export const LARGEST_SHARED = 65_536;

/** `began` and `worked` as in `AppendResult`. */
export type InsertResult = { began: number; worked: number } & PhysicalCommit &
  (
    | { status: "committed" }
    /** Nothing stored; or, in stage `commit` with the connection lost, nobody knows. */
    | { status: "failed"; stage: "work" | "commit"; error: unknown }
  );

/**
 * Stores what many ask for while one commit is on its way in the next. All or nothing of each:
 * where a group fails, each of it is tried again on its own, so that only the one to blame fails.
 */
export interface InsertGroup {
  insert(rows: NewRows): Promise<InsertResult>;
}

export function createInsertGroup(
  db: Kysely<Database>,
  second: SecondMachine | undefined,
): InsertGroup {
  const gatherer = new Gatherer<NewRows, InsertResult>(
    (all) => insertTogether(db, second, all),
    undefined,
    MOST,
  );
  return { insert: (rows) => gatherer.add(rows) };
}

async function insertTogether(
  db: Kysely<Database>,
  second: SecondMachine | undefined,
  all: readonly NewRows[],
): Promise<InsertResult[]> {
  const began = performance.now();
  let worked: number | undefined;
  let result:
    | { status: "committed" }
    | { status: "failed"; stage: "work" | "commit"; error: unknown };
  try {
    await onTwo(second, async () => {
      const trx = await db.startTransaction().execute();
      try {
        await insertRows(trx.withoutPlugins(), joinRows(all));
        worked = performance.now();
        await trx.commit().execute();
      } catch (thrown) {
        // What cannot roll back its driver discards.
        await trx
          .rollback()
          .execute()
          .catch(() => {});
        throw thrown;
      }
    });
    result = { status: "committed" };
  } catch (error) {
    // Once COMMIT is on its way another try could meet its own rows.
    if (all.length > 1 && worked === undefined && !isConnectionLost(error)) {
      const alone = await Promise.all(all.map((one) => insertTogether(db, second, [one])));
      return alone.flat();
    }
    result = { status: "failed", stage: worked === undefined ? "work" : "commit", error };
  }
  const at = { began, worked: worked ?? performance.now(), members: all.length, syncMs: undefined };
  return all.map(() => ({ ...result, ...at }));
}

import type { ControlledTransaction, Kysely } from "kysely";
import type { Database, Trx } from "../tables/schema.ts";

/** A transaction, or a savepoint in that of somebody else. */
export interface Scope {
  trx: Trx;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export async function beginScope(
  db: Kysely<Database>,
  owner: ControlledTransaction<Database> | undefined,
): Promise<Scope> {
  if (!owner) {
    const trx = await db.startTransaction().execute();
    return {
      trx: trx.withoutPlugins(),
      commit: () => trx.commit().execute(),
      rollback: () => trx.rollback().execute(),
    };
  }
  const name = "unit_of_work";
  const savepoint = await owner.savepoint(name).execute();
  return {
    trx: savepoint.withoutPlugins(),
    commit: async () => {
      await savepoint.releaseSavepoint(name).execute();
    },
    rollback: async () => {
      await savepoint.rollbackToSavepoint(name).execute();
    },
  };
}

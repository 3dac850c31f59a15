import type { OpenedDatabase } from "../open.ts";
import type { Subject } from "./metering.ts";
import { SSEUnitOfWork, type UnitOfWorkDeps } from "./unit-of-work.ts";

/** Gives each stream a unit of work of its own on this database. */
export function unitsOfWork(
  database: OpenedDatabase,
  deps: Pick<UnitOfWorkDeps, "metrics" | "log" | "recent">,
): (subject?: Subject) => SSEUnitOfWork {
  const { writer: db, commitGroup: group, appendLog } = database;
  return (subject) => new SSEUnitOfWork({ db, group, appendLog, ...deps }, subject);
}

import type { OpenedDatabase } from "../opened-database.ts";
import type { Subject } from "./metering.ts";
import { SSEUnitOfWork, type UnitOfWorkDeps } from "./unit-of-work.ts";

/** Gives a fresh one to each stream; named in what is told of its transactions. */
export type UnitsOfWork = (subject?: Subject) => SSEUnitOfWork;

export function unitsOfWork(
  database: OpenedDatabase,
  deps: Pick<UnitOfWorkDeps, "metrics" | "log" | "recent">,
): UnitsOfWork {
  const { writer: db, commitGroup: group, appendLog, insertGroup } = database;
  const { health, patienceSeconds, secondMachine, tail } = database;
  const all = {
    ...{ db, group, appendLog, insertGroup, tail, health, patienceSeconds, secondMachine },
    ...deps,
  };
  return (subject) => new SSEUnitOfWork(all, subject);
}

/**
 * The same on the connection that nothing else uses: a renewal that waited behind the ends of
 * hundreds of answers would come too late for them.
 */
export function unitsOfWorkOfLeases(
  database: OpenedDatabase,
  deps: Pick<UnitOfWorkDeps, "metrics" | "log" | "recent">,
): UnitsOfWork {
  return unitsOfWork({ ...database, writer: database.leaseWriter }, deps);
}

/** The same on the connection that waits behind nobody; undefined where there is none. */
export function unitsOfWorkAtOnce(
  database: OpenedDatabase,
  deps: Pick<UnitOfWorkDeps, "metrics" | "log" | "recent">,
): UnitsOfWork | undefined {
  const { atOnce } = database;
  return atOnce && unitsOfWork({ ...database, writer: atOnce.writer }, deps);
}

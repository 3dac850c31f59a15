// After a failover that lost something the logs it cut are shorter than what was shown of them. Who
// was shown it is told, before new words come under the same numbers.
import { unitsOfWorkAtOnce } from "../../db/commit/units-of-work.ts";
import { currentEpoch, cutLogs, logPlaces } from "../../db/tables/epochs.ts";
import type { ChatDeps } from "../deps.ts";
import { recoverTurns } from "../turn/recover-turns.ts";

/**
 * Looks after each failover whether logs end before what this companion has seen of them. All
 * that wait for the database come back at this moment; it waits behind none of them.
 */
export async function watchPromotions(deps: ChatDeps): Promise<void> {
  const { database, hub, log } = deps;
  const reader = database.atOnce?.reader;
  const newUnitOfWork = unitsOfWorkAtOnce(database, deps);
  if (!reader || !newUnitOfWork) return;
  let epoch = await currentEpoch(reader);
  let looking = Promise.resolve();
  const look = async (): Promise<void> => {
    try {
      const isCut = await tellCut();
      epoch = await currentEpoch(reader);
      if (isCut) void goOn().catch(notLooked);
    } catch (err) {
      notLooked(err);
    }
  };
  const goOn = async (): Promise<void> => {
    await deps.turns.wake();
    await recoverTurns(deps);
  };
  const notLooked = (err: unknown): void =>
    log.error({ err }, "what a failover has lost was not looked for");
  /** Whether any log was cut; its readers have heard of it then. */
  const tellCut = async (): Promise<boolean> => {
    const known = knownOf(deps);
    if (known.size === 0) return false;
    const ids = [...known.keys()];
    const places = await logPlaces(reader, ids);
    const cut = ids.filter((id) => (places.get(id)?.last_seq ?? Infinity) < (known.get(id) ?? 0));
    if (cut.length === 0) {
      hub.announceEpoch(places);
      return false;
    }
    await newUnitOfWork().commit("begin_epoch", (trx) => cutLogs(trx, epoch, cut));
    hub.announceEpoch(await logPlaces(reader, ids));
    log.warn({ sessions: cut.length }, "a failover lost what had been shown; a new epoch begins");
    return true;
  };
  database.away.listen({ onFound: () => (looking = looking.then(look)) });
}

/** Of each session that is read or written here, how far its log has come. */
function knownOf({ hub, turns }: ChatDeps): Map<string, number> {
  const known = new Map(turns.written());
  for (const [id, seq] of hub.seen()) known.set(id, Math.max(seq, known.get(id) ?? 0));
  return known;
}

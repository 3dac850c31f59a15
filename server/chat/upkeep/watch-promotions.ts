// After a failover that lost something the logs it cut are shorter than what was shown of them. Who
// was shown it is told, before new words come under the same numbers.
import { beginEpoch, currentEpoch, endLeases, lastSeqs } from "../../db/tables/epochs.ts";
import type { ChatDeps } from "../deps.ts";
import { recoverTurns } from "../turn/recover-turns.ts";

/** Below this it was a connection, and no server. */
const MOMENT_MS = 1_000;

/** Looks after each failover whether logs end before what this companion has seen of them. */
export async function watchPromotions(deps: ChatDeps): Promise<void> {
  const { database, log } = deps;
  let epoch = await currentEpoch(deps.reader);
  let looking = Promise.resolve();
  const look = async (): Promise<void> => {
    try {
      const cut = await cutLogs(deps);
      if (cut.length > 0) {
        await deps.newUnitOfWork().commit("begin_epoch", async (trx) => {
          // Another companion may have been the first to notice.
          if ((await currentEpoch(trx)) === epoch) await beginEpoch(trx, "went_back", cut);
          else await endLeases(trx, cut);
        });
        log.warn(
          { sessions: cut.length },
          "a failover lost what had been shown; a new epoch begins",
        );
      }
      epoch = await currentEpoch(deps.reader);
      deps.hub.announceEpoch();
      if (cut.length === 0) return;
      await deps.turns.wake();
      await recoverTurns(deps);
    } catch (err) {
      log.error({ err }, "what a failover has lost was not looked for");
    }
  };
  database.away.listen({
    onBack({ moved, awayMs }) {
      if (moved || awayMs > MOMENT_MS) looking = looking.then(look);
    },
  });
}

/** Sessions whose log does not reach any more as far as a reader or a writer here knows. */
async function cutLogs({ reader, hub, turns }: ChatDeps): Promise<string[]> {
  const known = new Map(turns.written());
  for (const [id, seq] of hub.seen()) known.set(id, Math.max(seq, known.get(id) ?? 0));
  if (known.size === 0) return [];
  const now = await lastSeqs(reader, [...known.keys()]);
  return now.filter(({ id, last_seq }) => last_seq < (known.get(id) ?? 0)).map(({ id }) => id);
}

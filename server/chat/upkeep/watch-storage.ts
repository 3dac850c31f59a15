import { v7 as uuid } from "uuid";
import { insertSession, removeSession } from "../../db/tables/sessions.ts";
import { toChatError } from "../../errors.ts";
import type { TurnDeps } from "../deps.ts";

const PROBE_MS = 2_000;
/** How often a database elsewhere is asked whether it is there, while it is. */
const PING_MS = 6_000;

/**
 * Notices by itself when storing works again, and when a database elsewhere goes away, though nobody writes. The state
 * is `metrics.storage`; every commit keeps it.
 */
export function watchStorage(
  deps: Pick<TurnDeps, "newUnitOfWork" | "metrics" | "log" | "soleCompanion">,
  ping: () => Promise<void>,
): { stop(): void } {
  const { metrics, log, soleCompanion } = deps;
  const { storage } = metrics;
  let told = storage.problem;
  let sincePing = 0;
  let stopped = false;

  const look = async (): Promise<void> => {
    sincePing += PROBE_MS;
    if (storage.problem !== undefined) await probe(deps);
    else if (!soleCompanion && sincePing >= PING_MS) {
      sincePing = 0;
      await ping();
    }
  };
  const tell = (): void => {
    if (storage.problem === told) return;
    told = storage.problem;
    metrics.databaseUp.set(told === "database_unavailable" ? 0 : 1);
    if (told === undefined) log.info("storing works again");
    else log.error({ code: told }, "nothing can be stored");
  };
  const next = (): NodeJS.Timeout => setTimeout(tick, PROBE_MS).unref();
  function tick(): void {
    tell();
    look()
      .catch((thrown: unknown) => storage.failed(toChatError(thrown, "internal", "").code))
      .finally(() => {
        tell();
        if (!stopped) timer = next();
      });
  }
  let timer = next();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Writes something for good and leaves nothing: a session that comes and goes in one transaction. */
async function probe({ newUnitOfWork }: Pick<TurnDeps, "newUnitOfWork">): Promise<void> {
  const id = uuid();
  const uow = newUnitOfWork();
  try {
    await uow.commit("probe_storage", async (trx) => {
      await insertSession(trx, { id, title: "", agent_type: "", model: null });
      await removeSession(trx, id);
    });
  } finally {
    uow.close();
  }
}

// A COMMIT whose answer was lost: what became of it.
import { setTimeout as delay } from "node:timers/promises";
import type { Kysely } from "kysely";
import { ChatError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { onTwo, type SecondMachine } from "../engine/second-machine.ts";
import { toStorageError } from "../engine/storage-errors.ts";
import type { StorageHealth } from "../engine/storage-health.ts";
import type { Database } from "../tables/schema.ts";
import type { Subject } from "./metering.ts";
import { type Failed, outcomeUnknown, type Succeeded, type Unknown } from "./outcome.ts";
import type { Tail } from "./tail.ts";

const MIN_READ_BACK_SECONDS = 15;

/** A wait that is longer is told to whoever asks whether storing works. */
const NOTICED_MS = 1_000;

interface ReadBackDeps {
  db: Kysely<Database>;
  tail: Pick<Tail, "settleInStep"> | undefined;
  health: Pick<StorageHealth, "failed">;
  log: Log;
  secondMachine?: SecondMachine | undefined;
}

/** Turns an unknown outcome into what the database says it was, as long as it can be asked. */
export async function resolveUnknown<T>(
  deps: ReadBackDeps,
  { sessionId, turnId }: Subject,
  { recover, phases, error }: Unknown<T>,
  { started, seconds }: { started: number; seconds: number },
): Promise<Succeeded<T> | Failed> {
  const deadline = Math.max(
    performance.now() + MIN_READ_BACK_SECONDS * 1000,
    started + seconds * 1000,
  );
  for (let tries = 0; recover && performance.now() < deadline; tries++) {
    try {
      const committed = await onTwo(deps.secondMachine, () =>
        deps.db.transaction().execute((trx) => {
          deps.tail?.settleInStep(undefined, sessionId);
          return recover(trx.withoutPlugins());
        }),
      );
      if (committed) return { status: "success", ...committed, phases };
      return { status: "rollback", error, phases };
    } catch (err) {
      if (tries === 0) deps.log.warn({ err, turn_id: turnId }, "reading back a lost commit failed");
      noteWait(deps.health, error, started);
      await delay(250);
    }
  }
  return { status: "error", phases, error: outcomeUnknown(error) };
}

/** Who asks meanwhile whether storing works hears why it does not. */
export function noteWait(health: ReadBackDeps["health"], error: unknown, started: number): void {
  if (performance.now() - started < NOTICED_MS) return;
  const told = toStorageError(error);
  if (told instanceof ChatError) health.failed(told.code);
}

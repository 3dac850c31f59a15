// Notices that the database was put back to an older state, also where nobody told us (a
// file copied by hand). Each data directory writes a nonce into the database and the same
// into a file beside it; who finds another nonce than the file knows has an older or
// another database before it.
import { v7 as uuid } from "uuid";
import {
  beginEpoch,
  currentEpoch,
  type EpochReason,
  setWitness,
  witnessOf,
} from "../../db/tables/epochs.ts";
import type { Witness } from "../../protocol/stored/witness.ts";
import type { ChatDeps } from "../deps.ts";

export interface WitnessFile {
  read(): Witness | undefined;
  write(witness: Witness): void;
}

type EpochDeps = Pick<ChatDeps, "reader" | "newUnitOfWork" | "log">;

/**
 * At start, before anybody reads: begins an epoch if the database is not
 * where the file last saw it.
 */
export async function checkEpoch(deps: EpochDeps, file: WitnessFile): Promise<void> {
  const known = file.read();
  const epoch = await currentEpoch(deps.reader);
  const reason = known && (await reasonOf(deps, known, epoch));
  if (reason !== undefined) {
    const uow = deps.newUnitOfWork();
    await uow.commit("begin_epoch", (trx) => beginEpoch(trx, reason));
    deps.log.warn({ reason }, "the database went back to an older state; a new epoch begins");
  }
  await renewWitness(deps, file);
}

async function reasonOf(
  deps: EpochDeps,
  known: Witness,
  epoch: string,
): Promise<EpochReason | undefined> {
  if (known.due !== undefined) return known.due;
  const nonce = await witnessOf(deps.reader, known.keeper);
  if (nonce !== undefined && known.nonces.includes(nonce)) return undefined;
  // On Postgres another companion may have noticed first. Then its epoch is not
  // the one that was left here.
  return epoch === known.epoch || nonce === undefined ? "went_back" : undefined;
}

/**
 * A copy of the database that was made before has another nonce from now on. Never rejects: without
 * it only less is noticed.
 */
export async function renewWitness(deps: EpochDeps, file: WitnessFile): Promise<void> {
  const { keeper = uuid(), nonces = [] } = file.read() ?? {};
  const nonce = uuid();
  const uow = deps.newUnitOfWork();
  try {
    const epoch = await currentEpoch(deps.reader);
    file.write({ keeper, nonces: [...nonces, nonce].slice(-2), epoch });
    await uow.commit("renew_witness", (trx) => setWitness(trx, keeper, nonce));
    file.write({ keeper, nonces: [nonce], epoch });
  } catch (err) {
    deps.log.warn({ err }, "an older copy of the database may not be noticed at the next start");
  }
}

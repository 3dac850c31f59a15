// Turns that a model is told of and no reader is shown, or the other way round: the log is right.
import { readVersions } from "../../chat/log/read-versions.ts";
import type { Reader, Trx } from "../../db/tables/schema.ts";
import { lockSession } from "../../db/tables/sessions.ts";
import { sessionsWithVersions, setReplacedBy } from "../../db/tables/versions.ts";

export interface WrongVersions {
  session_id: string;
  turns: { id: string; wanted: string | null }[];
}

export async function findWrongVersions(reader: Reader): Promise<WrongVersions[]> {
  const found: WrongVersions[] = [];
  for (const session_id of await sessionsWithVersions(reader)) {
    const turns = await wrongIn(reader, session_id);
    if (turns.length > 0) found.push({ session_id, turns });
  }
  return found;
}

export async function mendVersions(trx: Trx, { session_id }: WrongVersions): Promise<void> {
  await lockSession(trx, session_id);
  for (const turn of await wrongIn(trx, session_id)) await setReplacedBy(trx, [turn], turn.wanted);
}

async function wrongIn(reader: Reader, sessionId: string): Promise<WrongVersions["turns"]> {
  const { hiddenBy, rows } = await readVersions(reader, sessionId);
  return rows.flatMap(({ id, replaced_by }) => {
    const wanted = hiddenBy.get(id) ?? null;
    // What has hidden it is of no interest, as long as it is hidden.
    return (wanted === null) === (replaced_by === null) ? [] : [{ id, wanted }];
  });
}

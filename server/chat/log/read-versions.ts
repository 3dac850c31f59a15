import type { Reader } from "../../db/tables/schema.ts";
import { versionRows } from "../../db/tables/versions.ts";
import { type Replayed, replayVersions, toVersionChange } from "../../domain/replay-versions.ts";
import { isRecord } from "../../shared/json.ts";

/** The versions of a chat, as its log tells them; with each turn's row. */
export async function readVersions(
  reader: Reader,
  sessionId: string,
): Promise<Replayed & { rows: readonly { id: string; replaced_by: string | null }[] }> {
  const { turns, changes } = await versionRows(reader, sessionId);
  const told = changes.flatMap(({ payload, ...row }) => {
    return toVersionChange({ ...row, metadata: metadataIn(payload) }) ?? [];
  });
  return { ...replayVersions(turns, told), rows: turns };
}

/** What is damaged says nothing here; the doctor has a word for it. */
function metadataIn(payload: string): unknown {
  try {
    const said: unknown = JSON.parse(payload);
    return isRecord(said) ? said["metadata"] : undefined;
  } catch {
    return undefined;
  }
}

// What running calls have said: their words are chunks of the log, and the call's row
// knows how many they are.
import type { ChunkOf } from "../../../protocol/chunks.ts";
import { lastWritten } from "../../../protocol/tool-output.ts";
import type { Reader, Trx } from "../schema.ts";
import type { ToolCallRow } from "./tool-calls.ts";

export async function setOutputLength(
  trx: Trx,
  call: Pick<ToolCallRow, "session_id" | "call_id">,
  length: number,
): Promise<void> {
  await trx
    .updateTable("tool_calls")
    .set({ output_length: length })
    .where("session_id", "=", call.session_id)
    .where("call_id", "=", call.call_id)
    .execute();
}

/** Of a call that will say no more, for the model; its context is not filled with it. */
const MAX_TOLD = 10_000;

/** `told`, and the newest words of a call that has no result, if it has said any. */
export async function withLastWords(
  reader: Reader,
  call: ToolCallRow,
  told: string,
): Promise<string> {
  if (call.output_length === 0) return told;
  const rows = await reader
    .selectFrom("chunks")
    .select("payload")
    .where("session_id", "=", call.session_id)
    .where("seq", ">", (eb) =>
      eb.selectFrom("turns").select("after_seq").where("id", "=", call.turn_id),
    )
    .where((eb) => eb.and([eb("turn_id", "=", call.turn_id), eb("type", "=", "status")]))
    .orderBy("seq")
    .execute();
  const said = rows
    .map(({ payload }) => JSON.parse(payload) as ChunkOf<"status">)
    .filter(({ call_id, metadata }) => {
      return metadata?.state === "tool_output" && call_id === call.call_id;
    })
    .map(({ token }) => token ?? "")
    .join("");
  const text = lastWritten(said).trimEnd();
  const tail = text.slice(-MAX_TOLD).replace(/^[\uDC00-\uDFFF]/, "");
  const missing = text.length - tail.length;
  const before = missing === 0 ? "" : `[… ${missing} characters before are left out …]\n`;
  return `${told} What it had said until then:\n${before}${tail}`;
}

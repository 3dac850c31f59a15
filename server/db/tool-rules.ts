import type { Reader, Trx } from "./schema.ts";

/** From now on calls of this tool need not ask in this session. */
export async function allowTool(trx: Trx, sessionId: string, toolName: string): Promise<void> {
  await trx
    .insertInto("tool_rules")
    .values({
      session_id: sessionId,
      tool_name: toolName,
      rule: "allow",
      created_at: Date.now(),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function allowedTools(reader: Reader, sessionId: string): Promise<Set<string>> {
  const rows = await reader
    .selectFrom("tool_rules")
    .select("tool_name")
    .where("session_id", "=", sessionId)
    .execute();
  return new Set(rows.map(({ tool_name }) => tool_name));
}

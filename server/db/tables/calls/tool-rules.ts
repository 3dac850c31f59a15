import type { ToolKind } from "../../../protocol/offers.ts";
import type { Reader, Trx } from "../schema.ts";

interface Place {
  sessionId: string;
  /** Null for a client that did not say. */
  workspace: string | null;
}

/**
 * From now on calls of this tool need not ask in this session, as long as it
 * works in this workspace.
 */
export async function grantTool(
  trx: Trx,
  { sessionId, workspace }: Place,
  tool: { name: string; kind: ToolKind },
): Promise<void> {
  await trx
    .insertInto("tool_rules")
    .values({
      session_id: sessionId,
      workspace: workspace ?? "",
      tool_name: tool.name,
      kind: tool.kind,
      rule: "allow",
      created_at: Date.now(),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** False if nobody had allowed it. */
export async function revokeTool(trx: Trx, sessionId: string, name: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom("tool_rules")
    .where("session_id", "=", sessionId)
    .where("tool_name", "=", name)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Name -> kind, of the tools that need not ask here. */
export async function grantedTools(
  reader: Reader,
  { sessionId, workspace }: Place,
): Promise<Map<string, ToolKind>> {
  const rows = await reader
    .selectFrom("tool_rules")
    .select(["tool_name", "kind"])
    .where("session_id", "=", sessionId)
    .where("workspace", "=", workspace ?? "")
    .execute();
  return new Map(rows.map(({ tool_name, kind }) => [tool_name, kind]));
}

// A database of very many short chats, written with the program's own statements, many at once.
import { v7 as uuid } from "uuid";
import { insertRows, joinRows, type NewRows } from "../../server/db/commit/new-rows.ts";
import { SSEUnitOfWork, type UnitOfWorkDeps } from "../../server/db/commit/unit-of-work.ts";
import { chunkRow, numberedFrom } from "../../server/db/tables/chunks.ts";
import { messageRow } from "../../server/db/tables/messages.ts";
import { sessionRow } from "../../server/db/tables/sessions.ts";
import { turnRow } from "../../server/db/tables/turns.ts";
import type { NewChunk } from "../../server/protocol/chunks.ts";
import { createText } from "./long-history.ts";

const AT_ONCE = 100;
const BY = { model: "bench/1x1", agent_type: "universal" };

/** `turns`: of each. They are told to be compact already, though their chunks are whole. */
export async function writeChats(
  deps: UnitOfWorkDeps,
  { chats, turns }: { chats: number; turns: number },
  textOf = createText(),
): Promise<void> {
  const uow = new SSEUnitOfWork(deps);
  for (let written = 0; written < chats; written += AT_ONCE) {
    const count = Math.min(AT_ONCE, chats - written);
    const rows = joinRows(Array.from({ length: count }, () => chatOf(turns, textOf)));
    await uow.commit("import_messages", (trx) => insertRows(trx, rows));
  }
  uow.close();
}

function chatOf(turns: number, textOf: (words: number) => string): NewRows {
  const id = uuid();
  const title = textOf(4);
  const first: NewChunk = {
    type: "session_info",
    metadata: { title, agent_type: BY.agent_type, model: BY.model },
  };
  const all = Array.from({ length: turns }, (_, n) => turnOf(id, 1 + n * 3, textOf));
  const session = { ...BY, id, title, last_seq: 1 + turns * 3, lease_fence: 0 };
  return joinRows([
    {
      sessions: [sessionRow(session)],
      chunks: numberedFrom({ sessionId: id }, [first], 1).map(chunkRow),
    },
    ...all,
  ]);
}

function turnOf(session_id: string, after_seq: number, textOf: (words: number) => string): NewRows {
  const id = uuid();
  const question = textOf(12);
  const answer = textOf(40);
  const chunks: NewChunk[] = [
    { type: "user_message", content: question, metadata: BY },
    { type: "assistant_message", token: answer },
    { type: "done", metadata: { ...BY, finish_reason: "stop", elapsed_ms: 0, context_tokens: 0 } },
  ];
  const common = { session_id, turn_id: id, status: "complete", metadata: {} } as const;
  const said = [
    { ...common, position: after_seq + 1, role: "user", content: question },
    { ...common, position: after_seq + 3, role: "assistant", content: answer },
  ] as const;
  const turn = turnRow({ ...BY, id, session_id, after_seq });
  return {
    turns: [{ ...turn, status: "done", ended_at: turn.started_at, compact_from: null }],
    chunks: numberedFrom({ sessionId: session_id, turnId: id }, chunks, after_seq + 3).map(
      chunkRow,
    ),
    messages: said.map(messageRow),
  };
}

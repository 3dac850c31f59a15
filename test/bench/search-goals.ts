// Searching through a million messages: the first page of what is found, with words that stand in
// nearly all of them, in some, in one and in none.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { timesOf } from "./history-goals.ts";
import { median } from "./hot-path-goals.ts";
import { createText, withEmpty } from "./long-history.ts";
import { writeChats } from "./many-chats.ts";
import { startMeasured } from "./measured-companion.ts";
import type { Result } from "./result.ts";

const GOAL_MS = 50;
const TURNS = 2;
const MESSAGES_OF_TURN = 2;
const ONCE = "quetzalcoatl";
const SEARCHES = [
  "zzzz not there",
  ONCE,
  `the ${ONCE}`,
  "transaction",
  "committed before",
  "the",
  "st",
];

/** `database`: the URL of an empty Postgres database; undefined: a SQLite file. */
export async function measureSearch(
  database: string | undefined,
  quick: boolean,
): Promise<Result[]> {
  const folder = mkdtempSync(join(tmpdir(), "streamkeeper-search-"));
  const where = database ?? join(folder, "streamkeeper.db");
  const chats = quick ? 5_000 : 250_000;
  await withEmpty(where, async ({ writer }, deps) => {
    const textOf = createText();
    await writeChats(deps, { chats: chats / 2, turns: TURNS }, textOf);
    await writeChats(deps, { chats: 1, turns: 1 }, (words) => `${ONCE} ${textOf(words)}`);
    await writeChats(deps, { chats: chats / 2, turns: TURNS }, textOf);
    // As autovacuum does within a minute.
    if (database !== undefined) await sql`analyze`.execute(writer);
  });
  const companion = await startMeasured({ database: where });
  try {
    const times: [query: string, ms: number][] = [];
    for (const query of SEARCHES) {
      const search = `/v1/sessions?query=${encodeURIComponent(query)}`;
      times.push([query, median(await timesOf(companion, search, "whole"))]);
    }
    const messages = chats * TURNS * MESSAGES_OF_TURN;
    const slowest = Math.max(...times.map(([, ms]) => ms));
    return [
      {
        what: `the first page of a search through ${messages.toLocaleString("en")} messages in ${chats.toLocaleString("en")} chats`,
        measured: times.map(([query, ms]) => `“${query}” ${ms.toFixed(1)}`).join(", ") + " ms",
        baseline: "–",
        goal: `≤ ${GOAL_MS} ms each`,
        met: slowest <= GOAL_MS,
      },
    ];
  } finally {
    await companion.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

// Two companions on one Postgres, each with its own connections, as on two machines.
import { followPeers } from "../../server/chat/upkeep/follow-peers.ts";
import type { DatabaseSource } from "../../server/db/opened-database.ts";
import { openChat, type Script, type TestChat } from "./chat.ts";
import { POSTGRES } from "./engines.ts";

/** `second`: how the second one comes to the same database. */
export async function withTwo(
  scripts: [Script, Script],
  body: (a: TestChat, b: TestChat, url: string) => Promise<void>,
  second: (url: string) => Promise<DatabaseSource> | DatabaseSource = (url) => ({
    engine: "postgres",
    url,
  }),
): Promise<void> {
  const database = await POSTGRES.create();
  const url = database.flag;
  try {
    const a = await openChat({ engine: "postgres", url }, scripts[0]);
    const b = await openChat(await second(url), scripts[1]);
    const following = [a, b].map((one) => followPeers(one.deps));
    try {
      await body(a, b, url);
    } finally {
      for (const one of following) await one.stop();
      await a.close();
      await b.close();
    }
  } finally {
    await database.remove();
  }
}

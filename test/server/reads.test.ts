// A read that the database fails is done again where that can help, and else says what is the
// matter: never that something went wrong inside the companion.
import assert from "node:assert/strict";
import pg from "pg";
import { listSessions } from "../../server/db/tables/sessions.ts";
import { ChatError } from "../../server/errors.ts";
import { FINISH, openChat, read, say, text } from "../support/chat.ts";
import { withCompanion } from "../support/companion.ts";
import { POSTGRES } from "../support/engines.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

/** A database behind a relay, and the way around it. */
async function withRelay(
  body: (url: string, proxy: TcpProxy, directUrl: string) => Promise<void>,
): Promise<void> {
  const database = await POSTGRES.create();
  const url = new URL(database.flag);
  const proxy = await startTcpProxy(Number(url.port));
  url.port = String(proxy.port);
  try {
    await body(url.href, proxy, database.flag);
  } finally {
    await proxy.close();
    await database.remove();
  }
}

/** The text of a query of the extended protocol, wherever in the packet. */
const asks = (data: Buffer, words: string) => data.includes(words);

describe("reads", () => {
  it("of a turn are done again when their connection breaks, before or after the answer was on its way", () =>
    withRelay(async (url, proxy, directUrl) => {
      const source = { engine: "postgres", url, directUrl } as const;
      const open = await openChat(source, () => [text("Hello"), FINISH]);
      try {
        // The first step of a chat reads nothing that it has just stored.
        const first = await say(open.chat, "first");
        await read(open.chat, first);
        const { session_id } = first;
        for (const verdict of ["cut", "pass then cut"] as const) {
          const left = new Map([
            ['from "messages"', 2],
            ['from "summaries"', 2],
            ['from "plans"', 2],
            ['from "requests"', 2],
            ['from "sessions" left join', 2],
          ]);
          let cuts = 0;
          proxy.onClientData = (data) => {
            for (const [words, times] of left) {
              if (times === 0 || !asks(data, `select`) || !asks(data, words)) continue;
              left.set(words, times - 1);
              cuts++;
              return verdict;
            }
            return "pass";
          };
          const turn = await say(open.chat, "hi", { session_id, request_id: verdict });
          const chunks = await read(open.chat, turn);
          proxy.onClientData = () => "pass";
          assert.ok(cuts >= 6, `${cuts} cuts`);
          assert.equal(chunks.at(-1)?.type, "done", JSON.stringify(chunks.at(-1)));
        }
      } finally {
        await open.close();
      }
    })).timeout(30_000);

  it("are done again when the server ends all connections, however often", () =>
    withRelay(async (url, _proxy, directUrl) => {
      const open = await openChat({ engine: "postgres", url, directUrl }, () => [FINISH]);
      const admin = new pg.Client({ connectionString: directUrl });
      await admin.connect();
      try {
        // One for each read: by time a slow machine would end every try of the same one.
        const endAll = () =>
          admin.query(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
          );
        for (let n = 0; n < 40; n++) {
          const [rows] = await Promise.all([
            listSessions(open.database.reader, { limit: 10 }),
            endAll(),
          ]);
          assert.deepEqual(rows, []);
        }
      } finally {
        await admin.end();
        await open.close();
      }
    })).timeout(30_000);

  it("say that the database is away, when it stays away", () =>
    withRelay(async (url, proxy, directUrl) => {
      const open = await openChat({ engine: "postgres", url, directUrl }, () => [FINISH]);
      try {
        proxy.onClientData = () => "cut";
        await assert.rejects(listSessions(open.database.reader, { limit: 10 }), (thrown) => {
          assert.ok(thrown instanceof ChatError, String(thrown));
          assert.equal(thrown.code, "database_unavailable");
          assert.ok(thrown.retryAfterSeconds);
          return true;
        });
        proxy.onClientData = () => "pass";
        assert.deepEqual(await listSessions(open.database.reader, { limit: 10 }), []);
      } finally {
        await open.close();
      }
    })).timeout(30_000);

  it("over HTTP are 503 with Retry-After, like writes", () =>
    withRelay(async (url, proxy) => {
      await withCompanion({ args: ["--database", url] }, async (companion) => {
        const made = await companion.request("POST", "/v1/sessions", {});
        const { id } = (await made.json()) as { id: string };
        proxy.onClientData = () => "cut";
        proxy.cutAll();
        const paths = ["", "?query=something", `/${id}`, `/${id}/messages`, `/${id}/pending`];
        const streams = [`/${id}/stream`, `/${id}/stream?until=turn_end`];
        await Promise.all(
          [...paths, ...streams].map(async (path) => {
            const response = await companion.request("GET", `/v1/sessions${path}`);
            const told = await response.text();
            assert.equal(response.status, 503, `${path}: ${told}`);
            assert.match(told, /database_unavailable/);
            assert.ok(Number(response.headers.get("retry-after")) > 0, path);
          }),
        );
      });
    })).timeout(60_000);
});

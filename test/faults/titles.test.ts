// The companion is killed while models give chats their titles and people give others.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { TITLE_PROMPT } from "../../server/domain/titles.ts";
import { until } from "../support/asking.ts";
import type { Companion } from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";
import { FULL } from "../support/length.ts";
import { normal, textOf } from "../support/upstream/openai-scripts.ts";
import type { Script, UpstreamRequest } from "../support/upstream/start-upstream.ts";
import { NOTHING_CHECKED, withKilled } from "./support/killed.ts";
import { record } from "./support/results.ts";
import { viewStorage } from "./support/storage-view.ts";

const KILLS = FULL ? 50 : 3;
const CHATS = 4;
/** So long a chat rests before its model is asked. */
const REST_MS = 2_000;
const TITLE = "Writing a parser";

const saidIn = ({ body }: UpstreamRequest): string[] =>
  (body as { messages: { content: unknown }[] }).messages.map(({ content }) => textOf(content));

const wantsTitle = (request: UpstreamRequest): boolean =>
  saidIn(request).some((said) => said.includes(TITLE_PROMPT));

const script: Script = async (request, response) => {
  if (!wantsTitle(request)) return normal("With a table.")(request, response);
  await delay(50 + Math.random() * 100);
  return normal(TITLE)(request, response);
};

async function say({ request }: Companion, content: string, session_id?: string): Promise<string> {
  const body = { session_id, message: { type: "user_message", content } };
  const answer = await request("POST", "/v1/messages/stream", body);
  const text = await answer.text();
  assert.match(text, /"type":"done"/);
  return answer.headers.get("x-session-id") ?? "";
}

/** Any from when the first chat has rested; of every other kill while a model thinks of a title. */
function momentOf(n: number, isAsked: () => boolean): number | Promise<unknown> {
  if (n % 2 === 1) return REST_MS - 50 + Math.random() * 250;
  return until("a model asked for a title", isAsked).then(() => delay(Math.random() * 400));
}

interface Row {
  title: string;
  title_tries: number | string;
  title_asked_at: number | string | null;
}

for (const engine of ENGINES) {
  describe(`titles on ${engine.engine}`, function () {
    this.timeout(FULL ? 1_800_000 : 180_000);

    it(`are a person's or asked for once, though the companion dies by kill -9 at ${KILLS} moments`, () =>
      withKilled(
        engine,
        script,
        async ({ companion, asked, database, killDuring }) => {
          const view = viewStorage(database);
          const rowOf = async (id: string): Promise<Row> => {
            const [row] = await view.rows<Row>(
              "select title, title_tries, title_asked_at from sessions where id = ?",
              [id],
            );
            assert.ok(row);
            return { ...row, title_tries: Number(row.title_tries) };
          };
          try {
            for (let n = 0; n < KILLS; n++) {
              const questions = Array.from({ length: CHATS }, (_, k) => `A parser: ${n} of ${k}?`);
              const before = asked.filter(wantsTitle).length;
              const isAsked = () => asked.filter(wantsTitle).length > before;
              const first = companion();
              const ids = await Promise.all(questions.map((question) => say(first, question)));
              const own = ids.filter((_, k) => k % 2 === 1);
              const named = new Set<string>();
              const name = (one: Companion) =>
                Promise.all(
                  own.map(async (id) => {
                    const path = `/v1/sessions/${id}`;
                    const answer = await one.request("PATCH", path, { title: "Mine" });
                    assert.ok(answer.ok, await answer.text());
                    named.add(id);
                  }),
                );
              await killDuring(momentOf(n, isAsked), async (one) => {
                await until("a model asked for a title", isAsked);
                await delay(Math.random() * 50);
                await name(one);
              });
              const found = await Promise.all(ids.map(rowOf));
              for (const [k, id] of ids.entries()) {
                if (named.has(id)) assert.equal(found[k]?.title, "Mine", "a person's own stays");
              }
              await name(companion());
              // The end of another answer is where a title is asked for that was not yet.
              await Promise.all(ids.map((id) => say(companion(), "Go on", id)));
              // Who may not ask would have asked by then.
              await delay(REST_MS + 500);
              for (const [k, id] of ids.entries()) {
                const whole = { title: TITLE, title_tries: 0, title_asked_at: null };
                const before = found[k];
                if (own.includes(id)) {
                  assert.deepEqual(await rowOf(id), { ...whole, title: "Mine" });
                } else if (before?.title_tries === 1) {
                  // Who asked was killed: whoever asks again waits for it at first.
                  assert.equal(before.title, questions[k]);
                  assert.deepEqual(await rowOf(id), before);
                } else {
                  await until("a title", async () => (await rowOf(id)).title === TITLE);
                  assert.deepEqual(await rowOf(id), whole);
                }
                const isOf = (one: UpstreamRequest): boolean =>
                  wantsTitle(one) && saidIn(one).some((said) => said.includes(questions[k] ?? ""));
                assert.ok(asked.filter(isOf).length <= 1, `${id} was asked for more than once`);
              }
              assert.deepEqual(await view.integrity(), []);
              const checks = {
                ...NOTHING_CHECKED,
                once: CHATS,
                text: CHATS,
                next: CHATS,
                intact: 1,
              };
              record("kill -9, titles given", engine.engine, checks);
            }
          } finally {
            await view.close();
          }
        },
        ["--titles", "on"],
      ));
  });
}

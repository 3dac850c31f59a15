// Files of chats over HTTP, and through the death of the companion that takes them in.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { ImportReport } from "../../server/protocol/responses.ts";
import {
  type Companion,
  newDataDir,
  rawRequest,
  startCompanion,
  withCompanion,
} from "../support/companion.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

async function say(companion: Companion, content: string): Promise<string> {
  const body = { message: { type: "user_message", content }, model: "demo/demo" };
  const response = await companion.request("POST", "/v1/messages/stream", body);
  await response.text();
  return response.headers.get("x-session-id") ?? "";
}

const upload = (companion: Companion, file: string, query = "") =>
  fetch(`${companion.url}/v1/import${query}`, {
    method: "POST",
    headers: { authorization: `Bearer ${companion.token}`, "content-type": "application/jsonl" },
    body: file,
  });

const exported = async (companion: Companion, path = "/v1/export"): Promise<string> =>
  await (await companion.request("GET", path)).text();

describe("files of chats over HTTP", () => {
  it("are named as their chats, in every language, and come in again", () =>
    withCompanion({}, async (companion) => {
      const id = await say(companion, "Привет: a/b “c”");
      const response = await companion.request("GET", `/v1/sessions/${id}/export`);
      const disposition = response.headers.get("content-disposition") ?? "";
      const encoded = /filename\*=UTF-8''(\S+)$/.exec(disposition)?.[1] ?? "";
      assert.equal(decodeURIComponent(encoded), "Привет a b “c”.jsonl");
      const file = await response.text();
      const copied = await upload(companion, file, "?copies=true");
      assert.equal(copied.status, 200);
      const { counts } = ImportReport.parse(await copied.json());
      assert.equal(counts.imported, 1);
      // As Windows' tools leave it.
      const marked = `\uFEFF${file.replaceAll("\n", "\r\n")}`;
      const again = ImportReport.parse(await (await upload(companion, marked)).json());
      assert.equal(again.counts.present, 1);
      assert.equal(again.complete, true);
      const twice = ImportReport.parse(await (await upload(companion, file + file)).json());
      assert.deepEqual([twice.counts.present, twice.complete], [2, true]);
      for (const [type, status] of [
        ["application/json", 415],
        ["text/plain", 415],
      ] as const) {
        const refused = await fetch(`${companion.url}/v1/import`, {
          method: "POST",
          headers: { authorization: `Bearer ${companion.token}`, "content-type": type },
          body: file,
        });
        assert.equal(refused.status, status);
      }
      for (const nonsense of ["", "nonsense", '{"line":"chat"}', "\0\0\0\n\n"]) {
        const report = ImportReport.parse(await (await upload(companion, nonsense)).json());
        assert.equal(report.complete, false);
        assert.match(report.message ?? "", /cut off/);
      }
      assert.equal((await companion.request("GET", "/v1/sessions/none/export")).status, 404);
      const csv = await companion.request("GET", `/v1/sessions/${id}/export?format=csv`);
      assert.equal(csv.status, 400);
    }));

  it("are taken in whole after a kill in the middle, and nothing twice", async () => {
    const dataDir = newDataDir();
    try {
      let file = "";
      await withCompanion({}, async (source) => {
        const id = await say(source, "one");
        for (let n = 0; n < 50; n += 1) await source.request("POST", `/v1/sessions/${id}/fork`, {});
        file = await exported(source);
      });
      const chats = file.split("\n").filter((line) => line.startsWith('{"line":"chat"')).length;
      let target = await startCompanion({ dataDir });
      for (let kills = 0; kills < 4; kills += 1) {
        const half = file.slice(0, (file.length * (kills + 1)) / 5);
        const socket = connect(target.port, "127.0.0.1");
        socket.on("error", () => undefined);
        socket.write(
          `POST /v1/import HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nAuthorization: Bearer ${target.token}\r\n` +
            `Content-Type: application/jsonl\r\nContent-Length: ${Buffer.byteLength(file)}\r\n\r\n${half}`,
        );
        const before = kills === 0 ? 0 : await countSessions(target);
        while ((await countSessions(target)) <= before);
        await target.kill();
        socket.destroy();
        target = await startCompanion({ dataDir });
      }
      const report = ImportReport.parse(await (await upload(target, file)).json());
      assert.equal(report.complete, true, JSON.stringify(report));
      assert.equal(report.counts.imported + report.counts.present, chats);
      assert.ok(report.counts.present > 0);
      assert.equal(await exported(target), file);
      await target.stop();
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});

describe("a copy of a chat over HTTP", () => {
  it("is made once, though its answer is lost on the way", () =>
    withCompanion({ quick: true }, async (companion) => {
      const id = await say(companion, "one");
      const proxy = await startTcpProxy(companion.port);
      const body = JSON.stringify({ request_id: "a-copy" });
      // Also the name of the place has to be the companion's own.
      const ask = () =>
        rawRequest(
          proxy.port,
          `POST /v1/sessions/${id}/fork HTTP/1.1\r\nHost: 127.0.0.1:${companion.port}\r\n` +
            `Authorization: Bearer ${companion.token}\r\nContent-Type: application/json\r\n` +
            `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        );
      try {
        for (const verdict of ["pass then cut", "give up"] as const) {
          proxy.onClientData = () => verdict;
          assert.equal(await ask(), "");
        }
        assert.equal(await countSessions(companion), 2);
        proxy.onClientData = () => "pass";
        const answer = await ask();
        assert.match(answer, /^HTTP\/1.1 201 /);
        assert.ok(!answer.includes(`"id":"${id}"`));
        assert.equal(await countSessions(companion), 2);
      } finally {
        await proxy.close();
      }
    }));
});

async function countSessions(companion: Companion): Promise<number> {
  const response = await companion.request("GET", "/v1/sessions?limit=200");
  return ((await response.json()) as { sessions: unknown[] }).sessions.length;
}

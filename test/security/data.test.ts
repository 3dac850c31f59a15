// Attacks through what is stored and streamed, by their ids in docs/security.md.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import {
  type Companion,
  chunksOf,
  newDataDir,
  rawRequest,
  startCompanion,
} from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";

const HOSTILE = [
  "a\r\nSet-Cookie: x=1\r\n\r\n<script>",
  "data: {}\n\nid: 99\nevent: done\ndata: x\n\n",
  ": comment\nretry: 1\n",
  "\u2028\u2029\uFEFF\u0085",
  "nul \0 nul",
  "half a pair \uD83C alone",
  "'); drop table chunks; --",
  '" OR NEAR(a b) * - ^ AND NOT (',
  "__proto__",
  "\u001b]52;c;AAAA\u0007\u001b[2J",
];

for (const engine of ENGINES) {
  describe(`attacks through data on ${engine.engine}`, function () {
    this.timeout(60_000);
    let companion: Companion;
    let remove: () => Promise<void>;
    const dataDir = newDataDir();
    before(async () => {
      const database = await engine.create();
      remove = () => database.remove();
      companion = await startCompanion({
        dataDir,
        args: ["--database", database.flag],
        quick: true,
      });
    });
    after(async () => {
      await companion.kill();
      await remove();
      rmSync(dataDir, { recursive: true, force: true });
    });

    const send = (body: unknown) => companion.request("POST", "/v1/messages/stream", body);

    it("E1 D1 D3 whatever is said comes back as it was said, in one frame", async () => {
      await Promise.all(
        HOSTILE.map(async (content) => {
          const response = await send({ message: { type: "user_message", content } });
          // Postgres stores neither; both engines say the same of it, at the door.
          const isStorable = content.isWellFormed() && !content.includes("\0");
          assert.equal(response.status, isStorable ? 200 : 400, JSON.stringify(content));
          if (!isStorable) return;
          assert.equal(response.headers.get("set-cookie"), null);
          const types: string[] = [];
          let said: string | undefined;
          // Throws at a frame that is not one of ours.
          for await (const chunk of chunksOf(response)) {
            types.push(chunk.type);
            if (chunk.type === "user_message") said = chunk.content;
          }
          assert.equal(types.filter((type) => type === "done").length, 1, JSON.stringify(content));
          assert.equal(said, content);
          const query = encodeURIComponent(content);
          const found = await companion.request("GET", `/v1/sessions?query=${query}`);
          assert.ok(found.status < 500, JSON.stringify(content));
        }),
      );
    });

    it("E6 no event gets its name from outside", async () => {
      for (const type of ["x\nevent: done", "done", "assistant_message", "__proto__"]) {
        const { status } = await send({ message: { type, content: "hello" } });
        assert.equal(status, 400, type);
      }
    });

    it("D4 the largest message comes back whole, and a larger one is refused", async () => {
      const content = "word ".repeat(180_000).trim();
      const response = await send({ message: { type: "user_message", content } });
      assert.equal(response.status, 200);
      let said: string | undefined;
      for await (const chunk of chunksOf(response)) {
        if (chunk.type === "user_message") said = chunk.content;
      }
      assert.ok(said === content);
      const larger = { message: { type: "user_message", content: `${content}${content}` } };
      assert.equal((await send(larger)).status, 413);
    });

    it("E2 D1 ids that are none are refused", async () => {
      for (const id of [
        "a%0d%0aSet-Cookie:x=1",
        "..%2f..%2ftoken",
        "%00",
        "x'--",
        "%F0%9F%8E%88",
        "a".repeat(5_000),
      ]) {
        for (const path of ["", "/stream", "/messages"]) {
          const answer = await rawRequest(
            companion.port,
            `GET /v1/sessions/${id}${path} HTTP/1.1\r\nHost: 127.0.0.1:${companion.port}\r\nAuthorization: Bearer ${companion.token}\r\nConnection: close\r\n\r\n`,
          );
          assert.match(answer, /^HTTP\/1\.1 (400|404) /, id.slice(0, 30));
          assert.doesNotMatch(answer, /^set-cookie/im);
        }
      }
      for (const request_id of ["x".repeat(1_000), "a\nb", "", 7, {}]) {
        const { status } = await send({
          request_id,
          message: { type: "user_message", content: "x" },
        });
        assert.equal(status, 400, JSON.stringify(request_id));
      }
    });

    it("E3 E5 a cursor that is none opens nothing", async () => {
      const response = await send({ message: { type: "user_message", content: "x" } });
      const { value } = await chunksOf(response).next();
      assert.ok(value);
      for (const cursor of [
        "-1",
        "1.5",
        "9223372036854775808",
        "1e3",
        "' or 1=1",
        "x".repeat(10_000),
        "0x10",
      ]) {
        const { status } = await fetch(`${companion.url}/v1/sessions/${value.session_id}/stream`, {
          headers: { authorization: `Bearer ${companion.token}`, "last-event-id": cursor },
        });
        assert.ok([400, 431].includes(status), cursor.slice(0, 20));
      }
    });

    it("E4 an unknown session is as unknown as any other", async () => {
      for (const path of ["", "/stream", "/messages", "/pending"]) {
        const { status } = await companion.request(
          "GET",
          `/v1/sessions/01a20ac8-0000-7000-8000-000000000000${path}`,
        );
        assert.equal(status, 404);
      }
    });

    it("D2 keys of prototypes pollute nothing", async () => {
      for (const body of [
        '{"__proto__":{"polluted":1},"message":{"type":"user_message","content":"x"}}',
        '{"message":{"type":"user_message","content":"x","__proto__":{"type":"switch_agent"}}}',
        '{"constructor":{"prototype":{"polluted":1}},"message":{"type":"user_message","content":"x"}}',
        '{"message":{"type":"tool_result","call_id":"__proto__","result":"x"},"session_id":"constructor"}',
      ]) {
        const response = await fetch(`${companion.url}/v1/messages/stream`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${companion.token}`,
            "content-type": "application/json",
          },
          body,
        });
        assert.ok(response.status < 500, body);
        await response.text();
      }
      const metrics = await (await companion.request("GET", "/metrics")).text();
      assert.doesNotMatch(metrics, /polluted|__proto__/);
      assert.equal((await companion.request("GET", "/v1/agents")).status, 200);
    });

    it("G4 hostile names add no series", async () => {
      const series = async () =>
        (await (await companion.request("GET", "/metrics")).text())
          .split("\n")
          .filter((line) => /^(sse|chat|session|streamkeeper)_/.test(line))
          .map((line) => line.slice(0, line.lastIndexOf(" ")))
          .toSorted();
      const before = await series();
      for (let n = 0; n < 50; n++) {
        await send({
          model: `evil${n}/x"}`,
          agent_type: `evil${n}`,
          message: { type: "user_message", content: "x" },
        });
        await companion.request("POST", "/v1/sessions", { title: `"} evil${n} 1\n` });
      }
      assert.deepEqual(await series(), before);
    });
  });
}

// Pictures and documents: stored once, shown by reference, told to the model, out and in
// with the chat, gone with it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Attachment } from "../../server/protocol/attachments.ts";
import { ChatFileLine } from "../../server/protocol/stored/chat-file.ts";
import { inputsOf } from "../../server/providers/known-models.ts";
import {
  exportedText,
  FINISH,
  read,
  type Script,
  say,
  type TestChat,
  text,
  withChat,
} from "../support/chat.ts";
import { withCompanion } from "../support/companion.ts";
import { ENGINES } from "../support/engines.ts";
import { isCode } from "../support/tools.ts";
import { collect, HELLO, providerAt } from "../support/upstream/collect.ts";
import { replay } from "../support/upstream/replay.ts";
import { withUpstream } from "../support/upstream/with-upstream.ts";

/** One pixel. */
const GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
const PDF = Buffer.from("%PDF-1.4\n%%EOF").toString("base64");
const PICTURE: Attachment = { type: "image", media_type: "image/gif", name: "dot.gif", data: GIF };
const hashOf = (data: string) =>
  createHash("sha256").update(Buffer.from(data, "base64")).digest("hex");
const REF = {
  type: "image",
  media_type: "image/gif",
  name: "dot.gif",
  hash: hashOf(GIF),
  bytes: 42,
};

const ANSWER: Script = function* () {
  yield text("I see.");
  yield FINISH;
};

const attach = (
  { chat }: TestChat,
  attachments: Attachment[],
  more: { session_id?: string; request_id?: string; model?: string; content?: string } = {},
) => {
  const { content = "What is this?", ...request } = more;
  return chat.startTurn({ ...request, message: { type: "user_message", content, attachments } });
};
const blobsOf = async ({ deps }: TestChat) =>
  (await deps.reader.selectFrom("blobs").select("hash").execute()).length;

for (const engine of ENGINES) {
  describe(`what is attached on ${engine.engine}`, () => {
    it("is in the log and in messages by reference, read by its hash, and told to the model in each step", () =>
      withChat(engine, ANSWER, async (open) => {
        const turn = await attach(open, [PICTURE, { type: "file", data: PDF }]);
        const first = (await read(open.chat, turn)).find(({ type }) => type === "user_message");
        assert.ok(first?.type === "user_message");
        const pdf = {
          type: "file",
          media_type: "application/pdf",
          name: "file 2",
          hash: hashOf(PDF),
          bytes: 14,
        };
        assert.deepEqual(first.metadata?.attachments, [REF, pdf]);
        assert.ok(!JSON.stringify(first).includes(GIF));
        const { messages } = await open.chat.listMessages(turn.session_id);
        assert.deepEqual(messages[0]?.metadata.attachments, [REF, pdf]);
        const found = await open.chat.readAttachment(turn.session_id, REF.hash);
        assert.deepEqual(found, {
          media_type: "image/gif",
          content: Buffer.from(GIF, "base64"),
        });
        await read(open.chat, await say(open.chat, "And now?", { session_id: turn.session_id }));
        for (const { messages: told } of open.requests) {
          const [asked] = told;
          assert.ok(asked?.role === "user");
          assert.deepEqual(asked.attachments, [
            { ...REF, data: GIF },
            { ...pdf, data: PDF },
          ]);
        }
      }));

    it("goes again by its hash, in its own chat alone, and a repetition is known however it is sent", () =>
      withChat(engine, ANSWER, async (open) => {
        const first = await attach(open, [PICTURE]);
        const { session_id } = first;
        await read(open.chat, first);
        const again: Attachment = { type: "image", name: "dot.gif", hash: REF.hash };
        const request_id = "5c9d2d0e-3a55-4d3c-9a63-0c6a2b9a7a11";
        const turn = await attach(open, [again], { session_id, request_id });
        const asked = (await read(open.chat, turn)).find(({ type }) => type === "user_message");
        assert.ok(asked?.type === "user_message");
        assert.deepEqual(asked.metadata?.attachments, [REF]);
        const repeated = await attach(open, [PICTURE], { session_id, request_id });
        assert.equal(repeated.turn_id, turn.turn_id);
        assert.equal(await blobsOf(open), 1);
        await assert.rejects(attach(open, [again]), isCode("invalid_request"));
        await assert.rejects(attach(open, [{ type: "image" }]), isCode("invalid_request"));
      }));

    it("is stored once, whichever chats have it, and goes with the last of them", () =>
      withChat(engine, ANSWER, async (open) => {
        const one = await attach(open, [PICTURE, PICTURE]);
        await read(open.chat, one);
        await read(open.chat, await attach(open, [PICTURE], { session_id: one.session_id }));
        const other = await attach(open, [PICTURE]);
        await read(open.chat, other);
        const fork = await open.chat.forkSession(one.session_id);
        assert.equal(await blobsOf(open), 1);
        await open.chat.deleteSession(one.session_id, true);
        await open.chat.deleteSession(other.session_id, true);
        assert.ok(await open.chat.readAttachment(fork.id, REF.hash));
        await assert.rejects(
          open.chat.readAttachment(one.session_id, REF.hash),
          isCode("not_found"),
        );
        await open.chat.deleteSession(fork.id, true);
        assert.equal(await blobsOf(open), 0);
      }));

    it("is kept though another chat with it is deleted at the same moment", () =>
      withChat(engine, ANSWER, async (open) => {
        let last = await attach(open, [PICTURE]);
        await read(open.chat, last);
        for (let round = 0; round < 10; round += 1) {
          const [next] = await Promise.all([
            attach(open, [PICTURE]),
            open.chat.deleteSession(last.session_id, true),
          ]);
          await read(open.chat, next);
          assert.ok(await open.chat.readAttachment(next.session_id, REF.hash), `round ${round}`);
          last = next;
        }
      }));

    it("goes out with its chat and comes in again, and not if it is another", () =>
      withChat(engine, ANSWER, async (open) => {
        const turn = await attach(open, [PICTURE]);
        await read(open.chat, turn);
        const file = await exportedText(open.chat, turn.session_id, "jsonl");
        // A key that stands twice is read differently by every reader:
        // JSON.stringify writes each once.
        for (const line of file.trim().split("\n")) {
          assert.equal(JSON.stringify(JSON.parse(line)), line);
        }
        await open.chat.deleteSession(turn.session_id);
        const lines = async function* (content: string) {
          for (const [index, line] of content.trim().split("\n").entries()) {
            yield { number: index + 1, text: line };
          }
        };
        const changed = file.replace(GIF, GIF.replace("R0lG", "R0lH"));
        const damaged = await open.chat.importChats(lines(changed), false);
        assert.equal(damaged.complete, false);
        if (damaged.session_id) await open.chat.deleteSession(damaged.session_id);
        const report = await open.chat.importChats(lines(file), false);
        assert.equal(report.counts.imported, 1);
        assert.ok(await open.chat.readAttachment(turn.session_id, REF.hash));
        assert.equal(await exportedText(open.chat, turn.session_id, "jsonl"), file);
        assert.equal((await open.chat.importChats(lines(file), false)).counts.present, 1);
        const markdown = await exportedText(open.chat, turn.session_id, "markdown");
        assert.match(markdown, /Attached:.*dot\.gif/);
      }));

    it("is exported as far as the chat's messages name it", () =>
      withChat(engine, ANSWER, async (open) => {
        const turn = await attach(open, [PICTURE]);
        await read(open.chat, turn);
        const edited = { ...PICTURE, data: PDF };
        const { session_id } = turn;
        await read(open.chat, await attach(open, [edited], { session_id }));
        const file = await exportedText(open.chat, session_id, "jsonl");
        const ids = [...file.matchAll(/"line":"attachment","id":"([0-9a-f]+)"/g)].map(
          ([, id]) => id,
        );
        assert.deepEqual(ids, [REF.hash, hashOf(PDF)].toSorted());
        const [message] = file.split("\n").filter((line) => line.includes('"role":"user"'));
        const line = JSON.parse(message ?? "") as { metadata: string };
        assert.equal(ChatFileLine.safeParse(line).success, true);
        for (const attachments of ["x", [1], [{ hash: "../x" }], {}]) {
          const metadata = JSON.stringify({ attachments });
          assert.equal(ChatFileLine.safeParse({ ...line, metadata }).success, false, metadata);
        }
      }));

    it("is refused with a word, and nothing is stored, when it is nothing that models take", () =>
      withChat(engine, ANSWER, async (open) => {
        const svg = Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>").toString("base64");
        for (const [sent, code] of [
          [{ type: "image", media_type: "image/png", data: svg }, "invalid_request"],
          [{ type: "image", data: "no base64!" }, "invalid_request"],
          [{ type: "image", data: "R0lG*" }, "invalid_request"],
          [
            { type: "image", data: Buffer.alloc(11 * 1024 * 1024, "GIF89a").toString("base64") },
            "payload_too_large",
          ],
        ] as const) {
          await assert.rejects(attach(open, [sent]), isCode(code));
        }
        assert.deepEqual((await open.chat.listSessions({})).sessions, []);
      }));

    it("is known by its bytes: as a data URL, without padding, under another kind", () =>
      withChat(engine, ANSWER, async (open) => {
        const turn = await attach(open, [
          {
            type: "file",
            media_type: "image/png",
            name: " ",
            data: `data:image/png;base64,${GIF}`,
          },
        ]);
        const first = (await read(open.chat, turn)).find(({ type }) => type === "user_message");
        assert.ok(first?.type === "user_message");
        assert.deepEqual(first.metadata?.attachments, [{ ...REF, name: "file 1" }]);
      }));

    it("takes effect once under one request_id, and not with another picture", () =>
      withChat(engine, ANSWER, async (open) => {
        const turn = await attach(open, [PICTURE], { request_id: "r1" });
        assert.equal((await attach(open, [PICTURE], { request_id: "r1" })).turn_id, turn.turn_id);
        const other = { ...PICTURE, data: `${GIF.slice(0, -4)}AAAA` };
        await assert.rejects(
          attach(open, [other], { request_id: "r1" }),
          isCode("request_conflict"),
        );
        await read(open.chat, turn);
      }));

    it("goes without words, and gives the chat its name", () =>
      withChat(engine, ANSWER, async (open) => {
        const turn = await attach(open, [PICTURE], { content: "" });
        await read(open.chat, turn);
        assert.equal((await open.chat.getSession(turn.session_id)).title, "dot.gif");
      }));
  });
}

describe("what is attached in a request to a vendor", () => {
  const attachments = [
    { ...REF, type: "image" as const, data: GIF },
    {
      type: "file" as const,
      media_type: "application/pdf",
      name: "a",
      hash: "",
      bytes: 14,
      data: PDF,
    },
  ];
  const url = `data:image/gif;base64,${GIF}`;
  const pdfUrl = `data:application/pdf;base64,${PDF}`;
  const EXPECTED: Record<string, unknown> = {
    openai: [
      { type: "input_image", image_url: url, detail: "auto" },
      { type: "input_file", filename: "a.pdf", file_data: pdfUrl },
      { type: "input_text", text: "What?" },
    ],
    "openai-compatible": [
      { type: "image_url", image_url: { url } },
      { type: "file", file: { filename: "a.pdf", file_data: pdfUrl } },
      { type: "text", text: "What?" },
    ],
    anthropic: [
      { type: "image", source: { type: "base64", media_type: "image/gif", data: GIF } },
      {
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: PDF },
        title: "a",
      },
      { type: "text", text: "What?" },
    ],
    google: [
      { inlineData: { mimeType: "image/gif", data: GIF } },
      { inlineData: { mimeType: "application/pdf", data: PDF } },
      { text: "What?" },
    ],
  };
  const FIXTURES: Record<string, string> = { "openai-compatible": "ollama" };
  for (const [format, expected] of Object.entries(EXPECTED)) {
    it(`has its form: ${format}`, () =>
      withUpstream([replay(FIXTURES[format] ?? format, "text")], async ({ origin, requests }) => {
        const messages = [{ role: "user" as const, content: "What?", attachments }];
        const request = { ...HELLO, system: "", messages };
        assert.equal(
          (await collect(providerAt(origin, { name: format }), request)).error,
          undefined,
        );
        const sent = JSON.stringify(requests[0]?.body).replace(
          ',"cache_control":{"type":"ephemeral"}',
          "",
        );
        assert.ok(sent.includes(JSON.stringify(expected)), sent);
      }));
  }

  it("is named where the model does not take it", () =>
    withUpstream([replay("ollama", "text")], async ({ origin, requests }) => {
      const { data: _data, ...ref } = attachments[0] ?? { data: "" };
      const messages = [{ role: "user" as const, content: "What?", attachments: [ref as never] }];
      await collect(providerAt(origin, { name: "openai-compatible" }), { ...HELLO, messages });
      assert.match(JSON.stringify(requests[0]?.body), /picture was attached here.*dot\.gif/);
    }));

  it("is refused for models that are known to take none, and asked of others", () => {
    for (const id of ["openai/gpt-3.5-turbo", "ollama/deepseek-r1:8b", "ollama/llama3.1:8b"]) {
      assert.deepEqual(inputsOf(id), [], id);
    }
    for (const id of [
      "openai/gpt-5.6",
      "anthropic/claude-sonnet-5-5",
      "google/gemini-pro-latest",
    ]) {
      assert.deepEqual(inputsOf(id), ["image", "file"], id);
    }
    for (const id of ["ollama/llama3.2-vision", "ollama/qwen2.5vl:7b", "ollama/gemma3:12b"]) {
      assert.deepEqual(inputsOf(id), ["image"], id);
    }
  });
});

describe("what is attached over HTTP", () => {
  it("may be larger than a message, and is read with its type by who has the token", () =>
    withCompanion({}, async (companion) => {
      const data = Buffer.concat([Buffer.from(GIF, "base64"), Buffer.alloc(3_000_000)]);
      const picture = { type: "image", media_type: "image/gif", data: data.toString("base64") };
      const body = {
        model: "demo/demo",
        message: { type: "user_message", content: "What is this?", attachments: [picture] },
      };
      const response = await companion.request("POST", "/v1/messages/stream", body);
      assert.equal(response.status, 200);
      await response.text();
      const id = response.headers.get("x-session-id") ?? "";
      const path = `/v1/sessions/${id}/attachments/${hashOf(picture.data)}`;
      const got = await companion.request("GET", path);
      assert.equal(got.headers.get("content-type"), "image/gif");
      assert.ok(Buffer.from(await got.arrayBuffer()).equals(data));
      const told = await companion.request("GET", `${path}?as=base64`);
      assert.deepEqual(await told.json(), { media_type: "image/gif", data: picture.data });
      assert.equal((await fetch(companion.url + path)).status, 401);
      const unknown = path.replace(/[0-9a-f]{64}$/, "0".repeat(64));
      assert.equal((await companion.request("GET", unknown)).status, 404);
      const long = { ...body, message: { ...body.message, content: "x".repeat(1_100_000) } };
      assert.equal((await companion.request("POST", "/v1/messages/stream", long)).status, 413);
      const empty = { message: { type: "user_message", content: "" } };
      assert.equal((await companion.request("POST", "/v1/messages/stream", empty)).status, 400);
    }));
});

import assert from "node:assert/strict";
import { detailInRussian, FOUND_IN_RUSSIAN } from "../../../extension/in-russian.ts";
import { ERROR_CODES } from "../../../server/protocol/errors.ts";
import { IN_RUSSIAN } from "../../../server/shared/russian/russian-errors.ts";
import { HINTS_IN_RUSSIAN } from "../../../server/shared/russian/russian-hints.ts";
import { STARTS_IN_RUSSIAN } from "../../../server/shared/russian/russian-starts.ts";
import { inRussian } from "../../../server/shared/russian/said-in-russian.ts";
import { readSources } from "../../support/sources.ts";

const SERVER = readSources(/^(?:server|extension\/companion)\/.*\.ts$/)
  .filter(({ path }) => !/russian/.test(path))
  .map(({ text }) => text)
  .join("\n");

const PHRASES = [
  ...Object.values(IN_RUSSIAN).flatMap(({ phrases = [] }) => phrases),
  ...HINTS_IN_RUSSIAN,
  ...STARTS_IN_RUSSIAN,
  ...FOUND_IN_RUSSIAN,
];

describe("what the companion says, in Russian", () => {
  it("is translated from what the companion says today", () => {
    const gone = PHRASES.flatMap(([english]) =>
      english
        // It is put together of parts there, too.
        .split(/\{\d\}|[:;,]| a moment | and retry/)
        .map((part) => part.replaceAll(/^[\s():.,]+|[\s():.,]+$/g, ""))
        .filter((part) => part.length > 3 && !SERVER.includes(part)),
    );
    assert.deepEqual(gone, []);
  });

  it("puts in all that was put in, once", () => {
    const numbers = (text: string) => (text.match(/\{\d\}/g) ?? []).toSorted();
    const odd = PHRASES.filter(([english, russian]) => {
      const [given, taken] = [numbers(english), numbers(russian)];
      return taken.some((one) => !given.includes(one)) || new Set(taken).size < taken.length;
    });
    assert.deepEqual(odd, []);
  });

  it("keeps a vendor's own words and names, and puts advice together", () => {
    assert.deepEqual(
      inRussian({
        code: "upstream_unauthorized",
        message: "OpenAI refused the key (401): Incorrect API key provided: sk-***.",
        hint: 'The key is wrong or may not do this. In VS Code run "Streamkeeper: Set API key"; in a terminal set OPENAI_API_KEY and start the companion again.',
      }),
      {
        code: "upstream_unauthorized",
        message: "OpenAI: ключ не принят (401): Incorrect API key provided: sk-***.",
        hint: "Ключ неверен или этого не позволяет. В VS Code выполните «Streamkeeper: Задать ключ API»; в терминале задайте OPENAI_API_KEY и запустите сервер снова.",
      },
    );
    assert.equal(
      inRussian({
        code: "upstream_unreachable",
        message: "Ollama is not reachable: nothing listens at http://127.0.0.1:11434.",
        hint: "Start that server. Look at the base URL, http://127.0.0.1:11434/v1 (VS Code's settings).",
      }).hint,
      "Запустите этот сервер. Проверьте базовый адрес http://127.0.0.1:11434/v1 (настройки VS Code).",
    );
  });

  it("translates a text in a text, as far as it is known", () => {
    const held = (why: string) =>
      inRussian({
        code: "server_restarted",
        message: `The companion went away in the middle of the answer, and could not go on with it. ${why} What had arrived is kept.`,
      }).message;
    const told = (why: string): string =>
      `Сервер пропал посреди ответа и не смог его продолжить. ${why} Что успело прийти, сохранено.`;
    assert.equal(
      held(
        "OpenAI does not give the rest of the answer any more. OpenAI refused the request (404): Not found.",
      ),
      told("OpenAI: остаток ответа больше не отдаётся. OpenAI: запрос отклонён (404): Not found."),
    );
    assert.equal(
      held("The vendor gave another answer than the one begun."),
      told("Поставщик отдал другой ответ, не тот, что был начат."),
    );
    assert.equal(held("Something new."), told("Something new."));
  });

  it("tells why a companion did not start, sentence by sentence, and keeps what it does not know", () => {
    const told = (words: string) => detailInRussian(words, STARTS_IN_RUSSIAN);
    assert.equal(
      told(
        "streamkeeper: /n/sk is on a network drive (nfs), where locks and flushed writes cannot be relied on. Choose a folder on a local disk (--data-dir, --database; in VS Code: streamkeeper.dataDirectory).",
      ),
      "/n/sk на сетевом диске (nfs), где нельзя полагаться на блокировки и запись. Выберите папку на местном диске (--data-dir, --database; в VS Code: streamkeeper.dataDirectory).",
    );
    assert.equal(
      told("/home/a b/x is not a directory (a link?)."),
      "/home/a b/x — не папка (ссылка?).",
    );
    assert.equal(told("exit code 137"), "код завершения 137");
    assert.equal(told("Is there a network? And more."), "Есть ли сеть? And more.");
    assert.equal(told("TypeError: x is not a function"), "TypeError: x is not a function");
  });

  it("says in general what it does not know, with the original", () => {
    for (const code of ERROR_CODES) {
      const { message } = inRussian({ code, message: "Quite another sentence." });
      assert.equal(message, `${IN_RUSSIAN[code].general} (Quite another sentence.)`);
    }
    const hint = "Is there a network? And something new.";
    assert.equal(
      inRussian({ code: "internal", message: "", hint }).hint,
      "Есть ли сеть? And something new.",
    );
  });

  it("leaves what is said in Russian already, and what is not the companion's", () => {
    const ours = { code: "not_found", message: "Этого чата больше нет." };
    assert.deepEqual(inRussian(ours), ours);
    const others = { code: "companion_lost", message: "The companion does not answer." };
    assert.deepEqual(inRussian(others), others);
  });
});

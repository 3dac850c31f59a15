import assert from "node:assert/strict";
import { TITLE_PROMPT, titleMaterial, titleSaid } from "../../../server/domain/titles.ts";

describe("a title that a model has said", () => {
  it("is taken without what models put around it", () => {
    const question = "How do I write a parser?";
    const cases: [string, string][] = [
      ["Writing a small parser", "Writing a small parser"],
      ['"Writing a small parser."', "Writing a small parser"],
      ["**Writing a small parser**", "Writing a small parser"],
      ["# Writing a small parser\n\nIt is about parsers.", "Writing a small parser"],
      ["Title: “Writing a parser”", "Writing a parser"],
      ["<think>The user asks…\nso</think>\n\nWriting a parser", "Writing a parser"],
      ["The user asks how.\n</think>Writing a parser", "Writing a parser"],
      ["  Writing\ta\u00A0parser \u200B", "Writing a parser"],
      ["`parse()` by hand", "parse() by hand"],
    ];
    for (const [said, title] of cases) assert.equal(titleSaid(said, question), title, said);
  });

  it("is none where it is empty, thought, a talk, or carries a secret", () => {
    const question = "How do I write a parser?";
    const secret = "sk-abcdefghij0123456789abcdefghij";
    for (const said of [
      ...["", "  \n", "<think>The user wants a title", '"…"', "\u200B", "---"],
      ...[`Use of ${secret}`, "password: hunter2", "<img src=x>", "Certainly! ".repeat(40)],
    ]) {
      assert.equal(titleSaid(said, question), undefined, said);
    }
  });

  it("is in the script of the first message, or none", () => {
    const cases: [string, string, boolean][] = [
      ["Почини разбор дат", "Ошибка в разборе дат", true],
      ["Почини разбор дат", "Fixing the date parser", false],
      ["Почини TypeError в parseDate из date-fns, please", "TypeError в parseDate", true],
      ["Почини TypeError в parseDate из date-fns", "TypeError in parseDate from date-fns", false],
      [
        "Что делает этот код?\n```js\nconst parser = createParser(options)\n```",
        "Разбор кода",
        true,
      ],
      ["日付の解析を直して", "日付解析の修正", true],
      ["日付の解析を直して", "Fixing dates", false],
      ["Fix the dates", "日付解析の修正", false],
      ["날짜를 고쳐", "날짜 수정", true],
      ["Was heißt „привет“?", "Was привет heißt", true],
      ["42?", "The answer", true],
      ["```\nnpm test\n```", "Running the tests", true],
    ];
    for (const [question, said, isTaken] of cases) {
      assert.equal(titleSaid(said, question), isTaken ? said : undefined, `${question} ${said}`);
    }
  });

  it("is short, and cut between what people take for characters", () => {
    const family = "👨‍👩‍👧‍👦";
    const long = titleSaid(`Words ${family.repeat(70)}`, "What words?");
    assert.ok(long?.endsWith(`${family}…`));
    assert.equal([...new Intl.Segmenter().segment(long ?? "")].length, 60);
    const words = titleSaid("Several words that go on ".repeat(5), "What words?");
    assert.match(words ?? "", /^[\w ]{30,59}…$/);
  });

  it("is asked for with little, and without what looks like a secret", () => {
    const secret = "ghp_0123456789abcdefABCDEF0123456789abcd";
    const asked = titleMaterial(
      `Use ${secret}. password=hunter2 ${"x y ".repeat(5_000)}`,
      "z ".repeat(5_000),
    );
    assert.ok(asked.length < 3_200);
    assert.ok(!asked.includes(secret) && !asked.includes("hunter2"));
    assert.ok(
      titleMaterial("See /home/me/projects/streamkeeper/server/main.ts", "").includes("main.ts"),
    );
    // The name of a language makes titles in it.
    assert.doesNotMatch(TITLE_PROMPT, /english|russian|german|chinese/i);
  });
});

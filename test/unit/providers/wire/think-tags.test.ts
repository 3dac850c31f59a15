// Thinking between tags in the text, and the tag that stands in the prompt.
import assert from "node:assert/strict";
import { createThinkTags } from "../../../../server/providers/wire/think-tags.ts";

interface Shown {
  text: string;
  reasoning: string;
  begun: boolean | undefined;
  raw: string;
}

function read(deltas: readonly string[], begunInPrompt = false, isCut = false): Shown {
  const shown: Shown = { text: "", reasoning: "", begun: undefined, raw: "" };
  const tags = createThinkTags(begunInPrompt, {
    text: (words) => {
      shown.text += words;
    },
    reasoning: (words) => {
      shown.reasoning += words;
    },
    begun: (inPrompt) => {
      shown.begun = inPrompt;
    },
  });
  for (const delta of deltas) {
    tags.add(delta);
    tags.pause();
  }
  tags.end(isCut);
  return { ...shown, raw: tags.raw() };
}

describe("thinking between tags", () => {
  it("is thinking, in every spelling, and nothing is left of the tags", () => {
    for (const [open, close] of [
      ["<think>", "</think>"],
      ["<THINK>", "</Think>"],
      ["<thinking>", "</thinking>"],
      ["<thought>", "</thought>"],
      ["<seed:think>", "</seed:think>"],
      ["[THINK]", "[/THINK]"],
      ["◁think▷", "◁/think▷"],
    ]) {
      const body = `${open}\nhm [1] < 2${close}\n\nHello`;
      for (const deltas of [[body], Array.from(body)]) {
        const { text, reasoning, raw } = read(deltas);
        assert.deepEqual([text, reasoning], ["Hello", "hm [1] < 2"]);
        assert.equal(raw, `${open}\nhm [1] < 2${close}\n\n`);
      }
    }
  });

  it("ends at a tag that joins it to the answer, and at none that the text speaks about", () => {
    const joined = read(["secret</think>hi"]);
    assert.deepEqual([joined.text, joined.reasoning, joined.begun], ["hi", "secret", true]);
    const spoken = "```\n<think>a</think>\n```";
    for (const begunInPrompt of [false, true]) {
      assert.equal(read([spoken], begunInPrompt).text, spoken);
    }
  });

  it("is not shown where it is empty", () => {
    assert.equal(read(["<think>", "\n\n", "</think>", "\n\n", "Hello"]).reasoning, "");
  });

  it("a closing tag that nothing has opened is not shown, and tells how the next answer begins", () => {
    for (const deltas of [
      ["I think", " so.\n", "</think>", "\n\n", "Hello"],
      ["I think", " so", "</thi", "nk>\n\n", "Hello"],
    ]) {
      const { text, begun } = read(deltas);
      assert.match(text, /^I think so\.?\s*Hello$/);
      assert.equal(begun, true);
    }
    assert.deepEqual(read(["I think", " so.\n</thi", "nk>\n\nHello"], true), {
      ...{ text: "Hello", reasoning: "I think so.\n", begun: undefined },
      raw: "I think so.\n</think>\n\n",
    });
  });

  it("a closing tag that is what the answer is about stays where it is", () => {
    for (const text of [
      "The tag </think> ends it.",
      "Use `</think>` here.",
      "```\n</think>\n```",
      "Say <think>x\n</think>\n",
      "a < b, [1], ◁",
    ]) {
      for (const deltas of [[text], Array.from(text)]) {
        assert.deepEqual(read(deltas), { text, reasoning: "", begun: undefined, raw: "" });
      }
    }
  });

  it("an answer that was taken for thinking is told as the answer at its end, unless it was cut", () => {
    const { text, begun } = read(["Hello", " you"], true);
    assert.deepEqual([text, begun], ["Hello you", false]);
    assert.equal(read(["Hello", " you"], true, true).text, "");
  });
});

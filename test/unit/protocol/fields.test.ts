// What is told of what came from outside and is wrong, by a program or a model.
import assert from "node:assert/strict";
import * as z from "zod/mini";
import { faultOf } from "../../../server/protocol/fields.ts";
import { MessageRequest } from "../../../server/protocol/requests.ts";

const Message = z.strictObject({
  text: z.string().check(z.maxLength(3)),
  at: z.optional(z.int().check(z.minimum(1))),
  share: z.optional(z.number().check(z.gt(0), z.lt(1))),
  level: z.optional(z.enum(["ask", "free"])),
  files: z.optional(z.array(z.string()).check(z.maxLength(2))),
  of: z.optional(z.union([z.literal("all"), z.number()])),
  id: z.optional(z.string().check(z.regex(/^\w+$/))),
  own: z.optional(z.string().check(z.refine(() => false, { error: "is taken" }))),
});

const CASES: [value: unknown, fault: string][] = [
  [null, "body: expected an object"],
  [[], "body: expected an object"],
  [{}, "text: expected a string"],
  [{ text: 1 }, "text: expected a string"],
  [{ text: "long" }, "text: expected a length of at most 3"],
  [{ text: "a", at: 1.5 }, "at: expected a whole number"],
  [{ text: "a", at: "1" }, "at: expected a number"],
  [{ text: "a", at: 0 }, "at: expected at least 1"],
  [{ text: "a", share: 0 }, "share: expected more than 0"],
  [{ text: "a", share: 1 }, "share: expected less than 1"],
  [{ text: "a", level: "all" }, 'level: expected "ask" or "free"'],
  [{ text: "a", files: "b" }, "files: expected an array"],
  [{ text: "a", files: ["b", 1] }, "files.1: expected a string"],
  [{ text: "a", files: ["b", "c", "d"] }, "files: expected a length of at most 2"],
  [{ text: "a", of: true }, 'of: expected "all", or expected a number'],
  [{ text: "a", id: "-" }, "id: expected /^\\w+$/"],
  [{ text: "a", own: "b" }, "own: is taken"],
  [{ text: "a", more: 1 }, "more: is not known"],
];

describe("what is wrong with what came from outside", () => {
  for (const [value, fault] of CASES) {
    it(`is told of ${JSON.stringify(value)}: ${fault}`, () => {
      const { error } = Message.safeParse(value);
      assert.ok(error);
      assert.equal(faultOf(error, "body"), fault);
    });
  }

  it("names the kinds of message that there are", () => {
    const { error } = MessageRequest.safeParse({ message: { type: "user", content: "Hi" } });
    assert.ok(error);
    assert.match(faultOf(error, "body"), /^message\.type: expected "user_message" or "/);
  });
});

// However the bytes arrive, and whatever stands between the events: the same words, the same calls.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { VENDOR_NAMES, type VendorName } from "../../../../server/providers/vendors.ts";
import { ODD_FORMS } from "../../../support/upstream/odd-forms.ts";
import { readBody, type Told } from "../../../support/upstream/read-body.ts";

interface Answer {
  vendor: VendorName;
  name: string;
  body: string;
}

const FIXTURES = new URL("../../../support/upstream/fixtures/", import.meta.url);

const ANSWERS: Answer[] = [
  ...ODD_FORMS,
  ...readdirSync(FIXTURES).flatMap((name): Answer[] => {
    const vendor = VENDOR_NAMES.find((one) => name.startsWith(`${one}-`));
    assert.ok(vendor, name);
    return [{ vendor, name, body: readFileSync(new URL(name, FIXTURES), "utf8") }];
  }),
];

/** What has to be the same. Ids that we make ourselves are not. */
function essence({ text, reasoning, calls, thinking, reason, usage, failure }: Told) {
  const plain = calls.map(({ call_id, ...call }) => ({
    ...call,
    ...(/^call_[0-9a-f-]{36}$/.test(call_id) ? {} : { call_id }),
  }));
  return { text, reasoning, calls: plain, thinking, reason, usage, failure };
}

const NOISE = [
  ": keep-alive\n\n",
  "data: \n\n",
  "data:\n\n",
  "data: {}\n\n",
  "data: null\n\n",
  "data: {nonsense\n\n",
  'event: ping\ndata: {"type":"ping"}\n\n',
  'event: something_new\ndata: {"type":"something_new","x":[1]}\n\n',
  'data: {"id":"x","error":null}\n\n',
  "id: 5\n\n",
  "retry: 100\n\n",
  "event: empty\n\n",
  "\n\n\n",
];

describe("the readers of models' answers", function () {
  this.timeout(60_000);

  it("give the same wherever the bytes are cut in two", () => {
    for (const { vendor, name, body } of ANSWERS) {
      const bytes = Buffer.from(body);
      const whole = essence(readBody(vendor, [bytes]));
      for (let at = 1; at < bytes.length; at += 1) {
        const told = readBody(vendor, [bytes.subarray(0, at), bytes.subarray(at)]);
        assert.deepEqual(essence(told), whole, `${vendor}, ${name}: cut at ${at}`);
      }
    }
  });

  it("give the same in pieces of any size", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ANSWERS),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }),
        ({ vendor, body }, sizes) => {
          const bytes = Buffer.from(body);
          const pieces: Buffer[] = [];
          for (let from = 0, turn = 0; from < bytes.length; turn += 1) {
            const to = from + (sizes[turn % sizes.length] ?? 1);
            pieces.push(bytes.subarray(from, to));
            from = to;
          }
          assert.deepEqual(essence(readBody(vendor, pieces)), essence(readBody(vendor, [bytes])));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("give the same with anything between the events that says nothing", () => {
    const events = ANSWERS.filter(({ body }) => /^(?::|data|event)/.test(body)).filter(
      ({ body }) => !body.includes("\r"),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...events),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...NOISE)), { minLength: 1, maxLength: 10 }),
        ({ vendor, body }, noise) => {
          const parts = `${body.trimEnd()}\n\n`.split(/(?<=\n\n)/);
          for (const [place, words] of noise) parts.splice(place % (parts.length + 1), 0, words);
          assert.deepEqual(essence(readBody(vendor, parts)), essence(readBody(vendor, [body])));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it("end with what came, and never throw, whatever came", () => {
    const garbage = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json().map((json) => `data: ${json}\n\n`),
    );
    fc.assert(
      fc.property(fc.constantFrom(...VENDOR_NAMES), fc.array(garbage), (vendor, pieces) => {
        assert.equal(typeof readBody(vendor, pieces).text, "string");
      }),
      { numRuns: 2_000 },
    );
  });
});

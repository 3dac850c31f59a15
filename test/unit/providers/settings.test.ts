// What a vendor is said to take is what its format sends.
import assert from "node:assert/strict";
import { SAMPLING_FIELDS } from "../../../server/protocol/sampling.ts";
import { VENDOR_NAMES, VENDORS } from "../../../server/providers/vendors.ts";
import { formatOf } from "../../../server/providers/wire/formats/formats.ts";

const SAMPLING = {
  temperature: 0.125,
  top_p: 0.375,
  max_output_tokens: 1234,
  stop: ["END", "STOP"],
  seed: 99,
  presence_penalty: 1.5,
  frequency_penalty: -1.5,
};

describe("the settings of an answer", () => {
  for (const vendor of VENDOR_NAMES) {
    const bodyFor = (sampling?: typeof SAMPLING) => {
      const request = { model: "m", system: "", messages: [], tools: [] };
      const asked = sampling ? { ...request, sampling } : request;
      const { body } = formatOf(vendor).toRequest(asked, {});
      return JSON.stringify(body);
    };

    it(`reach ${vendor} as they are, and nothing that it does not take`, () => {
      const body = bodyFor(SAMPLING);
      for (const field of SAMPLING_FIELDS) {
        const isSent = body.includes(JSON.stringify(SAMPLING[field]));
        assert.equal(isSent, VENDORS[vendor].takes.includes(field), field);
        assert.ok(!bodyFor().includes(JSON.stringify(SAMPLING[field])), field);
      }
    });
  }

  it("ask for no more tokens than a server has said that it allows", () => {
    const request = { model: "m", system: "", messages: [], tools: [], sampling: SAMPLING };
    const { body } = formatOf("anthropic").toRequest(request, { maxTokens: 1000 });
    assert.equal(body["max_tokens"], 1000);
  });
});

import assert from "node:assert/strict";
import { createAccessBook } from "../../../../server/providers/access.ts";
import { streamError } from "../../../../server/providers/failures/upstream-errors.ts";
import { NO_SETTINGS } from "../../../support/upstream/collect.ts";
import { ODD_FORMS, type OddForm } from "../../../support/upstream/odd-forms.ts";
import { readBody, type Told } from "../../../support/upstream/read-body.ts";

const access = createAccessBook(NO_SETTINGS);

function checkError({ vendor, error, says = "" }: OddForm, told: Told): void {
  assert.notEqual(told.failure, undefined, "it does not fail");
  const thrown = streamError(access.look(vendor), told.failure);
  assert.equal(thrown.code, error, thrown.message);
  assert.ok(thrown.message.includes(says), thrown.message);
}

function check(form: OddForm, told: Told): void {
  if (form.text !== undefined) assert.equal(told.text.trim(), form.text);
  if (form.error !== undefined) {
    checkError(form, told);
    return;
  }
  assert.equal(told.failure, undefined, JSON.stringify(told.failure));
  if (form.reasoning !== undefined) assert.equal(told.reasoning, form.reasoning);
  assert.notEqual(told.reason, undefined, "it has no end");
  if (form.reason !== undefined) assert.equal(told.reason, form.reason);
  for (const [kind, tokens] of Object.entries(form.usage ?? {})) {
    assert.equal(Object(told.usage)[kind], tokens, kind);
  }
  if (form.repeated !== undefined) {
    assert.equal(told.skipped["repeated_call"] ?? 0, form.repeated, "repeated calls");
  }
  const expected = form.calls ?? [];
  const given = told.calls.map(({ call_id, ...call }, index) => ({
    ...(expected[index]?.call_id === undefined ? {} : { call_id }),
    ...call,
  }));
  assert.deepEqual(
    given,
    expected.map((call) => ({ ...call })),
  );
  const ids = new Set(told.calls.map(({ call_id }) => call_id));
  assert.equal(ids.size, told.calls.length, "two calls have one id");
}

for (const vendor of new Set(ODD_FORMS.map((form) => form.vendor))) {
  describe(`what servers send in the format of ${vendor}`, () => {
    for (const form of ODD_FORMS.filter((one) => one.vendor === vendor)) {
      it(form.name, () => {
        check(form, readBody(form.vendor, [form.body]));
        // Each event by itself, as it comes from a model that takes its time.
        check(form, readBody(form.vendor, form.body.split(/(?<=\n\n|\r\n\r\n)/)));
      });
    }
  });
}

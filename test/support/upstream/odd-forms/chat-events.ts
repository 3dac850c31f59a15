import { DONE, data, type Fields, type OddForm } from "./form.ts";

// OpenAI's chat format
export const delta = (fields: unknown, finish: unknown = null, more: Fields = {}): string =>
  data({ id: "c", choices: [{ index: 0, delta: fields, finish_reason: finish }], ...more });
export const call = (fields: Fields): string => delta({ tool_calls: [fields] });
export const fn = (name?: string, args?: unknown) => ({
  ...(name === undefined ? {} : { name }),
  ...(args === undefined ? {} : { arguments: args }),
});
export const HI = delta({ content: "Hello" }) + delta({ content: " wörld" });
export const STOP = delta({}, "stop");
export const CALLS = delta({}, "tool_calls") + DONE;
export const message = (fields: Fields, finish = "stop"): Fields => ({
  choices: [{ index: 0, message: { role: "assistant", ...fields }, finish_reason: finish }],
});

export const chat = (name: string, body: string, expected: Partial<OddForm> = {}): OddForm => ({
  vendor: "openai-compatible",
  name,
  body,
  ...(expected.calls ? {} : { text: "Hello wörld" }),
  ...expected,
});

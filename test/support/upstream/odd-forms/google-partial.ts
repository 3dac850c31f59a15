// Google's calls whose arguments come one by one (`streamFunctionCallArguments`).
import { type Fields, type OddForm, OSLO, ROME, weather } from "./form.ts";
import { gemini, part } from "./google.ts";

const piece = (functionCall: Fields, fields: Fields = {}): string =>
  part([{ functionCall, ...fields }]);
const begins = (fields: Fields = {}): string =>
  piece({ name: "get_weather", willContinue: true, ...fields });
const arg = (jsonPath: string, fields: Fields): string =>
  piece({ partialArgs: [{ jsonPath, ...fields }], willContinue: true });
const END = piece({});
const STOP = part([], "STOP");

export const GOOGLE_PARTIAL: OddForm[] = [
  gemini(
    "a call argument by argument",
    begins() +
      arg("$.city", { stringValue: "Os", willContinue: true }) +
      arg("$.city", { stringValue: "lo" }) +
      END +
      STOP,
    { calls: [weather(OSLO)], reason: "tool_calls" },
  ),
  gemini(
    "each kind of argument, in lists and objects",
    begins({ id: "f" }) +
      arg("$.city", { stringValue: "Oslo" }) +
      arg("$.days[0].name", { stringValue: "Mon" }) +
      arg("$.days[0]['max \\'C']", { numberValue: 7.5 }) +
      arg("$.days[1].name", { stringValue: "Tue" }) +
      arg('$["exact"]', { boolValue: false }) +
      arg("$.by", { nullValue: "NULL_VALUE" }) +
      END +
      STOP,
    {
      calls: [
        weather(
          {
            city: "Oslo",
            days: [{ name: "Mon", "max 'C": 7.5 }, { name: "Tue" }],
            exact: false,
            by: null,
          },
          "f",
        ),
      ],
    },
  ),
  gemini(
    "its last argument ends it",
    begins() + piece({ partialArgs: [{ jsonPath: "$.city", stringValue: "Oslo" }] }) + STOP,
    { calls: [weather(OSLO)] },
  ),
  gemini("nothing ends it", begins() + arg("$.city", { stringValue: "Oslo" }) + STOP, {
    calls: [weather(OSLO)],
  }),
  gemini(
    "two calls after each other, the first not ended",
    begins() +
      arg("$.city", { stringValue: "Oslo" }) +
      begins() +
      arg("$.city", { stringValue: "Rome" }) +
      END +
      END +
      STOP,
    { calls: [weather(OSLO), weather(ROME)] },
  ),
  gemini(
    "its name in each piece, as Python writes it",
    part([{ function_call: { name: "get_weather", will_continue: "true" } }]) +
      part([
        {
          function_call: {
            name: "get_weather",
            partial_args: [{ json_path: "$.city", string_value: "Oslo" }],
            will_continue: false,
          },
        },
      ]) +
      STOP,
    { calls: [weather(OSLO)] },
  ),
  gemini("no argument at all", begins() + END + STOP, { calls: [weather({})] }),
  gemini(
    "all arguments once more at its end",
    begins() +
      arg("$.city", { stringValue: "Os" }) +
      piece({ name: "get_weather", args: OSLO, partialArgs: [] }) +
      STOP,
    { calls: [weather(OSLO)] },
  ),
  gemini(
    "a path through a name of the language's own",
    begins() +
      arg("$.__proto__.polluted", { stringValue: "yes" }) +
      arg("$.city", { stringValue: "Oslo" }) +
      arg("$.list[4000000000]", { numberValue: 1 }) +
      END +
      STOP,
    { calls: [weather({ ["__proto__"]: { polluted: "yes" }, city: "Oslo", list: [1] })] },
  ),
];

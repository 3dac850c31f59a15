// What gateways and models put around the pieces of an answer: numbers, signs in a name.
import { CALLS, call, chat, delta, fn, HI, STOP } from "./chat-events.ts";
import { data, type Fields, type OddForm, OSLO, weather } from "./form.ts";
import { gemini, part } from "./google.ts";

const HELLO = "Hello wörld";
const oslo = fn("get_weather", '{"city":"Oslo"}');
const choices = (...all: Fields[]): string => data({ choices: all });

export const AROUND: OddForm[] = [
  chat(
    "LiteLLM: the number of Amazon's block as that of a choice, words and a call",
    HI +
      choices({ index: 1, delta: { tool_calls: [{ index: 0, id: "a", function: oslo }] } }) +
      CALLS,
    { text: HELLO, calls: [weather(OSLO, "a")] },
  ),
  chat(
    "LiteLLM: the same, thinking and words",
    delta({ reasoning_content: "hm" }) +
      choices({ index: 1, delta: { content: "Hello" } }) +
      choices({ index: 1, delta: { content: " wörld" } }) +
      STOP,
    { reasoning: "hm", reason: "stop" },
  ),
  chat("words beside a content of nothing", delta({ content: "", text: HELLO }) + STOP),
  ...["get_weather<|channel|>commentary", "functions.get_weather", "functions.get_weather:0"].map(
    (name) =>
      chat(
        `a name with what the model wrote around it: ${name}`,
        call({ index: 0, id: "a", function: fn(name, '{"city":"Oslo"}') }) + CALLS,
        { calls: [weather(OSLO, "a")] },
      ),
  ),
  gemini(
    "a name behind that of its own list",
    part([{ functionCall: { name: "default_api:get_weather", args: OSLO } }], "STOP"),
    { calls: [weather(OSLO)] },
  ),
];

// What comes when an answer is over: errors after its end, and how far an end is to be relied on.
import { claude, over, say, start } from "./anthropic.ts";
import { CALLS, call, chat, delta, fn, HI, STOP } from "./chat-events.ts";
import { DONE, data, ev, type OddForm, OSLO, weather } from "./form.ts";
import { gemini, part } from "./google.ts";

const error = data({ error: { message: "No usage for you", code: 500 } });
const asked = call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') });
const busy = ev("error", { error: { type: "overloaded_error", message: "Busy" } });
const [ended = ""] = over().split(/(?<=\n\n)/);

export const LATE: OddForm[] = [
  chat("an error after the end", HI + STOP + error, { reason: "stop" }),
  chat("an error after the end, then usage and the end mark", HI + STOP + error + DONE, {
    reason: "stop",
  }),
  chat("an error after the end at a limit", HI + delta({}, "length") + error, { reason: "length" }),
  chat("an error after whole calls", asked + delta({}, "tool_calls") + error, {
    calls: [weather(OSLO, "a")],
  }),
  chat("plain words of an error after the end", `${HI}${STOP}event: error\ndata: boom\n\n`),
  chat("an error with the end", HI + delta({}, "stop", { error: { message: "Cut" } }), {
    error: "upstream_failed",
    says: "Cut",
  }),
  chat("an error after an end without an answer", STOP + error, {
    text: "",
    error: "upstream_failed",
    says: "No usage for you",
  }),
  chat(
    "an error after an end that was none",
    delta({ content: "Hello" }, "stop") + delta({ content: " wörld" }, "stop") + error,
    { error: "upstream_failed", says: "No usage for you" },
  ),
  chat("an end that failed after one that did not", HI + STOP + delta({}, "error"), {
    error: "upstream_failed",
  }),
  chat(
    "an error after thinking that ended",
    delta({ reasoning_content: "hm" }) + STOP + error + CALLS,
    { text: "", error: "upstream_failed", says: "No usage for you" },
  ),
  claude("an error in the place of the end mark", start() + say("Hello wörld") + ended + busy, {
    reason: "stop",
    usage: { output_tokens: 9 },
  }),
  claude("an error before the end", start() + say("Hello wörld") + busy, {
    error: "upstream_failed",
    says: "Busy",
  }),
  gemini("an error after the end", part([{ text: "Hello wörld" }], "STOP") + error, {
    reason: "stop",
  }),
  gemini(
    "a call that failed after STOP in every piece",
    part([{ text: "Hello wörld" }], "STOP") + part([], "MALFORMED_FUNCTION_CALL"),
    { error: "upstream_failed" },
  ),
];

// What servers and gateways by name have been seen to send, beside what the other files have.
import { begin, claude, close, more, over, say, start } from "./anthropic.ts";
import { CALLS, call, chat, delta, fn, HI, message, STOP } from "./chat-events.ts";
import { DONE, data, ev, type Fields, type OddForm, OSLO, ROME, weather } from "./form.ts";
import { gemini, part } from "./google.ts";
import { added, completed, done, r, responses, word } from "./responses.ts";

const HELLO = "Hello wörld";
const oslo = fn("get_weather", '{"city":"Oslo"}');
const rome = fn("get_weather", '{"city":"Rome"}');
const choices = (...all: Fields[]): string => data({ choices: all });
const json = (value: unknown): string => JSON.stringify(value);

const CHAT: OddForm[] = [
  chat(
    "vLLM: an error without a wrapping, and the end mark",
    HI + data({ object: "error", message: "Bad input", type: "BadRequestError", code: 400 }) + DONE,
    { error: "upstream_rejected", says: "Bad input" },
  ),
  chat(
    "llama.cpp: a context that is too small",
    data({
      error: { code: 400, message: "too large", type: "exceed_context_size_error", n_ctx: 4096 },
    }),
    { text: "", error: "upstream_rejected", says: "too large" },
  ),
  chat(
    "llama.cpp: timings and progress beside the words",
    data({ choices: [], prompt_progress: { total: 9, processed: 3 } }) +
      HI +
      delta({}, "stop", { timings: { predicted_n: 2 } }) +
      DONE,
    { reason: "stop" },
  ),
  chat("SGLang: a reason with what has matched", HI + delta({}, { type: "stop", matched: 2 }), {
    reason: "stop",
  }),
  chat("SGLang: aborted", HI + delta({}, "abort") + DONE, { error: "upstream_failed" }),
  chat(
    "TGI: no blank behind the colon",
    (HI + delta({}, "eos_token")).replaceAll("data: ", "data:"),
    {
      reason: "stop",
    },
  ),
  chat(
    "Groq: an error beside the choice",
    HI + data({ choices: [{ index: 0, delta: {} }], x_groq: { id: "x", error: "over capacity" } }),
    { error: "upstream_failed", says: "over capacity" },
  ),
  chat(
    "Groq: a call that failed, with what the model wrote",
    data({
      error: {
        message: "Failed to call a function",
        type: "invalid_request_error",
        code: "tool_use_failed",
        failed_generation: "<function=x>",
        status_code: 400,
      },
    }),
    { text: "", error: "upstream_rejected", says: "Failed to call" },
  ),
  chat(
    "Mistral: whole calls with the end, without an index",
    delta({ tool_calls: [{ id: "D681PevKs", function: oslo }] }, "tool_calls") + DONE,
    { calls: [weather(OSLO, "D681PevKs")] },
  ),
  chat(
    "DeepSeek: nothing in either field",
    delta({ content: null, reasoning_content: "" }) + HI + STOP,
  ),
  chat("DeepSeek: too few machines", HI + delta({}, "insufficient_system_resource"), {
    error: "upstream_failed",
  }),
  chat(
    "Together: a text beside the delta",
    choices({ text: HELLO, delta: { content: HELLO } }) + STOP,
  ),
  chat(
    "Azure: filter results before, between and after",
    data({ choices: [], prompt_filter_results: [{ prompt_index: 0 }] }) +
      HI +
      choices({ index: 0, finish_reason: null, content_filter_offsets: { end_offset: 5 } }) +
      STOP +
      choices({ index: 0, finish_reason: null, content_filter_results: {} }) +
      DONE,
    { reason: "stop" },
  ),
  chat(
    "Azure: a filter that has failed is no filter",
    HI + delta({}, "stop", { content_filter_result: { error: { code: "content_filter_error" } } }),
    { reason: "stop" },
  ),
  chat(
    "LiteLLM: an error of the vendor's in its own words",
    data({ error: { message: "litellm.RateLimitError: slow", type: null, code: "429" } }),
    { text: "", error: "upstream_rate_limited", says: "slow" },
  ),
  chat(
    "LiteLLM: its fields beside the content, and two ends",
    delta({
      content: HELLO,
      provider_specific_fields: null,
      function_call: null,
      tool_calls: null,
    }) +
      delta({ content: "" }, "stop") +
      delta({}, "stop", { usage: { prompt_tokens: 3, completion_tokens: 2 } }) +
      DONE,
    { reason: "stop", usage: { input_tokens: 3 } },
  ),
  chat(
    "OpenRouter: the provider is gone",
    `: OPENROUTER PROCESSING\n\n${HI}` +
      delta({ content: "" }, "error", { error: { code: 502, message: "Provider disconnected" } }),
    { error: "upstream_failed", says: "Provider disconnected" },
  ),
  chat(
    "Ollama: parallel calls, all at index 0",
    call({ index: 0, id: "a", function: oslo }) +
      call({ index: 0, id: "b", function: rome }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "Ollama: its own lines with thinking",
    [
      { message: { role: "assistant", content: "", thinking: "hm" }, done: false },
      { message: { role: "assistant", content: HELLO }, done: false },
      { message: { role: "assistant", content: "" }, done: true, done_reason: "stop" },
    ]
      .map((line) => `${json(line)}\n`)
      .join(""),
    { reasoning: "hm", reason: "stop" },
  ),
  chat(
    "Cloudflare: a response that is null at its end",
    data({ response: "Hello", p: "abc" }) +
      data({ response: " wörld" }) +
      data({ response: null, usage: { prompt_tokens: 1, completion_tokens: 2 } }) +
      DONE,
    { usage: { output_tokens: 2 } },
  ),
  chat(
    "Perplexity: all so far beside each delta",
    choices({ delta: { content: "Hello" }, message: { content: "Hello" } }) +
      choices({
        delta: { content: " wörld" },
        message: { content: HELLO },
        finish_reason: "stop",
      }),
    { reason: "stop" },
  ),
  chat(
    "Qwen: empty names and ids in the later pieces",
    call({ index: 0, id: "a", function: fn("get_weather", "") }) +
      call({ index: 0, id: "", function: fn("", '{"city":') }) +
      call({ index: 0, id: "", function: { name: null, arguments: '"Oslo"}' } }) +
      call({ index: 0, id: "", function: { arguments: null } }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat("GLM: its network has failed", HI + delta({}, "network_error"), {
    error: "upstream_failed",
  }),
  chat(
    "Cerebras: too many, as an event",
    `event: error\n${data({ status_code: 429, error: { message: "slow", type: "too_many_requests_error" } })}`,
    { text: "", error: "upstream_rate_limited", says: "slow" },
  ),
  chat(
    "Databricks: thinking as parts of the content",
    delta({ content: [{ type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] }] }) +
      delta({ content: [{ type: "text", text: HELLO }] }) +
      STOP,
    { reasoning: "hm" },
  ),
  chat(
    "Copilot: words and calls in choices of their own",
    json({
      choices: [
        { index: 0, message: { role: "assistant", content: HELLO }, finish_reason: "tool_calls" },
        {
          index: 0,
          message: { tool_calls: [{ id: "a", function: oslo }] },
          finish_reason: "tool_calls",
        },
      ],
    }),
    { text: HELLO, calls: [weather(OSLO, "a")] },
  ),
  chat(
    "Copilot: the same without numbers, in an event",
    choices(
      { delta: { content: HELLO } },
      { delta: { tool_calls: [{ index: 0, id: "a", function: oslo }] } },
    ) + CALLS,
    { text: HELLO, calls: [weather(OSLO, "a")] },
  ),
  chat(
    "other choices that nobody asked for",
    choices({ index: 0, delta: { content: HELLO } }, { index: 1, delta: { content: "Other" } }) +
      STOP,
  ),
  chat(
    "a call whose type comes alone",
    call({ index: 0, type: "function" }) + call({ index: 0, id: "a", function: oslo }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "arguments with blanks around them",
    call({ index: 0, id: "a", function: fn("get_weather", ' \n{"city":"Oslo"}\n ') }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "a document with an error that is false",
    json({ ...message({ content: HELLO }), error: false }),
  ),
  chat(
    "a document with an error of empty words",
    json({ ...message({ content: HELLO }), error: { message: "", code: "", type: null } }),
  ),
  chat(
    "the stream's own end in an event by itself",
    `${HI}${STOP}event: done\ndata: [DONE]\n\nevent: close\ndata: \n\n`,
    { reason: "stop" },
  ),
  chat("a retry field and ids of events", `retry: 3000\nid: 1\n${HI}id: 2\n${STOP}`),
  chat("words as numbers and truth", delta({ content: 4 }) + delta({ content: "2" }) + STOP, {
    text: "42",
  }),
];

const CLAUDE: OddForm[] = [
  claude(
    "a delta before its block, without a message",
    more(0, { type: "text_delta", text: HELLO }) + over(),
  ),
  claude("usage that is null", start({ usage: null }) + say(HELLO) + over("end_turn", null)),
  claude(
    "tools that the server runs, between the words",
    start() +
      say("Hello", 0) +
      begin(1, { type: "server_tool_use", id: "s", name: "web_search", input: {} }) +
      more(1, { type: "input_json_delta", partial_json: '{"query":"x"}' }) +
      close(1) +
      begin(2, { type: "web_search_tool_result", tool_use_id: "s", content: [] }) +
      close(2) +
      say(" wörld", 3) +
      over(),
    { reason: "stop" },
  ),
  claude(
    "input as an empty text, then in pieces",
    start() +
      begin(0, { type: "tool_use", id: "a", name: "get_weather", input: "" }) +
      more(0, { type: "input_json_delta", partial_json: '{"city":"Oslo"}' }) +
      close(0) +
      over("tool_use"),
    { calls: [weather(OSLO, "a")] },
  ),
  claude(
    "a container and a context that are managed",
    start({ container: null }) +
      say(HELLO) +
      ev("message_delta", {
        delta: { stop_reason: "end_turn", container: null },
        usage: { output_tokens: 9 },
        context_management: { applied_edits: [] },
      }) +
      ev("message_stop"),
    { reason: "stop" },
  ),
  claude(
    "an error of a gateway in the form of another vendor",
    start() + data({ error: { message: "Rate limited", type: "rate_limit_error", code: 429 } }),
    { text: "", error: "upstream_rate_limited", says: "Rate limited" },
  ),
  claude(
    "events without a blank behind the colon",
    (start() + say(HELLO) + over()).replaceAll(": {", ":{"),
  ),
  claude(
    "a ping without data",
    `event: ping\n\n${start()}event: ping\ndata:\n\n${say(HELLO)}${over()}`,
  ),
];

const RESPONSES: OddForm[] = [
  responses(
    "vLLM: no item and no place",
    r("response.output_text.delta", { delta: "Hello" }) +
      r("response.output_text.delta", { delta: " wörld" }) +
      completed(),
  ),
  responses(
    "LM Studio: thinking in a part",
    r("response.reasoning_text.delta", { output_index: 0, delta: "hm" }) +
      r("response.reasoning_text.done", { output_index: 0, text: "hm" }) +
      word(HELLO, { output_index: 1 }) +
      completed(),
    { reasoning: "hm" },
  ),
  responses(
    "arguments only when they are whole",
    added(0, { type: "function_call", id: "f", call_id: "a", name: "get_weather", arguments: "" }) +
      r("response.function_call_arguments.done", {
        output_index: 0,
        item_id: "f",
        arguments: '{"city":"Oslo"}',
      }) +
      completed(),
    { calls: [weather(OSLO, "a")] },
  ),
  responses(
    "Azure: too many, as a failed response",
    word("Hello") +
      r("response.failed", {
        response: { status: "failed", error: { code: "rate_limit_exceeded", message: "slow" } },
      }),
    { text: "Hello", error: "upstream_rate_limited", says: "slow" },
  ),
  responses(
    "items and events of tools that the server runs",
    added(0, { type: "web_search_call", id: "w", status: "in_progress" }) +
      r("response.web_search_call.searching", { output_index: 0, item_id: "w" }) +
      done(0, { type: "web_search_call", id: "w", status: "completed" }) +
      word(HELLO, { output_index: 1 }) +
      completed(),
  ),
  responses("an end without a response", word(HELLO) + r("response.completed", { response: null })),
];

const GEMINI: OddForm[] = [
  gemini(
    "an end without content",
    part([{ text: HELLO }]) + data({ candidates: [{ finishReason: "STOP" }] }),
    {
      reason: "stop",
    },
  ),
  gemini(
    "code that it ran, and pictures",
    part([
      { executableCode: { language: "PYTHON", code: "1" } },
      { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } },
      { inlineData: { mimeType: "image/png", data: "" } },
      { text: HELLO },
    ]) + part([], "STOP"),
    { reason: "stop" },
  ),
  gemini(
    "arguments that are null",
    part([{ functionCall: { name: "get_weather", args: null } }], "STOP"),
    {
      calls: [weather({})],
    },
  ),
  gemini(
    "a signature on a text of nothing at the end",
    part([{ text: HELLO }]) + part([{ text: "", thoughtSignature: "c2ln" }], "STOP"),
    { reason: "stop" },
  ),
  gemini("a feedback of nothing", data({ promptFeedback: {} }) + part([{ text: HELLO }], "STOP")),
  gemini("another end", part([{ text: HELLO }], "OTHER"), { reason: "other" }),
  gemini(
    "an error in a list",
    part([{ text: HELLO }]) +
      json([{ error: { code: 503, message: "Busy", status: "UNAVAILABLE" } }]).replace(
        /^/,
        "data: ",
      ) +
      "\n\n",
    {
      error: "upstream_failed",
      says: "Busy",
    },
  ),
];

export const GATEWAYS: OddForm[] = [...CHAT, ...CLAUDE, ...RESPONSES, ...GEMINI];

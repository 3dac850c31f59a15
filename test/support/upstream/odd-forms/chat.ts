import { chat, delta, HI, message, STOP } from "./chat-events.ts";
import { DONE, data, type OddForm } from "./form.ts";

export const CHAT: OddForm[] = [
  chat("no end mark", HI + STOP, { reason: "stop" }),
  chat("only the end mark", HI + DONE, { reason: "other" }),
  chat("no blank line at the end", (HI + STOP).trimEnd()),
  chat("CRLF", (HI + STOP + DONE).replaceAll("\n", "\r\n")),
  chat("CR", (HI + STOP + DONE).replaceAll("\n", "\r")),
  chat("a byte order mark", `\uFEFF${HI}${STOP}${DONE}`),
  chat("no space after the colon", (HI + STOP + DONE).replaceAll("data: ", "data:")),
  chat("ids, comments and retry times", `: hi\n\nid: 7\nretry: 10\n${HI}: hi\n\n${STOP}${DONE}`),
  chat("one JSON document", JSON.stringify(message({ content: "Hello wörld" }))),
  chat("one document over lines", JSON.stringify(message({ content: "Hello wörld" }), null, 2)),
  chat("lines of JSON", (HI + STOP).replaceAll("data: ", "").replaceAll("\n\n", "\n")),
  chat("lines of JSON, the last without its end", (HI + STOP).replaceAll("data: ", "").trimEnd()),
  chat("message in the place of delta", data(message({ content: "Hello wörld" })) + DONE),
  chat(
    "delta empty beside a message",
    data({
      choices: [
        { index: 0, delta: {}, message: { content: "Hello wörld" }, finish_reason: "stop" },
      ],
    }) + DONE,
  ),
  chat(
    "content as parts",
    delta({ content: [{ type: "text", text: "Hello" }] }) +
      delta({ content: [{ type: "output_text", text: " wörld" }] }) +
      STOP,
  ),
  chat("one part alone", delta({ content: { type: "text", text: "Hello wörld" } }) + STOP),
  chat(
    "nothing that is known between words",
    delta({ content: "Hello" }) +
      [
        "data: \n\n",
        "data:\n\n",
        data({}),
        data(null),
        data([]),
        data(7),
        data({ choices: [] }),
        data({ choices: null }),
        data({ choices: [null] }),
        data({ id: "c", choices: [{}] }),
        data({ choices: [{ delta: null }] }),
        delta({ content: null }),
        delta({ role: "assistant" }),
        delta({ content: "" }, ""),
        'event: ping\ndata: {"type":"ping"}\n\n',
        'event: new_thing\ndata: {"x":1}\n\n',
        "event: ping\ndata:\n\n",
        "data: {nonsense\n\n",
        data({ error: null }),
        data({ error: {} }),
        data({ error: "" }),
        data({ status: "processing" }),
      ].join("") +
      delta({ content: " wörld" }) +
      STOP +
      DONE,
  ),
  chat(
    "numbers as text and text as numbers",
    data({
      id: 7,
      created: "1",
      choices: [{ index: "0", delta: { content: "Hello wörld" }, finish_reason: "stop" }],
    }) +
      data({ choices: [], usage: { prompt_tokens: "3", completion_tokens: "4" } }) +
      DONE,
    {
      usage: { input_tokens: 3, output_tokens: 4 },
    },
  ),
  chat("choices as one object", data({ choices: { delta: { content: "Hello wörld" } } }) + STOP),
  chat(
    "other choices beside it",
    HI + data({ choices: [{ index: 1, delta: { content: "no" } }] }) + STOP,
  ),
  chat(
    "two objects in one event",
    `data: ${[HI, STOP].join("").replaceAll("data: ", "").replaceAll("\n", "")}\n\n`,
  ),
  chat(
    "an event over several data lines",
    `data: {"choices":[{"delta":\ndata: {"content":"Hello wörld"},\ndata: "finish_reason":"stop"}]}\n\n`,
  ),
  chat(
    "a comma too many",
    `data: {"choices":[{"delta":{"content":"Hello wörld",},"finish_reason":"stop"},],}\n\n`,
  ),
  chat(
    "words after the reason",
    delta({ content: "Hello" }, "stop") + delta({ content: " wörld" }) + DONE,
    {
      reason: "stop",
    },
  ),
  chat(
    "words and usage in the last event",
    delta({ content: "Hello wörld" }, "stop", {
      usage: {
        prompt_tokens: 3,
        completion_tokens: 4,
        prompt_tokens_details: { cached_tokens: 2 },
        completion_tokens_details: { reasoning_tokens: 1 },
      },
    }),
    { usage: { input_tokens: 3, output_tokens: 4, cache_read_tokens: 2, reasoning_tokens: 1 } },
  ),
  chat(
    "usage in every event: the last counts",
    delta({ content: "Hello wörld" }, null, {
      usage: { prompt_tokens: 3, completion_tokens: 1 },
    }) + delta({}, "stop", { usage: { prompt_tokens: 3, completion_tokens: 2 } }),
    {
      usage: { input_tokens: 3, output_tokens: 2 },
    },
  ),
  chat("a reason that nobody knows", HI + delta({}, "tired"), { reason: "other" }),
  chat(
    "Ollama's own form",
    [
      { message: { role: "assistant", content: "Hello" }, done: false },
      { message: { role: "assistant", content: " wörld" }, done: false },
      {
        message: { content: "" },
        done: true,
        done_reason: "stop",
        prompt_eval_count: 3,
        eval_count: 4,
      },
    ]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(""),
    {
      reason: "stop",
      usage: { input_tokens: 3, output_tokens: 4 },
    },
  ),
  chat("reasoning_content", delta({ reasoning_content: "hm" }) + HI + STOP, { reasoning: "hm" }),
  chat("reasoning", delta({ reasoning: "hm" }) + HI + STOP, { reasoning: "hm" }),
  chat(
    "two fields for the same thinking",
    delta({
      reasoning: "hm",
      reasoning_content: "hm",
      reasoning_details: [{ type: "reasoning.text", text: "hm" }],
    }) +
      HI +
      STOP,
    { reasoning: "hm" },
  ),
  chat(
    "reasoning_details alone",
    delta({
      reasoning_details: [
        { type: "reasoning.summary", summary: "h" },
        { type: "reasoning.encrypted", data: "x" },
      ],
    }) +
      delta({ reasoning_details: [{ type: "reasoning.text", text: "m" }] }) +
      HI +
      STOP,
    { reasoning: "hm" },
  ),
  chat(
    "thinking blocks",
    delta({ thinking_blocks: [{ type: "thinking", thinking: "hm" }] }) + HI + STOP,
    { reasoning: "hm" },
  ),
  chat(
    "thinking as a part of the content",
    delta({
      content: [
        { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
        { type: "text", text: "Hello wörld" },
      ],
    }) + STOP,
    { reasoning: "hm" },
  ),
  chat("think tags", delta({ content: "<think>\nhm</think>\n\nHello wörld" }) + STOP, {
    reasoning: "hm",
  }),
  chat(
    "think tags cut",
    ["\n<th", "ink>", "h", "m</", "thi", "nk>", "\n", "Hello wörld"]
      .map((content) => delta({ content }))
      .join("") + STOP,
    { reasoning: "hm" },
  ),
  chat("thinking tags", delta({ content: "<thinking>hm</thinking>Hello wörld" }) + STOP, {
    reasoning: "hm",
  }),
  chat("think tags that stay open", delta({ content: "<think>hm" }) + STOP, {
    text: "",
    reasoning: "hm",
  }),
  chat(
    "two blocks of thinking",
    delta({ content: "<think>h</think>\n<think>m</think>Hello wörld" }) + STOP,
    { reasoning: "hm" },
  ),
  chat("think tags in the middle", delta({ content: "Say <think>x</think>" }) + STOP, {
    text: "Say <think>x</think>",
    reasoning: "",
  }),
  chat("think tags in code", delta({ content: "`<think>` and `</think>`" }) + STOP, {
    text: "`<think>` and `</think>`",
    reasoning: "",
  }),
  chat("another tag", delta({ content: "<thin" }) + delta({ content: "g>x" }) + STOP, {
    text: "<thing>x",
  }),
  chat("a refusal", delta({ refusal: "No, " }) + delta({ refusal: "sorry." }) + STOP, {
    text: "No, sorry.",
    reason: "content_filter",
  }),
];

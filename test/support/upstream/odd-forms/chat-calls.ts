import { CALLS, call, chat, delta, fn, HI, message, STOP } from "./chat-events.ts";
import { DONE, data, type OddForm, OSLO, ROME, weather } from "./form.ts";

export const CHAT_CALLS: OddForm[] = [
  chat(
    "a call in pieces",
    call({ index: 0, id: "a", type: "function", function: fn("get_weather", "") }) +
      call({ index: 0, function: fn(undefined, '{"city":') }) +
      call({ index: 0, function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")], reason: "tool_calls" },
  ),
  chat(
    "no index and no type",
    call({ id: "a", function: fn("get_weather", '{"city":') }) +
      call({ function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "an index that does not begin with 0",
    call({ index: 1, id: "a", function: fn("get_weather", "{}") }) + CALLS,
    { calls: [weather({}, "a")] },
  ),
  chat(
    "an index as text",
    call({ index: "0", id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: "0", function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "another index for each piece",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 1, function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "the id in each piece",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: "a", function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "id and name in each piece",
    ['{"ci', 'ty":', '"Oslo"}']
      .map((args) => call({ index: 0, id: "a", function: fn("get_weather", args) }))
      .join("") + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "an empty id and name in each further piece",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: "", function: fn("", '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "null for id and name",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: null, type: null, function: { name: null, arguments: '"Oslo"}' } }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat("no id at all", call({ index: 0, function: fn("get_weather", '{"city":"Oslo"}') }) + CALLS, {
    calls: [weather(OSLO)],
  }),
  chat("a number as id", call({ index: 0, id: 12, function: fn("get_weather", "{}") }) + CALLS, {
    calls: [weather({}, "12")],
  }),
  chat(
    "the id after the name",
    call({ index: 0, function: fn("get_weather", "") }) +
      call({ index: 0, id: "a", function: fn(undefined, '{"city":"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "two calls",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 1, id: "b", function: fn("get_weather", '{"city":"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "two calls in turns",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 1, id: "b", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, function: fn(undefined, '"Oslo"}') }) +
      call({ index: 1, function: fn(undefined, '"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "two calls under one index",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 0, id: "b", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, function: fn(undefined, '"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "two calls under one index without ids",
    call({ index: 0, function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 0, function: fn("get_weather", '{"city":"Rome"}') }) +
      CALLS,
    { repeated: 0, calls: [weather(OSLO), weather(ROME)] },
  ),
  chat(
    "two calls under one id",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 1, id: "a", function: fn("get_weather", '{"city":"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME)] },
  ),
  chat(
    "two calls in one event without an index",
    delta({
      tool_calls: [
        { id: "a", function: fn("get_weather", '{"city":"Oslo"}') },
        { id: "b", function: fn("get_weather", '{"city":"Rome"}') },
      ],
    }) + CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "two calls in one event with nothing but their names",
    delta({
      tool_calls: [
        { function: fn("get_weather", '{"city":"Oslo"}') },
        { function: fn("get_weather", '{"city":"Rome"}') },
      ],
    }) + CALLS,
    { calls: [weather(OSLO), weather(ROME)] },
  ),
  chat(
    "the whole call once more at the end",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, function: fn(undefined, '"Oslo"}') }) +
      call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      CALLS,
    { repeated: 1, calls: [weather(OSLO, "a")] },
  ),
  chat(
    "the same at another index",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 1, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      CALLS,
    { repeated: 1, calls: [weather(OSLO, "a")] },
  ),
  chat(
    "the same as a message",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      data(
        message(
          { tool_calls: [{ id: "a", function: fn("get_weather", '{"city":"Oslo"}') }] },
          "tool_calls",
        ),
      ) +
      DONE,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "nothing, then the whole",
    call({ index: 0, id: "a", function: fn("get_weather", "{}") }) +
      call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "arguments as an object",
    call({ index: 0, id: "a", function: fn("get_weather", OSLO) }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "arguments as text in text",
    call({ index: 0, id: "a", function: fn("get_weather", JSON.stringify('{"city":"Oslo"}')) }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "a call without arguments",
    call({ index: 0, id: "a", function: fn("get_weather") }) + CALLS,
    { calls: [weather({}, "a")] },
  ),
  chat(
    "null for arguments",
    call({ index: 0, id: "a", function: fn("get_weather", null) }) + CALLS,
    { calls: [weather({}, "a")] },
  ),
  chat(
    "a call that ends with stop",
    call({ index: 0, id: "a", function: fn("get_weather", "{}") }) + STOP,
    { calls: [weather({}, "a")], reason: "tool_calls" },
  ),
  chat("tool_calls without a call", HI + CALLS, { reason: "stop" }),
  chat(
    "name and arguments without function",
    call({ index: 0, id: "a", name: "get_weather", arguments: '{"city":"Oslo"}' }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "one call that is no list",
    delta({ tool_calls: { id: "a", function: fn("get_weather", "{}") } }) + CALLS,
    { calls: [weather({}, "a")] },
  ),
  chat(
    "the older function_call",
    delta({ function_call: fn("get_weather", '{"city":') }) +
      delta({ function_call: fn(undefined, '"Oslo"}') }) +
      delta({}, "function_call"),
    { calls: [weather(OSLO)], reason: "tool_calls" },
  ),
  chat(
    "a call in one document",
    JSON.stringify(
      message(
        {
          content: null,
          tool_calls: [
            { id: "a", type: "function", function: fn("get_weather", '{"city":"Oslo"}') },
          ],
        },
        "tool_calls",
      ),
    ),
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "two under one index in turns, told apart by their ids",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: "b", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: "a", function: fn(undefined, '"Oslo"}') }) +
      call({ index: 0, id: "b", function: fn(undefined, '"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "null for the index",
    call({ index: null, id: "a", function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: null, id: "b", function: fn("get_weather", '{"city":"Rome"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a"), weather(ROME, "b")] },
  ),
  chat(
    "a new id in each piece",
    call({ index: 0, id: "a1", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: "a2", function: fn(undefined, '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a1")] },
  ),
  chat(
    "a new id in each piece, and the name",
    call({ index: 0, id: "a1", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, id: "a2", function: fn("get_weather", '"Oslo"}') }) +
      CALLS,
    { calls: [weather(OSLO, "a1")] },
  ),
  chat(
    "one without arguments, then one with, under one index",
    call({ index: 0, id: "a", function: fn("get_weather") }) +
      call({ index: 0, id: "b", function: fn("get_weather", '{"city":"Oslo"}') }) +
      CALLS,
    { calls: [weather({}, "a"), weather(OSLO, "b")] },
  ),
  chat(
    "once more with its fields in another order",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":"Oslo","at":1}') }) +
      call({ index: 0, id: "a", function: fn("get_weather", '{ "at": 1, "city": "Oslo" }') }) +
      CALLS,
    { repeated: 1, calls: [weather({ ...OSLO, at: 1 }, "a")] },
  ),
  chat(
    "as an object, after its pieces",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      call({ index: 0, function: fn(undefined, '"Oslo"}') }) +
      call({ index: 0, id: "a", function: fn("get_weather", OSLO) }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "all of it so far in each piece",
    ['{"ci', '{"city":"Os', '{"city":"Oslo"}']
      .map((args) => call({ index: 0, id: "a", function: fn("get_weather", args) }))
      .join("") + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "two alike in one event",
    delta({
      tool_calls: [
        { function: fn("get_weather", '{"city":"Oslo"}') },
        { function: fn("get_weather", '{"city":"Oslo"}') },
      ],
    }) + CALLS,
    { repeated: 0, calls: [weather(OSLO), weather(OSLO)] },
  ),
  chat(
    "all once more in one event",
    call({ index: 0, function: fn("get_weather", '{"city":"Oslo"}') }) +
      call({ index: 1, function: fn("get_weather", '{"city":"Rome"}') }) +
      delta({
        tool_calls: [
          { index: 0, function: fn("get_weather", '{"city":"Oslo"}') },
          { index: 1, function: fn("get_weather", '{"city":"Rome"}') },
        ],
      }) +
      CALLS,
    { repeated: 2, calls: [weather(OSLO), weather(ROME)] },
  ),
  chat(
    "the name last",
    call({ index: 0, id: "a", function: fn("", '{"city":"Oslo"}') }) +
      call({ index: 0, function: fn("get_weather") }) +
      CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "pieces after the end",
    call({ index: 0, id: "a", function: fn("get_weather", '{"city":') }) +
      delta({}, "tool_calls") +
      call({ index: 0, function: fn(undefined, '"Oslo"}') }) +
      DONE,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "a list in the list",
    delta({ tool_calls: [[{ id: "a", function: fn("get_weather", '{"city":"Oslo"}') }]] }) + CALLS,
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "in the choice itself",
    data({
      choices: [
        {
          tool_calls: [{ id: "a", function: fn("get_weather", OSLO) }],
          finish_reason: "tool_calls",
        },
      ],
    }),
    { calls: [weather(OSLO, "a")] },
  ),
  chat(
    "Ollama's own form, two whole ones",
    [OSLO, ROME]
      .map((args) => ({
        message: { content: "", tool_calls: [{ function: fn("get_weather", args) }] },
        done: args === ROME,
      }))
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(""),
    { calls: [weather(OSLO), weather(ROME)], reason: "tool_calls" },
  ),
  chat(
    "a tool with input in plain words",
    call({ index: 0, id: "a", type: "custom", custom: { name: "get_weather", input: "Oslo" } }) +
      CALLS,
    { calls: [{ ...weather({}, "a"), raw_arguments: "Oslo" }] },
  ),
];

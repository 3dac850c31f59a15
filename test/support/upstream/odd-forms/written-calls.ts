// Calls in the text, as models write them whose server does not take them out; and texts that only
// speak of calls.
import { claude, over, say, start } from "./anthropic.ts";
import { chat, delta, STOP } from "./chat-events.ts";
import { DONE, type OddForm, OSLO, ROME, weather } from "./form.ts";

const JSON_OSLO = '{"name": "get_weather", "arguments": {"city": "Oslo"}}';
const JSON_ROME = '{"name": "get_weather", "arguments": {"city": "Rome"}}';
const QWEN = `<tool_call>\n${JSON_OSLO}\n</tool_call>`;

/** In words as they come from a tokenizer. */
const said = (words: string, end = STOP): string =>
  words
    .split(/(?=[\s<>|[{:])/)
    .map((piece) => delta({ content: piece }))
    .join("") +
  end +
  DONE;

const call = (name: string, words: string, calls = [weather(OSLO)]): OddForm =>
  chat(`written as ${name}`, said(words), { text: words.trim(), calls, reason: "tool_calls" });
const none = (name: string, words: string, end?: string): OddForm =>
  chat(`no call: ${name}`, said(words, end), { text: words.trim(), calls: [] });

export const WRITTEN_CALLS: OddForm[] = [
  call("Qwen does, after words", `Let me look.\n${QWEN}`),
  call("two of them", `${QWEN}\n${QWEN.replace("Oslo", "Rome")}`, [weather(OSLO), weather(ROME)]),
  call("Qwen does, not closed", QWEN.replace("\n</tool_call>", "")),
  call(
    "Qwen's coder does",
    "<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n</tool_call>",
  ),
  call(
    "Qwen's coder does, without its beginning",
    "<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n</tool_call>",
  ),
  call("Llama does", '<function=get_weather>{"city": "Oslo"}</function>'),
  call(
    "Llama does after its mark",
    `<|python_tag|>${JSON_OSLO.replace("arguments", "parameters")}`,
  ),
  call(
    "GLM does",
    "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n</tool_call>",
  ),
  call(
    "MiniMax does",
    '<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Oslo</parameter>\n</invoke>\n</minimax:tool_call>',
  ),
  call(
    "DeepSeek does since 3.2",
    '<｜DSML｜function_calls><｜DSML｜invoke name="get_weather"><｜DSML｜parameter name="city" string="true">Oslo</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜function_calls>',
  ),
  call(
    "Kimi does",
    '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city":"Oslo"}<|tool_call_end|><|tool_calls_section_end|>',
  ),
  call(
    "DeepSeek does",
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city":"Oslo"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
  ),
  call(
    "DeepSeek does since 3.1",
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city":"Oslo"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
  ),
  call("Mistral does", `[TOOL_CALLS][${JSON_OSLO}, ${JSON_ROME}]`, [weather(OSLO), weather(ROME)]),
  call("Mistral does since 2025", '[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo"}'),
  {
    ...claude(
      "no call: in a format whose vendor takes them out itself",
      start() + say(QWEN) + over(),
    ),
    ...{ text: QWEN, calls: [] },
  },
  none("words come after it", `${QWEN}\nThat is how a call looks.`),
  none("it is code", `\`\`\`\n${QWEN}\n\`\`\``),
  none("code for an interpreter", "<|python_tag|>print(1)"),
  none("a tool that was not offered", QWEN.replace("get_weather", "delete_all")),
  none("arguments that are none", QWEN.replace('{"city": "Oslo"}', '"Oslo"')),
  none("the answer is cut", QWEN, delta({}, "length")),
];

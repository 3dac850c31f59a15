// The vendors' official clients, and the AI SDK's, read what our scripted servers send:
// what they do not understand is no stand-in for a vendor, and what they read otherwise
// than we do is our mistake.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { type LanguageModel, streamText } from "ai";
import OpenAI from "openai";
import { FAKE_MODEL } from "./start-upstream.ts";

/** What a judge has read. */
export interface Read {
  text: string;
  calls: { name: string; arguments: unknown }[];
}

const KEY = "test-key-1234567890";
const QUESTION = "hello";

export type Judge = (origin: string) => Promise<Read>;

/** By the name of the format's fixtures. */
export const OFFICIAL: Readonly<Record<string, Judge>> = {
  async openai(origin) {
    const client = new OpenAI({ apiKey: KEY, baseURL: `${origin}/v1`, maxRetries: 0 });
    const read: Read = { text: "", calls: [] };
    const request = { model: FAKE_MODEL, input: QUESTION, stream: true } as const;
    for await (const event of await client.responses.create(request)) {
      if (event.type === "response.output_text.delta") read.text += event.delta;
      if (event.type === "response.output_item.done" && event.item.type === "function_call") {
        read.calls.push({ name: event.item.name, arguments: JSON.parse(event.item.arguments) });
      }
    }
    return read;
  },
  async ollama(origin) {
    const client = new OpenAI({ apiKey: KEY, baseURL: `${origin}/v1`, maxRetries: 0 });
    const request = { model: FAKE_MODEL, messages: [{ role: "user", content: QUESTION }] } as const;
    const stream = client.chat.completions.stream({ ...request, messages: [...request.messages] });
    const { message } = (await stream.finalChatCompletion()).choices[0] ?? {};
    const calls = (message?.tool_calls ?? []).flatMap((call) =>
      call.type === "function"
        ? [{ name: call.function.name, arguments: JSON.parse(call.function.arguments) as unknown }]
        : [],
    );
    return { text: message?.content ?? "", calls };
  },
  async anthropic(origin) {
    const client = new Anthropic({ apiKey: KEY, baseURL: origin, maxRetries: 0 });
    const messages = [{ role: "user" as const, content: QUESTION }];
    const stream = client.messages.stream({ model: FAKE_MODEL, max_tokens: 100, messages });
    const { content } = await stream.finalMessage();
    return {
      text: content.map((block) => (block.type === "text" ? block.text : "")).join(""),
      calls: content.flatMap((block) =>
        block.type === "tool_use" ? [{ name: block.name, arguments: block.input }] : [],
      ),
    };
  },
  async google(origin) {
    const client = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: origin } });
    const read: Read = { text: "", calls: [] };
    const request = { model: FAKE_MODEL, contents: QUESTION };
    for await (const response of await client.models.generateContentStream(request)) {
      for (const part of response.candidates?.[0]?.content?.parts ?? []) {
        if (part.text && !part.thought) read.text += part.text;
        const { name, args } = part.functionCall ?? {};
        if (name) read.calls.push({ name, arguments: args });
      }
    }
    return read;
  },
};

const MODELS: Readonly<Record<string, (origin: string) => LanguageModel>> = {
  openai: (origin) => createOpenAI({ apiKey: KEY, baseURL: `${origin}/v1` }).responses(FAKE_MODEL),
  ollama: (origin) =>
    createOpenAICompatible({ name: "fake", apiKey: KEY, baseURL: `${origin}/v1` })(FAKE_MODEL),
  anthropic: (origin) => createAnthropic({ apiKey: KEY, baseURL: `${origin}/v1` })(FAKE_MODEL),
  google: (origin) =>
    createGoogleGenerativeAI({ apiKey: KEY, baseURL: `${origin}/v1beta` })(FAKE_MODEL),
};

/** The AI SDK with its adapter for the format. */
export async function readByAiSdk(format: string, origin: string): Promise<Read> {
  const model = MODELS[format]?.(origin);
  if (!model) throw new Error(`no model for ${format}`);
  const result = streamText({
    model,
    prompt: QUESTION,
    maxRetries: 0,
    onError: () => {},
  });
  const [text, calls] = await Promise.all([result.text, result.toolCalls]);
  return {
    text,
    calls: calls.map(({ toolName, input }) => ({ name: toolName, arguments: input as unknown })),
  };
}

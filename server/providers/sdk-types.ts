// The language model contract of the AI SDK, taken from a provider that is a dependency of ours.
import type { AnthropicProvider } from "@ai-sdk/anthropic";

export type SdkModel = ReturnType<AnthropicProvider["languageModel"]>;
export type SdkOptions = Parameters<SdkModel["doStream"]>[0];
export type SdkPrompt = SdkOptions["prompt"];
type SdkStream = Awaited<ReturnType<SdkModel["doStream"]>>["stream"];
export type SdkPart = SdkStream extends ReadableStream<infer Part> ? Part : never;
export type SdkFinish = Extract<SdkPart, { type: "finish" }>;
export type SdkToolCall = Extract<SdkPart, { type: "tool-call" }>;

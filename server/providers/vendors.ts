// What is known of each vendor before anybody is asked.

import type { SamplingField } from "../protocol/sampling.ts";

export const VENDOR_NAMES = [
  "openai-compatible",
  "openai",
  "anthropic",
  "google",
  "ollama",
] as const;
export type VendorName = (typeof VENDOR_NAMES)[number];

export interface Vendor {
  name: VendorName;
  label: string;
  /** Its own servers; a key without a base URL is for these. */
  baseUrl: string;
  /** What a base URL without a path gets. */
  path: string;
  needsKey: boolean;
  /** The variable that holds its key, or its address, when the companion starts. */
  keyVariable?: string;
  addressVariable?: string;
  /** What of a `Sampling` its API has; the rest is refused by name. */
  takes: readonly SamplingField[];
  /** Current models that are good at chat, best first. Any other name works, too. */
  models: readonly string[];
}

const BASIC = ["temperature", "top_p", "max_output_tokens"] as const;
const CHAT_API = [...BASIC, "stop", "seed", "presence_penalty", "frequency_penalty"] as const;

export const VENDORS: Readonly<Record<VendorName, Vendor>> = {
  "openai-compatible": {
    name: "openai-compatible",
    takes: CHAT_API,
    label: "The OpenAI-compatible server",
    baseUrl: "https://api.openai.com/v1",
    path: "/v1",
    needsKey: false,
    keyVariable: "OPENAI_API_KEY",
    addressVariable: "OPENAI_BASE_URL",
    models: [],
  },
  openai: {
    name: "openai",
    takes: BASIC,
    label: "OpenAI",
    baseUrl: "https://api.openai.com/v1",
    path: "/v1",
    needsKey: true,
    keyVariable: "OPENAI_API_KEY",
    addressVariable: "OPENAI_BASE_URL",
    models: ["gpt-6.1-sol", "gpt-6-luna", "gpt-5.6", "gpt-5.4-mini"],
  },
  anthropic: {
    name: "anthropic",
    takes: [...BASIC, "stop"],
    label: "Anthropic",
    baseUrl: "https://api.anthropic.com/v1",
    path: "/v1",
    needsKey: true,
    keyVariable: "ANTHROPIC_API_KEY",
    addressVariable: "ANTHROPIC_BASE_URL",
    models: ["claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5"],
  },
  google: {
    name: "google",
    takes: CHAT_API,
    label: "Google Gemini",
    baseUrl: "https://generativelanguage.googleapis.com/v1beta",
    path: "/v1beta",
    needsKey: true,
    keyVariable: "GOOGLE_GENERATIVE_AI_API_KEY",
    models: ["gemini-pro-latest", "gemini-flash-latest", "gemini-flash-lite-latest"],
  },
  ollama: {
    name: "ollama",
    takes: CHAT_API,
    label: "Ollama",
    baseUrl: "http://127.0.0.1:11434/v1",
    path: "/v1",
    needsKey: false,
    addressVariable: "OLLAMA_HOST",
    models: [],
  },
};

export function findVendor(name: string): Vendor | undefined {
  return VENDOR_NAMES.includes(name as VendorName) ? VENDORS[name as VendorName] : undefined;
}

import type { VendorName } from "../vendors.ts";
import { anthropic } from "./anthropic.ts";
import type { WireFormat } from "./format.ts";
import { google } from "./google.ts";
import { openaiChat } from "./openai-chat.ts";
import { openaiResponses } from "./openai-responses.ts";

const FORMATS: Readonly<Record<VendorName, WireFormat>> = {
  openai: openaiResponses,
  anthropic,
  google,
  ollama: openaiChat,
  "openai-compatible": openaiChat,
};

export function formatOf(vendor: VendorName): WireFormat {
  return FORMATS[vendor];
}

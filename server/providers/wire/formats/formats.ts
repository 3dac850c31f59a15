import type { VendorName } from "../../vendors.ts";
import type { WireFormat } from "../format.ts";
import { anthropic } from "./anthropic.ts";
import { google } from "./google.ts";
import { googleInteractions } from "./google-interactions.ts";
import { openaiChat } from "./openai-chat.ts";
import { openaiResponses, openaiResponsesHeld } from "./openai-responses.ts";

const FORMATS: Readonly<Record<VendorName, WireFormat>> = {
  openai: openaiResponses,
  anthropic,
  google,
  ollama: openaiChat,
  "openai-compatible": openaiChat,
};

/** Of vendors that can hold an answer, so that it can be gone on with. */
const HELD: Partial<Readonly<Record<VendorName, WireFormat>>> = {
  openai: openaiResponsesHeld,
  google: googleInteractions,
};

export function formatOf(vendor: VendorName, held = false): WireFormat {
  return (held ? HELD[vendor] : undefined) ?? FORMATS[vendor];
}

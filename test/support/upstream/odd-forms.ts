import { ANTHROPIC } from "./odd-forms/anthropic.ts";
import { AROUND } from "./odd-forms/around.ts";
import { CHAT } from "./odd-forms/chat.ts";
import { CHAT_BODIES } from "./odd-forms/chat-bodies.ts";
import { CHAT_CALLS } from "./odd-forms/chat-calls.ts";
import { ERRORS } from "./odd-forms/errors.ts";
import type { OddForm } from "./odd-forms/form.ts";
import { GATEWAYS } from "./odd-forms/gateways.ts";
import { GOOGLE } from "./odd-forms/google.ts";
import { GOOGLE_PARTIAL } from "./odd-forms/google-partial.ts";
import { LATE } from "./odd-forms/late.ts";
import { RESPONSES } from "./odd-forms/responses.ts";
import { SLIPS } from "./odd-forms/slips.ts";
import { WRITTEN_CALLS } from "./odd-forms/written-calls.ts";

export type { OddForm };
export const ODD_FORMS: readonly OddForm[] = [
  ...CHAT,
  ...CHAT_BODIES,
  ...CHAT_CALLS,
  ...ANTHROPIC,
  ...GOOGLE,
  ...GOOGLE_PARTIAL,
  ...RESPONSES,
  ...ERRORS,
  ...LATE,
  ...SLIPS,
  ...GATEWAYS,
  ...AROUND,
  ...WRITTEN_CALLS,
];

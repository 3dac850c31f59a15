// OpenAI's responses. https://platform.openai.com/docs/api-reference/responses-streaming

import type { ConversationMessage, ProviderRequest } from "../../provider.ts";
import { plainSchema } from "../../tool-schema.ts";
import type { Leave, WireFormat, WireRequest } from "../format.ts";
import { interleave } from "../interleave.ts";
import { attachedTo, dataUrl, fileName, tokenLimit, toSettings } from "../request-parts.ts";
import type { Fields } from "../values.ts";
import { createReader } from "./openai-responses-reader.ts";

export const openaiResponses: WireFormat = {
  toRequest,
  createReader: (answer) => createReader(answer),
  amend,
};

/** In the background: OpenAI makes the answer to its end and keeps its events, whoever listens. */
export const openaiResponsesHeld: WireFormat = {
  toRequest(request, leave) {
    const asked = toRequest(request, leave);
    return { ...asked, body: { ...asked.body, background: true, store: true } };
  },
  createReader: (answer) => createReader(answer, true),
  amend,
  held: {
    headers: {},
    stream(id, after, model) {
      const from = after === undefined ? "" : `&starting_after=${after}`;
      return `${pathOf(id)}?stream=true${from}${included("&", model)}`;
    },
    whole: (id, model) => `${pathOf(id)}${included("?", model)}`,
    cancel: (id) => `${pathOf(id)}/cancel`,
    isRefused: (said) => /\bbackground\b|\bstored?\b|retention/i.test(said),
  },
};

function pathOf(id: string): string {
  return `/responses/${encodeURIComponent(id)}`;
}

/** Who asks for an answer again has to say again what should be in it. */
function included(mark: "?" | "&", model: string): string {
  return reasonsInSecret(model) ? `${mark}include[]=${SECRET}` : "";
}

/**
 * Of these the thinking comes as a cipher, if asked for, and must come back
 * with the calls it led to.
 */
const REASONS_IN_SECRET = /^(?:o\d|gpt-(?:5|6|7)|codex|computer-use)(?!.*-chat)/;
const SECRET = "reasoning.encrypted_content";

function reasonsInSecret(model: string): boolean {
  return REASONS_IN_SECRET.test(model.split("/").at(-1) ?? "");
}

function toRequest(request: ProviderRequest, leave: Leave): WireRequest {
  const { model, system, messages, tools } = request;
  const told = leave.tools ? [] : tools;
  const limit = tokenLimit(request, leave.maxTokens);
  const secret = !leave.thinking && reasonsInSecret(model);
  return {
    path: "/responses",
    headers: {},
    body: {
      model,
      ...(system !== "" && { instructions: system }),
      input: messages.flatMap((message) => toItems(message, leave)),
      ...(told.length > 0 && {
        tools: told.map(({ name, description, parameters }) => ({
          type: "function",
          name,
          description,
          parameters: plainSchema(parameters),
          strict: false,
        })),
        tool_choice: "auto",
      }),
      ...(limit !== undefined && { max_output_tokens: limit }),
      ...toSettings(request, { temperature: "temperature", top_p: "top_p" }),
      // The conversation is stored here; OpenAI need not keep a second copy.
      store: false,
      ...(secret && { include: [SECRET] }),
      stream: true,
    },
  };
}

function toItems(message: ConversationMessage, leave: Leave): Fields[] {
  switch (message.role) {
    case "user":
      return [{ role: "user", content: toContent(message) }];
    case "tool":
      return [{ type: "function_call_output", call_id: message.call_id, output: message.content }];
    case "assistant": {
      const { content, tool_calls, thinking } = message;
      const calls = tool_calls.map(({ call_id, tool_name, arguments: args }) => ({
        type: "function_call",
        call_id,
        name: tool_name,
        arguments: JSON.stringify(args),
      }));
      return interleave<Fields>(content, calls, leave.thinking ? [] : (thinking?.parts ?? []), {
        words: (text) => [{ role: "assistant", content: text }],
        thought: ({ data }) => [data],
      });
    }
  }
}

function toContent(message: Extract<ConversationMessage, { role: "user" }>): Fields[] {
  const parts: Fields[] = attachedTo(message).map((one) =>
    one.type === "image"
      ? { type: "input_image", image_url: dataUrl(one), detail: "auto" }
      : { type: "input_file", filename: fileName(one), file_data: dataUrl(one) },
  );
  if (message.content !== "" || parts.length === 0) {
    parts.push({ type: "input_text", text: message.content });
  }
  return parts;
}

function amend(said: string, leave: Leave): Leave | undefined {
  return !leave.thinking && /encrypted|reasoning/i.test(said)
    ? { ...leave, thinking: true }
    : undefined;
}

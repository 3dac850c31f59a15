// Errors in the middle of a 200, as vendors and their imitators tell them.
import type { ErrorCode } from "../../../../server/protocol/errors.ts";
import { delta, HI } from "./chat-events.ts";
import { data, ev, type Fields, type OddForm } from "./form.ts";

const failed = (
  name: string,
  body: string,
  error: ErrorCode,
  says = "",
  form: Partial<OddForm> = {},
): OddForm => ({
  vendor: "openai-compatible",
  name: `an error: ${name}`,
  body,
  error,
  says,
  ...form,
});
const after = { text: "Hello wörld" };
const told = (name: string, error: Fields, code: ErrorCode, says = ""): OddForm =>
  failed(name, data({ error }), code, says);
const one = (choice: Fields, more: Fields = {}): string =>
  data({ choices: [{ index: 0, ...choice }], ...more });
const end = { delta: { content: "" }, finish_reason: "error" };
const claude = { vendor: "anthropic" } as const;
const openai = { vendor: "openai" } as const;
const OUT: ErrorCode = "upstream_failed";
const NO: ErrorCode = "upstream_rejected";
const MANY: ErrorCode = "upstream_rate_limited";

export const ERRORS: OddForm[] = [
  failed("its status as the error", data({ error: 429, message: "slow" }), MANY, "slow"),
  told("its status under another name", { message: "slow", http_code: "429" }, MANY, "slow"),
  told("its words as details", { code: 400, details: "too many words" }, NO, "too many words"),
  failed("TGI", data({ error: "Bad input", error_type: "validation" }), NO, "Bad input"),
  failed("Baidu", data({ error_code: 18, error_msg: "Open api qps request limit reached" }), MANY),
  failed("a list alone", data({ errors: ["first"] }), OUT, "first"),
  failed("an exception", `event: exception\ndata: {"reason":"boom"}\n\n`, OUT, "boom"),
  failed(
    "RFC 9457",
    data({ type: "about:blank", status: 429, detail: "slow" }),
    MANY,
    "slow",
    claude,
  ),
  failed(
    "Anthropic's reason",
    ev("message_delta", { delta: { stop_reason: "error" } }) + ev("message_stop"),
    OUT,
    "error",
    claude,
  ),
  failed(
    "JSON without a field",
    `${HI}{"error":{"message":"Too fast","code":429}}\n`,
    MANY,
    "Too fast",
    after,
  ),
  failed(
    "JSON without a field or an end of its line",
    `${HI}{"error":{"message":"Gone"}}`,
    OUT,
    "Gone",
    after,
  ),
  failed("a line in capitals", `${HI}Error: the GPU is gone\n\n`, OUT, "the GPU", after),
  failed(
    "OpenRouter, beside a choice",
    HI + one(end, { error: { code: "server_error", message: "Provider disconnected" } }),
    OUT,
    "Provider disconnected",
    after,
  ),
  failed(
    "OpenRouter, with the provider's own words",
    HI + one(end, { error: { code: 429, message: "Slow", metadata: { raw: "too fast" } } }),
    MANY,
    "too fast",
    after,
  ),
  failed(
    "in the choice",
    HI + one({ ...end, error: { code: 502, message: "Bad one" } }),
    OUT,
    "Bad one",
    after,
  ),
  failed("a reason alone", HI + delta({}, "error"), OUT, "The model failed", after),
  failed(
    "DeepSeek's reason",
    HI + delta({}, "insufficient_system_resource"),
    OUT,
    "insufficient_system",
    after,
  ),
  failed(
    "Gemini's reason",
    HI + delta({}, "function_call_filter: MALFORMED_FUNCTION_CALL"),
    OUT,
    "MALFORMED",
    after,
  ),
  failed("vLLM's reason", HI + delta({}, "abort"), OUT, "abort", after),
  failed(
    "llama.cpp",
    `${HI}error: {"code":500,"message":"slot is gone","type":"server_error"}\n\n`,
    OUT,
    "slot",
    after,
  ),
  failed(
    "llama.cpp, at once",
    `error: {"code":400,"message":"the context","type":"exceed_context_size_error"}\n\n`,
    NO,
    "the context",
  ),
  failed(
    "Ollama",
    `{"message":{"content":"Hello"},"done":false}\n{"error":"runner is gone"}\n`,
    OUT,
    "runner is gone",
    { text: "Hello" },
  ),
  failed(
    "Groq",
    HI + one({ delta: {} }, { x_groq: { id: "r", error: "over capacity" } }),
    OUT,
    "over capacity",
    after,
  ),
  failed(
    "DashScope, too many",
    data({ code: "Throttling.RateQuota", message: "no", request_id: "x" }),
    MANY,
  ),
  told("DashScope, filtered", { code: "data_inspection_failed", message: "no" }, NO),
  told("DashScope, no money", { code: "Arrearage", message: "no" }, NO),
  told(
    "GLM, no money",
    { code: "1113", message: "余额不足或无可用资源包,请充值。" },
    NO,
    "余额不足",
  ),
  told("GLM, too many", { code: "1302", message: "您的账户已达到速率限制" }, MANY),
  told(
    "DeepSeek, no money",
    { message: "Insufficient Balance", type: "unknown_error", code: "invalid_request_error" },
    NO,
  ),
  told("Moonshot, no money", { type: "exceeded_current_quota_error", message: "no" }, NO),
  told("Moonshot, overloaded", { type: "engine_overloaded_error", message: "no" }, OUT, "529"),
  told("a class's name, too many", { message: "no", type: "RateLimitError" }, MANY),
  told(
    "a class's name, the key",
    { message: "no", type: "AuthenticationError", code: null },
    "upstream_unauthorized",
  ),
  told("a class's name, too long", { message: "no", type: "ContextWindowExceededError" }, NO),
  told("a class's name, the request", { message: "no", type: "BadRequestError" }, NO),
  told("no such model, in words", { message: "The model `x` does not exist." }, NO, "404"),
  told("JSON in a text", { message: '{"message":"deep words","code":429}' }, OUT, "deep words"),
  failed(
    "an error that is JSON in a text",
    data({ error: '{"message":"deep","code":429}' }),
    MANY,
    "deep",
  ),
  failed(
    "Amazon's, by its type",
    data({ __type: "com.amazon#ThrottlingException", message: "no" }),
    MANY,
    "no",
  ),
  failed(
    "Amazon's, around it",
    data({ internalServerException: { message: "so it goes" } }),
    OUT,
    "so it goes",
  ),
  failed(
    "Amazon's, by its event",
    ev("throttlingException", { message: "no" }),
    MANY,
    "no",
    claude,
  ),
  failed(
    "Cloudflare",
    JSON.stringify({
      result: null,
      success: false,
      errors: [{ code: 7009, message: "Upstream is gone" }],
    }),
    OUT,
    "Upstream is gone",
  ),
  failed(
    "FastAPI",
    data({ detail: [{ loc: ["body"], msg: "field required" }] }),
    OUT,
    "field required",
  ),
  failed(
    "in a list",
    JSON.stringify([{ error: { code: 429, message: "Quota", status: "RESOURCE_EXHAUSTED" } }]),
    MANY,
    "Quota",
  ),
  failed("a list of them", data({ error: [{ message: "first" }] }), OUT, "first"),
  failed(
    "with Python's quotes",
    "data: {'error': {'message': 'single', 'code': 500}}\n\n",
    OUT,
    "single",
  ),
  failed(
    "Anthropic's, at once",
    ev("error", { error: { type: "overloaded_error", message: "Overloaded" } }),
    OUT,
    "529",
    claude,
  ),
  failed(
    "Anthropic's, as a document",
    JSON.stringify({ type: "error", error: { type: "rate_limit_error", message: "Slow" } }),
    MANY,
    "Slow",
    claude,
  ),
  failed(
    "Responses', flat",
    ev("error", { code: "rate_limit_exceeded", message: "no", param: null }),
    MANY,
    "no",
    openai,
  ),
  failed(
    "Responses', nested",
    ev("error", { error: { code: "insufficient_quota", message: "no" } }),
    NO,
    "no",
    openai,
  ),
  failed(
    "Responses', too long",
    ev("response.failed", {
      response: { status: "failed", error: { code: "context_length_exceeded", message: "no" } },
    }),
    NO,
    "no",
    openai,
  ),
  failed(
    "Responses', without words",
    ev("response.output_text.delta", { delta: "Hello" }) +
      ev("response.failed", { response: { error: null } }),
    OUT,
    "failed",
    { ...openai, text: "Hello" },
  ),
  failed(
    "Google's, in a list after words",
    JSON.stringify([
      { candidates: [{ content: { parts: [{ text: "Hello" }] } }] },
      { error: { code: 503, message: "no", status: "UNAVAILABLE" } },
    ]),
    OUT,
    "no",
    { vendor: "google", text: "Hello" },
  ),
  failed(
    "Google's call that it could not read",
    data({
      candidates: [
        { finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: "Malformed: print(x" },
      ],
    }),
    OUT,
    "Malformed: print",
    { vendor: "google" },
  ),
];

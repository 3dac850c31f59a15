import * as z from "zod/mini";

/** Ids reach headers, SSE fields and the database, so they are plain from the start. */
export const Id = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/));

/** Ids that others make (clients, providers): a little wider, still without control characters. */
export const ForeignId = z.string().check(z.regex(/^[A-Za-z0-9_.:-]{1,128}$/));

/** Text that both engines store as it is: Postgres refuses NUL, and UTF-8 has no lone surrogates. */
const Text = z.string().check(
  z.refine((text) => !text.includes("\0") && text.isWellFormed(), {
    error: "must be well-formed Unicode without NUL",
  }),
);

export const Title = Text.check(z.trim(), z.minLength(1), z.maxLength(200));
export const ModelId = z.string().check(z.regex(/^[a-z][a-z-]{0,31}\/[A-Za-z0-9_.:@/-]{1,128}$/));
const AgentType = z.string().check(z.regex(/^[a-z][a-z0-9_-]{0,31}$/));

/** A piece of the editor that goes with a message, as it was when it was sent. */
export const ContextItem = z.strictObject({
  type: z.enum(["file", "selection", "problems", "terminal", "git", "symbol", "text"]),
  label: Text.check(z.maxLength(500)),
  content: Text,
  uri: z.optional(Text.check(z.maxLength(2000))),
});
export type ContextItem = z.infer<typeof ContextItem>;

const UserMessage = z.strictObject({
  type: z.literal("user_message"),
  content: Text.check(z.minLength(1)),
  context: z.optional(z.array(ContextItem).check(z.maxLength(50))),
  /** Retry and edit: this turn and all after it leave the conversation (they stay in the log). */
  replaces_turn_id: z.optional(Id),
});

const ToolResult = z.strictObject({
  type: z.literal("tool_result"),
  call_id: ForeignId,
  result: z.optional(z.unknown()),
  error: z.optional(Text),
});

const ToolDecision = z.strictObject({
  type: z.literal("tool_decision"),
  call_id: ForeignId,
  decision: z.enum(["approve", "edit", "reject"]),
  modified_arguments: z.optional(z.record(z.string(), z.unknown())),
  feedback: z.optional(Text),
});

const SwitchAgent = z.strictObject({
  type: z.literal("switch_agent"),
  agent_type: AgentType,
  reason: z.optional(Text.check(z.maxLength(500))),
});

export const ClientMessage = z.discriminatedUnion("type", [
  UserMessage,
  ToolResult,
  ToolDecision,
  SwitchAgent,
]);
export type ClientMessage = z.infer<typeof ClientMessage>;

/** Body of `POST /v1/messages/stream`. */
export const MessageRequest = z.strictObject({
  session_id: z.optional(Id),
  request_id: z.optional(ForeignId),
  agent_type: z.optional(AgentType),
  model: z.optional(ModelId),
  message: ClientMessage,
});
export type MessageRequest = z.infer<typeof MessageRequest>;

export const CreateSessionRequest = z.strictObject({
  title: z.optional(Title),
  agent_type: z.optional(AgentType),
  model: z.optional(ModelId),
});
export type CreateSessionRequest = z.infer<typeof CreateSessionRequest>;

export const UpdateSessionRequest = z
  .strictObject({
    title: z.optional(Title),
    agent_type: z.optional(AgentType),
    model: z.optional(ModelId),
  })
  .check(
    z.refine((body) => Object.keys(body).length > 0, { error: "must change at least one field" }),
  );
export type UpdateSessionRequest = z.infer<typeof UpdateSessionRequest>;

/** Body of `PUT /v1/keys/{provider}`: held in the companion's memory only. A local server may need no key, just its address. */
export const KeyRequest = z
  .strictObject({
    key: z.optional(z.string().check(z.minLength(1), z.maxLength(4096), z.regex(/^[\x21-\x7e]+$/))),
    base_url: z.optional(z.url({ protocol: /^https?$/ })),
  })
  .check(
    z.refine((body) => body.key !== undefined || body.base_url !== undefined, {
      error: "must hold a key or a base_url",
    }),
  );
export type KeyRequest = z.infer<typeof KeyRequest>;

export const ListSessionsQuery = z.object({
  query: z.optional(Text.check(z.maxLength(500))),
  limit: z.optional(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(200))),
  cursor: z.optional(z.string().check(z.maxLength(300))),
});

/** How long running answers get to finish when a newer companion waits to take over. */
export const DRAIN_SECONDS = 60;

export const DrainRequest = z.strictObject({
  grace_seconds: z.optional(z.number().check(z.minimum(0), z.maximum(3600))),
});
